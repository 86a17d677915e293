//! The command line: one file a subcommand.

mod serve;

use crate::config::{Config, file_flags};
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;

/// Local-first sync with a referee.
#[derive(Debug, Parser)]
#[command(name = "tiebreak", version, arg_required_else_help = false)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default)
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    config: Config,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match parse(arguments) {
        Ok(cli) => match cli.command {
            Some(Command::Serve(ServeArgs { config })) => serve::run(config),
            None => serve::run(cli.config),
        },
        Err(Failure::Clap(error)) => error.exit(),
        Err(Failure::Config(error)) => fail(&error),
    }
}

enum Failure {
    Clap(clap::Error),
    Config(crate::config::ConfigError),
}

/// Parses twice when a file is named: once to learn its name and what was given, once with its settings.
fn parse(mut arguments: Vec<String>) -> Result<Cli, Failure> {
    let matches = Cli::command().try_get_matches_from(&arguments).map_err(Failure::Clap)?;
    let given: &ArgMatches = matches.subcommand().map_or(&matches, |(_name, given)| given);
    let file = given.try_get_one::<std::path::PathBuf>("config").ok().flatten();
    if let Some(path) = file {
        arguments.extend(file_flags(path, given).map_err(Failure::Config)?);
        return Cli::try_parse_from(arguments).map_err(Failure::Clap);
    }
    Cli::from_arg_matches(&matches).map_err(Failure::Clap)
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
