//! What SQLite's result codes mean to callers of the store.

use crate::StorageError;
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// Why one write of a group did not happen.
#[derive(Debug)]
pub(super) enum Failure {
    /// Decided before the first statement that writes: the rest of the group goes on.
    Refused(StorageError),
    /// The transaction is spoiled.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// A statement inside a writing transaction failed; the transaction is rolled back.
pub(super) fn in_statement(error: &rusqlite::Error) -> StorageError {
    match class(error) {
        Class::Full => StorageError::Full,
        Class::Passing => StorageError::Unavailable(error.to_string()),
        // Pages spill to the log while statements run: a failed write is the same as in a commit.
        Class::InputOutput => StorageError::Fatal(error.to_string()),
        Class::Damage | Class::Other => StorageError::Damaged(error.to_string()),
    }
}

/// The commit or the checkpoint failed. A full disk is seen before the commit record is written, so nothing was
/// kept; of anything else the outcome is unknown, and asking the disk again proves nothing: after a failed
/// fsync the kernel may have dropped the dirty pages and reports success the second time.
pub(super) fn in_commit(error: &rusqlite::Error) -> StorageError {
    match class(error) {
        Class::Full => StorageError::Full,
        Class::Passing => StorageError::Unavailable(error.to_string()),
        Class::InputOutput | Class::Damage | Class::Other => StorageError::Fatal(error.to_string()),
    }
}

/// A read failed. It spoils nothing: the document is not served, others are.
pub(super) fn in_read(error: &rusqlite::Error) -> StorageError {
    match class(error) {
        Class::Full | Class::Passing => StorageError::Unavailable(error.to_string()),
        Class::InputOutput | Class::Damage | Class::Other => StorageError::Damaged(error.to_string()),
    }
}

enum Class {
    Full,
    Passing,
    InputOutput,
    Damage,
    Other,
}

fn class(error: &rusqlite::Error) -> Class {
    let Some(code) = error.sqlite_error() else { return Class::Other };
    // The shared-memory index is extended before anything is written; it fails so when the disk is full.
    if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE {
        return Class::Full;
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum with thirty codes")]
    match code.code {
        ErrorCode::DiskFull => Class::Full,
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::OutOfMemory
        | ErrorCode::OperationInterrupted => Class::Passing,
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly => Class::InputOutput,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Class::Damage,
        _ => Class::Other,
    }
}
