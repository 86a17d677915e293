//! What PostgreSQL's errors mean to callers of the store.

use tiebreak_storage::StorageError;
use tokio_postgres::error::SqlState;

/// Why a transaction did not happen.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server answered: the transaction is rolled back.
    Refused(StorageError),
    /// The connection is gone, or no answer came in time. Before the commit was sent nothing was kept.
    Lost(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(answer) = error.as_db_error() else { return Self::Lost(error.to_string()) };
        let text = answer.to_string();
        match answer.code() {
            &SqlState::DISK_FULL => Self::Refused(StorageError::Full),
            // The server goes away, or has become a standby: another connection may find the primary.
            &SqlState::ADMIN_SHUTDOWN
            | &SqlState::CRASH_SHUTDOWN
            | &SqlState::CANNOT_CONNECT_NOW
            | &SqlState::READ_ONLY_SQL_TRANSACTION => Self::Lost(text),
            code if code.code().starts_with("08") => Self::Lost(text),
            code if PASSING_CLASSES.iter().any(|class| code.code().starts_with(class)) => {
                Self::Refused(StorageError::Unavailable(text))
            }
            _code => Self::Refused(StorageError::Damaged(text)),
        }
    }
}

/// Rolled back for concurrency, out of some resource other than disk, lock not available, cancelled by a timeout.
const PASSING_CLASSES: [&str; 4] = ["40", "53", "55", "57"];

impl Failure {
    /// For calls that may be repeated: reads, and writes that did not get as far as their commit.
    pub(super) fn into_storage_error(self) -> StorageError {
        match self {
            Self::Refused(error) => error,
            Self::Lost(cause) => StorageError::Unavailable(cause),
        }
    }
}
