//! The command line: one file a subcommand.

mod account_name;
mod accounts;
mod audit;
mod backup;
mod check;
mod client;
mod config;
mod conflicts;
mod data;
mod devices;
mod doc;
mod grants;
mod keys;
mod kinds;
mod output;
mod progress;
mod restore;
mod serve;

use crate::config::{Config, ConfigFile, Setting};
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Settings that matter to commands besides `serve`; the others stay out of their help.
const SHOWN_EVERYWHERE: [&str; 4] = ["listen", "data", "store", "config"];
/// Those that matter to commands that look at files only.
const SHOWN_FOR_KINDS: [&str; 2] = ["kinds", "config"];

const AFTER_HELP: &str = "Without a command, tiebreak serves: `tiebreak --listen 127.0.0.1:7070` is short for
`tiebreak serve --listen 127.0.0.1:7070`. Every flag is also a variable, TIEBREAK_LISTEN, and a key of the TOML
file that --config names, listen. `tiebreak config` shows what is in force.";

/// Local-first sync with a referee.
#[derive(Debug, Parser)]
#[command(name = "tiebreak", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default)
    Serve(Box<Serve>),
    /// Show the settings in force and where each came from
    Config(Box<config::ShowConfig>),
    /// Look at documents, take them out, bring them in
    #[command(subcommand)]
    Doc(doc::Doc),
    /// List, make and end accounts
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// See where people are signed in, and sign them out
    #[command(subcommand)]
    Devices(devices::Devices),
    /// Say who may do what with a document
    #[command(subcommand)]
    Grants(grants::Grants),
    /// What devices disagree about: list, show and settle it
    #[command(subcommand)]
    Conflicts(conflicts::Conflicts),
    /// Make and take back the credentials of programs
    #[command(subcommand)]
    Keys(keys::Keys),
    /// See which kinds of documents there are, and compare two versions of one
    #[command(subcommand)]
    Kinds(kinds::KindsCommand),
    /// Read and verify the log of who was let in, given rights, or refused
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Copy the data to a file, also while the server runs
    Backup(Box<backup::Backup>),
    /// Make a data directory from a backup
    Restore(Box<restore::Restore>),
    /// Look for damage in the data, also while the server runs
    Check(Box<check::Check>),
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    config: Config,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let (cli, settings) = match parse(std::env::args().collect()) {
        Ok(parsed) => parsed,
        Err(Failure::Clap(error)) => error.exit(),
        Err(Failure::Config(error)) => return fail(&error),
    };
    let done = match cli.command {
        Command::Serve(serve) => return serve::run(serve.config),
        Command::Config(show) => config::run(&show, &settings),
        Command::Doc(doc) => doc::run(doc),
        Command::Accounts(accounts) => accounts::run(accounts),
        Command::Devices(devices) => devices::run(devices),
        Command::Grants(grants) => grants::run(grants),
        Command::Conflicts(conflicts) => conflicts::run(conflicts),
        Command::Keys(keys) => keys::run(keys),
        Command::Kinds(kinds) => kinds::run(kinds),
        Command::Audit(audit) => audit::run(audit),
        Command::Backup(backup) => backup::run(&backup),
        Command::Restore(restore) => restore::run(&restore),
        Command::Check(check) => check::run(&check),
    };
    match done {
        Ok(code) => code,
        Err(error) if output::is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => fail(error.as_ref()),
    }
}

enum Failure {
    Clap(clap::Error),
    Config(crate::config::ConfigError),
}

/// Parses twice when a file is named: once to learn its name and what was given, once with its settings.
fn parse(arguments: Vec<String>) -> Result<(Cli, Vec<Setting>), Failure> {
    let mut arguments = with_default_command(arguments);
    let given = command().try_get_matches_from(&arguments).map_err(Failure::Clap)?;
    let path = innermost(&given).try_get_one::<PathBuf>("config").ok().flatten();
    let file = path.map(|path| ConfigFile::read(path)).transpose().map_err(Failure::Config)?;
    let mut in_force = given.clone();
    if let Some(file) = &file {
        // Behind a `--` nothing is a flag.
        let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
        arguments.splice(end..end, file.flags(innermost(&given)));
        let parsed = command().try_get_matches_from(&arguments);
        in_force = parsed.map_err(|error| Failure::Config(file.refused(&error)))?;
    }
    let cli = Cli::from_arg_matches(&in_force).map_err(Failure::Clap)?;
    Ok((cli, Setting::all(innermost(&given), file.as_ref(), innermost(&in_force))))
}

/// `tiebreak --listen …` means `tiebreak serve --listen …`, so that every flag stands in one place only.
fn with_default_command(mut arguments: Vec<String>) -> Vec<String> {
    let first = arguments.get(1).map(String::as_str);
    let is_about_all = matches!(first, Some("-h" | "--help" | "-V" | "--version"));
    if first.is_none_or(|first| first.starts_with('-') && !is_about_all) {
        arguments.insert(1.min(arguments.len()), "serve".to_owned());
    }
    arguments
}

fn command() -> clap::Command {
    let mut command = Cli::command();
    for name in ["doc", "accounts", "devices", "grants", "keys", "audit", "backup", "restore", "check"] {
        command = command.mut_subcommand(name, |command| show_only(&SHOWN_EVERYWHERE, command));
    }
    command.mut_subcommand("kinds", |command| show_only(&SHOWN_FOR_KINDS, command))
}

/// Takes all other settings, which only a server needs, out of the help; files and variables may still give them.
fn show_only(shown: &[&str], command: clap::Command) -> clap::Command {
    let settings = Config::augment_args(clap::Command::new("settings"));
    let hidden = settings.get_arguments().map(|argument| argument.get_id().clone());
    let hidden: Vec<_> = hidden.filter(|id| !shown.contains(&id.as_str())).collect();
    let hide = |command: clap::Command| {
        command.mut_args(|argument| {
            let hide = hidden.contains(argument.get_id());
            argument.hide(hide)
        })
    };
    hide(command).mut_subcommands(hide)
}

fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_name, matches)| innermost(matches))
}

/// Says something beside the result.
#[expect(clippy::print_stderr, reason = "a command line tells its user what it assumes")]
fn note(text: &str) {
    eprintln!("{text}");
}

/// Prints an error with its causes, as a sentence.
#[expect(clippy::print_stderr, reason = "a command line tells its user what failed")]
fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    eprintln!("tiebreak: {text}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }
}
