//! `tiebreak kinds`: one file a subcommand. They look at files only, so no server takes part.

mod check;
mod list;
mod show;

use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum KindsCommand {
    /// List the kinds of documents: the built-in ones, and those of --kinds
    List(Box<list::List>),
    /// Print a kind's file
    Show(Box<show::Show>),
    /// Say whether a new version of a kind breaks apps and documents of the old one
    Check(Box<check::Check>),
}

pub(super) fn run(command: KindsCommand) -> anyhow::Result<ExitCode> {
    match command {
        KindsCommand::List(list) => list.run(),
        KindsCommand::Show(show) => show.run(),
        KindsCommand::Check(check) => check.run(),
    }
}
