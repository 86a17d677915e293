//! Disk space held back, so that a full disk still leaves room to commit a deletion.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FILE_NAME: &str = "tiebreak.reserve";

/// Between two attempts to take the space back on a full disk.
const PAUSE: Duration = Duration::from_millis(250);

/// A file of zeros in the data directory, as large as the log may grow: when it is released, the log fits into
/// the database file, and from then on its own space serves to write deletions.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    present: bool,
    attempted: Option<Instant>,
}

impl Reserve {
    pub(super) fn new(directory: &Path, bytes: u64) -> Self {
        Self { path: Self::path_in(directory), bytes, present: false, attempted: None }
    }

    pub(super) fn path_in(directory: &Path) -> PathBuf {
        directory.join(FILE_NAME)
    }

    /// Takes the space when the disk has it. Without it the store works, only deletions on a full disk may not.
    pub(super) fn fill(&mut self) {
        if self.present || self.attempted.is_some_and(|attempted| attempted.elapsed() < PAUSE) {
            return;
        }
        self.attempted = Some(Instant::now());
        match self.write() {
            Ok(()) => self.present = true,
            Err(error) => {
                tracing::debug!(%error, "no space for the reserve");
                self.remove();
            }
        }
    }

    /// Gives the space to whoever writes next.
    pub(super) fn release(&mut self) {
        tracing::warn!("the disk is full: releasing the reserve");
        self.attempted = Some(Instant::now());
        self.remove();
    }

    fn remove(&mut self) {
        self.present = false;
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the reserve could not be released");
            }
            Ok(()) | Err(_) => {}
        }
    }

    // Written, not only sized: a sparse file reserves nothing. Not synced: it holds nothing.
    fn write(&self) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() == self.bytes) {
            return Ok(());
        }
        let mut file = File::create(&self.path)?;
        io::copy(&mut io::repeat(0).take(self.bytes), &mut file)?;
        Ok(())
    }
}
