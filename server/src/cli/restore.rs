//! `tiebreak restore`.

use super::output;
use super::progress::Progress;
use crate::config::{Config, StoreChoice};
use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tiebreak_storage::{CheckProgress, SqliteStore, create_directory};

/// What a file of the embedded store begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// A file that `tiebreak backup` wrote
    from: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

pub(super) fn run(restore: &Restore) -> anyhow::Result<ExitCode> {
    let Restore { from, json, config } = restore;
    if let StoreChoice::Postgres(_) = &config.store {
        bail!(
            "`tiebreak restore` is for the embedded store; {} has tools of its own, such as pg_restore",
            config.store
        );
    }
    let data = &config.data;
    if !is_backup(from).with_context(|| format!("could not read {}", from.display()))? {
        bail!("{} is not a backup that `tiebreak backup` wrote", from.display());
    }
    if !is_empty(data).with_context(|| format!("could not look into {}", data.display()))? {
        bail!("{} is not empty; name a new directory with --data, or move this one away", data.display());
    }
    create_directory(data).with_context(|| format!("could not make {}", data.display()))?;
    let staging = data.join("restoring");
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&staging)
        .with_context(|| format!("could not make {}", staging.display()))?;
    let restored = build(from, data, &staging);
    let removed = fs::remove_dir_all(&staging);
    restored.with_context(|| format!("could not restore {}", from.display()))?;
    removed.with_context(|| format!("could not remove {}", staging.display()))?;
    if *json {
        output::json(&json!({ "data": data, "from": from }))?;
    } else {
        output::line(&format!("restored {} into {}", from.display(), data.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn is_backup(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(File::open(path)?, MAGIC.len() as u64), &mut head)?;
    Ok(head == MAGIC)
}

fn is_empty(directory: &Path) -> io::Result<bool> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Copies and looks through the copy in a directory of its own; only a whole database gets its name.
fn build(from: &Path, data: &Path, staging: &Path) -> anyhow::Result<()> {
    let copy = SqliteStore::database_in(staging);
    fs::copy(from, &copy)?;
    File::open(&copy)?.sync_all()?;
    let mut progress = Progress::new("checking", "documents");
    let report = SqliteStore::check_directory(
        staging,
        |step| match step {
            CheckProgress::Pages => {}
            CheckProgress::Documents { checked, of } => progress.at(checked, of),
        },
        |_document, _stored| {},
    )?;
    drop(progress);
    if !report.is_clean() {
        let place = SqliteStore::database_in(data);
        let first = report.integrity.first().map_or("checksums do not match", String::as_str);
        bail!("it is damaged ({first}); to save what can be read, copy it to {} yourself", place.display());
    }
    // Unlike a rename, this fails when a server has made a database there meanwhile.
    fs::hard_link(&copy, SqliteStore::database_in(data))?;
    File::open(data)?.sync_all()?;
    Ok(())
}
