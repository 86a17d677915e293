//! The stores that the server can open.

pub mod postgres;

use crate::metrics;
use tiebreak_protocol::Refusal;
use tiebreak_storage::StorageError;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("could not open the embedded store")]
    Sqlite(#[from] tiebreak_storage::OpenError),
    #[error("could not open the PostgreSQL store")]
    Postgres(#[from] postgres::OpenError),
}

/// What a peer or a caller may know of a storage error. The one place that decides it, counts it and logs it; that
/// the process must stop after a fatal one is told by [`tiebreak_storage::DocumentStore::failed`].
pub(crate) fn refusal(error: &StorageError) -> Refusal {
    metrics::storage_failed(error);
    let refusal = tiebreak_driver::refusal(error);
    if refusal == Refusal::StorageUnavailable {
        tracing::warn!(%error, "storage is unavailable");
    }
    refusal
}
