//! `tiebreak audit`: one file a subcommand.

mod list;
mod verify;

use super::client::{self, Source};
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Print who did what to whom, in the order in which it was done
    List(Box<list::List>),
    /// Look whether the log is as it was written; exit code 1 if not
    Verify(Box<verify::Verify>),
}

pub(super) fn run(audit: Audit) -> anyhow::Result<ExitCode> {
    let source = audit.source().clone();
    client::run(&source, async |client| match audit {
        Audit::List(list) => list.run(client).await.map(|()| ExitCode::SUCCESS),
        Audit::Verify(verify) => verify.run(client).await,
    })
}

impl Audit {
    fn source(&self) -> &Source {
        match self {
            Self::List(list) => &list.source,
            Self::Verify(verify) => &verify.source,
        }
    }
}
