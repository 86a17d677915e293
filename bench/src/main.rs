//! `tiebreak-bench`: measures automerge-repo WebSocket servers next to the limit of the machine, a bare broadcast.

mod broadcast;
mod cli;
mod client;
mod document;
mod hash_limit;
mod load;
mod machine;
mod report;
mod scenario;
mod server_process;
mod table;

use clap::Parser;
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let command = cli::Cli::parse().command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // One thread: with two processors the servers get the other one, and nothing needs a lock.
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        match command {
            cli::Command::Run(arguments) => cli::run(arguments).await,
            cli::Command::HashLimit(arguments) => cli::print_hash_limit(&arguments),
            cli::Command::Broadcast(arguments) => {
                broadcast::serve(arguments.port, arguments.read_buffer).await?;
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}
