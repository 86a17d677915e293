//! Notes in a terminal, shared by as many processes as you like, with a switch that cuts the connection.
//!
//! With a server running (`make run`), in one terminal `cargo run --package offline-notes -- ./phone`; it prints
//! the command for the next. Then cut one with `offline`, write on both, and go `online` again.
#![expect(clippy::print_stdout, reason = "a terminal app prints")]

mod notebook;
mod screen;

use clap::Parser;
use futures_util::StreamExt;
use notebook::{Mark, Notebook};
use std::path::PathBuf;
use std::pin::pin;
use tiebreak_client::{ConnectionState, DocumentId, SyncStatus, Tiebreak, TiebreakConfig};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

const HELP: &str =
    "add TEXT · done N · undo N · edit N TEXT · drop N · offline · online · status · help · quit";

const SERVER: &str = "ws://127.0.0.1:7070/automerge";

/// Notes that work without a network.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder of this device.
    folder: PathBuf,
    /// A notebook made on another device; without it the first one here is opened, or a new one made.
    notebook: Option<DocumentId>,
    #[arg(long, default_value = SERVER)]
    server: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let tiebreak = Tiebreak::open(TiebreakConfig::new(&arguments.folder).url(&arguments.server)).await?;
    let notebook = Notebook::open(&tiebreak, arguments.notebook).await?;
    let server = match arguments.server.as_str() {
        SERVER => String::new(),
        other => format!(" --server {other}"),
    };
    println!("On another device: cargo run --package offline-notes -- ./laptop {}{server}", notebook.id());
    println!("{HELP}");

    let mut lines = BufReader::new(stdin()).lines();
    let mut states = pin!(notebook.watch());
    let mut statuses = tiebreak.status_stream();
    let mut shown = String::new();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) if line.trim() == "quit" => break,
                Some(line) => obey(&tiebreak, &notebook, line.trim()).await,
                None => break,
            },
            Some(notes) = states.next() => println!("{notes}"),
            Some(status) = statuses.next() => {
                let line = describe(&status);
                if line != shown {
                    println!("{line}");
                    shown = line;
                }
            }
        }
    }
    tiebreak.close().await;
    Ok(())
}

async fn obey(tiebreak: &Tiebreak, notebook: &Notebook, line: &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let done = match word {
        "" => Ok(()),
        "offline" => {
            tiebreak.disconnect();
            Ok(())
        }
        "online" => {
            tiebreak.connect();
            Ok(())
        }
        "status" => {
            println!("{}", describe(&tiebreak.status()));
            Ok(())
        }
        "help" => {
            println!("{HELP}");
            Ok(())
        }
        "add" if rest.trim().is_empty() => Err(anyhow::anyhow!("what is to be noted? add TEXT")),
        "add" => notebook.add(rest).await,
        "done" => notebook.mark(rest, Mark::Done).await,
        "undo" => notebook.mark(rest, Mark::Open).await,
        "edit" => notebook.edit(rest).await,
        "drop" => notebook.remove(rest).await,
        unknown => Err(anyhow::anyhow!("there is no command {unknown:?}: {HELP}")),
    };
    if let Err(error) = done {
        println!("That did not work: {error:#}");
    }
}

fn describe(status: &SyncStatus) -> String {
    let state = if status.state == ConnectionState::Connected {
        "online".to_owned()
    } else if status.state == ConnectionState::Offline {
        "offline".to_owned()
    } else if status.state.is_stopped() {
        format!("stopped: {:?}", status.state)
    } else {
        "looking for the server".to_owned()
    };
    match status.pending_changes {
        0 if status.has_synced() => format!("[{state}, the server has everything]"),
        0 => format!("[{state}]"),
        1 => format!("[{state}, 1 change is only here]"),
        pending => format!("[{state}, {pending} changes are only here]"),
    }
}
