//! Disk space held back, so that a full disk still leaves room to commit a deletion.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Enough log pages to delete a document of some thousand changes.
const RESERVE_BYTES: usize = 1024 * 1024;

const FILE_NAME: &str = "tiebreak.reserve";

/// A file of zeros in the data directory.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    present: bool,
}

impl Reserve {
    pub(super) fn new(directory: &Path) -> Self {
        Self { path: directory.join(FILE_NAME), present: false }
    }

    /// Takes the space when the disk has it. Without it the store works, only deletions on a full disk may not.
    pub(super) fn fill(&mut self) {
        if self.present {
            return;
        }
        match self.write() {
            Ok(()) => self.present = true,
            Err(error) => {
                tracing::debug!(%error, "no space for the reserve");
                self.release();
            }
        }
    }

    /// Gives the space to whoever writes next.
    pub(super) fn release(&mut self) {
        self.present = false;
        match fs::remove_file(&self.path) {
            Ok(()) => tracing::warn!("the disk is full: the reserve was released"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the reserve could not be released"),
        }
    }

    // Written, not only sized: a sparse file reserves nothing.
    fn write(&self) -> io::Result<()> {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() == RESERVE_BYTES as u64) {
            return Ok(());
        }
        let mut file = fs::File::create(&self.path)?;
        let zeros = vec![0; 64 * 1024];
        for _ in 0..RESERVE_BYTES / zeros.len() {
            file.write_all(&zeros)?;
        }
        file.sync_all()
    }
}
