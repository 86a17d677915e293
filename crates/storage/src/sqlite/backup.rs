//! Online backup: a copy of the database as of one moment, while writes go on.

use super::{SqliteStore, open};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Pages copied between two looks at the progress: 1 MiB.
const PAGES_PER_STEP: i32 = 256;

const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Unfinished backups to one place, by this process or by dead ones that had its number.
const PARTIALS_MAX: u32 = 1000;

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupProgress {
    pub pages_done: u64,
    pub pages: u64,
}

/// Why there is no backup. What was written of it is removed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{} exists already", path.display())]
    Exists { path: PathBuf },
    #[error("could not write the backup to {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("could not copy the database")]
    Copy(#[source] rusqlite::Error),
    #[error("the copy is damaged: {}", findings.join("; "))]
    Damaged { findings: Vec<String> },
}

impl SqliteStore {
    /// Copies the database to a new file, which then is a data directory's `tiebreak.sqlite`. Holds every write
    /// that was answered before the call, and of the later ones a prefix. Blocks while it copies;
    /// meanwhile the log grows by what is written.
    pub fn backup(&self, to: &Path, progress: impl FnMut(BackupProgress)) -> Result<(), BackupError> {
        Self::backup_directory(&self.directory, to, progress)
    }

    /// The same for any data directory, whether or not another process has it open: nothing is written there.
    pub fn backup_directory(
        directory: &Path,
        to: &Path,
        progress: impl FnMut(BackupProgress),
    ) -> Result<(), BackupError> {
        if to.exists() {
            return Err(BackupError::Exists { path: to.to_owned() });
        }
        let failed = |source| BackupError::Write { path: to.to_owned(), source };
        let partial = create_partial(to).map_err(failed)?;
        let copied = copy(directory, &partial, progress);
        let published = copied.and_then(|()| {
            publish(&partial, to).map_err(|source| {
                if source.kind() == io::ErrorKind::AlreadyExists {
                    BackupError::Exists { path: to.to_owned() }
                } else {
                    failed(source)
                }
            })
        });
        // Its name only: what was published has another one.
        if let Err(error) = fs::remove_file(&partial) {
            tracing::warn!(%error, "could not remove {}", partial.display());
        }
        published?;
        sync_parent(to).map_err(failed)
    }
}

fn copy(directory: &Path, to: &Path, mut progress: impl FnMut(BackupProgress)) -> Result<(), BackupError> {
    let source = open::reader(directory).map_err(BackupError::Copy)?;
    let mut target = Connection::open(to).map_err(BackupError::Copy)?;
    // An open read transaction pins the moment; without it the copy would start over at every commit.
    source.execute_batch("BEGIN; SELECT 1 FROM settings").map_err(BackupError::Copy)?;
    let backup = Backup::new(&source, &mut target).map_err(BackupError::Copy)?;
    loop {
        let step = backup.step(PAGES_PER_STEP).map_err(BackupError::Copy)?;
        let seen = backup.progress();
        let pages = u64::try_from(seen.pagecount).unwrap_or_default();
        let left = u64::try_from(seen.remaining).unwrap_or_default();
        progress(BackupProgress { pages_done: pages.saturating_sub(left), pages });
        if matches!(step, StepResult::Done) {
            break;
        }
        if matches!(step, StepResult::Busy | StepResult::Locked) {
            thread::sleep(BUSY_PAUSE);
        }
    }
    drop(backup);
    // One file without a log beside it can be moved about.
    target.execute_batch("PRAGMA journal_mode = DELETE").map_err(BackupError::Copy)?;
    let findings = open::integrity(&target, "quick_check").map_err(BackupError::Copy)?;
    if findings.is_empty() { Ok(()) } else { Err(BackupError::Damaged { findings }) }
}

/// A new file under a name of its own until it is whole, so that nobody takes half a backup for one and two backups
/// to one place do not meet. For its owner alone: it holds everything that users wrote.
fn create_partial(to: &Path) -> io::Result<PathBuf> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for attempt in 0..PARTIALS_MAX {
        let mut partial = OsString::from(to);
        partial.push(format!(".{}-{attempt}.partial", std::process::id()));
        let partial = PathBuf::from(partial);
        match options.open(&partial) {
            Ok(_file) => return Ok(partial),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Unlike a rename, a link fails when somebody has made the target meanwhile.
fn publish(partial: &Path, to: &Path) -> io::Result<()> {
    File::open(partial)?.sync_all()?;
    fs::hard_link(partial, to)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(parent) = path.canonicalize()?.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
