//! `tiebreak backup`: reads the database beside the server that writes it, as SQLite's log allows. No door of
//! the server can be made to write files, and a server that is stuck can still be backed up.

use super::progress::Progress;
use super::{data, output};
use crate::config::Config;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use tiebreak_storage::SqliteStore;

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to write; it must not exist
    to: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

pub(super) fn run(backup: &Backup) -> anyhow::Result<ExitCode> {
    let directory = data::existing(&backup.config, "backup")?;
    let mut progress = Progress::new("copying", "pages");
    SqliteStore::backup_directory(directory, &backup.to, |step| progress.at(step.pages_done, step.pages))?;
    drop(progress);
    let bytes = std::fs::metadata(&backup.to)?.len();
    if backup.json {
        output::json(&json!({ "path": backup.to, "bytes": bytes }))?;
    } else {
        let (to, from) = (backup.to.display(), directory.display());
        output::line(&format!(
            "copied {from} to {to} ({bytes} bytes); `tiebreak restore {to} --data <a new directory>` brings it back"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
