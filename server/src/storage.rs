//! The stores that the server can open.

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("could not open the embedded store")]
    Sqlite(#[from] tiebreak_storage::OpenError),
}
