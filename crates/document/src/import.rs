//! An Automerge file from outside, taken apart into changes that have each passed the gatekeeper.
//!
//! A file is a row of chunks: changes, and whole documents as the libraries save them. What a document
//! chunk would grow to is worked out from its columns before the library may read it.

mod budget;

use crate::document_chunk::DOCUMENT;
use crate::engine::{panic_text, saved};
use crate::gatekeeper::chunk::{self, Header, TYPE_AT};
use crate::gatekeeper::{self, CheckedChange, check_change_within, split_chunks};
use crate::{Document, SavedChange};
use automerge::{Automerge, AutomergeError};
use budget::Budget;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tiebreak_protocol::{ChangeHash, Limits, Refusal};

/// The changes of a file. Those that were refused take only themselves out.
#[derive(Debug, Default)]
pub struct FileChanges {
    /// In the order of the file.
    pub changes: Vec<CheckedChange>,
    /// Without its hash where a change is so broken that it has none.
    pub refused: Vec<(Option<ChangeHash>, Refusal)>,
}

/// A file that is not taken, as a whole.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("this is not an Automerge file")]
    NotAFile,
    #[error("the file is damaged or cut off")]
    Malformed,
    #[error("the file does not match its checksum")]
    ChecksumMismatch,
    /// Chunks of a kind that files do not hold, or columns that this version does not know.
    #[error("the file was written in a form that this version does not read")]
    Unknown,
    /// What the file unfolds to would not fit a document of the largest size.
    #[error("the file unfolds to more than the limits allow")]
    TooLarge,
    /// The library failed on a document chunk that looked well-formed.
    #[error("the library could not read the file: {0}")]
    Library(String),
}

impl Document {
    /// Takes a file apart. Time and memory are bounded by the size of the file and by the limits.
    ///
    /// # Errors
    /// When the file as a whole is not one to read.
    pub fn changes_from_file(file: Bytes, limits: &Limits) -> Result<FileChanges, FileError> {
        if Header::read(&file).is_err() && file.get(..4) != Some(b"\x85\x6f\x4a\x83") {
            return Err(FileError::NotAFile);
        }
        let mut budget = Budget::new(limits);
        let mut changes_budget = gatekeeper::Budget::for_file(limits);
        let mut found = FileChanges::default();
        for chunk in split_chunks(file).map_err(|_| FileError::Malformed)? {
            let (header, _) = Header::read(&chunk).map_err(|_| FileError::Malformed)?;
            if header.chunk_type == DOCUMENT {
                let hash = Sha256::digest(chunk.get(TYPE_AT..).unwrap_or_default());
                if !hash.starts_with(header.checksum) {
                    return Err(FileError::ChecksumMismatch);
                }
                budget.spend_on(header.body)?;
                for SavedChange { bytes, .. } in unfold(&chunk)? {
                    found.add(bytes, limits, &mut changes_budget);
                }
            } else {
                found.add(chunk, limits, &mut changes_budget);
            }
        }
        Ok(found)
    }
}

impl FileChanges {
    fn add(&mut self, chunk: Bytes, limits: &Limits, budget: &mut gatekeeper::Budget) {
        match check_change_within(chunk.clone(), limits, budget) {
            Ok(change) => self.changes.push(change),
            Err(refusal) => {
                let bytes_max = limits.change_bytes_max.max(chunk.len());
                let hash = chunk::open(&chunk, bytes_max, budget).ok().map(|opened| opened.hash);
                self.refused.push((hash, refusal));
            }
        }
    }
}

/// Has the library turn a document chunk back into the changes that it was made of.
fn unfold(chunk: &[u8]) -> Result<Vec<SavedChange>, FileError> {
    let unfolded = catch_unwind(AssertUnwindSafe(|| -> Result<_, AutomergeError> {
        Ok(Automerge::load(chunk)?.get_changes(&[]).iter().map(saved).collect())
    }));
    match unfolded {
        Ok(Ok(changes)) => Ok(changes),
        Ok(Err(error)) => Err(FileError::Library(error.to_string())),
        Err(panic) => Err(FileError::Library(panic_text(panic.as_ref()))),
    }
}

#[cfg(test)]
mod tests;
