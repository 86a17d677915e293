//! The stores that the server can open.

pub mod postgres;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("could not open the embedded store")]
    Sqlite(#[from] tiebreak_storage::OpenError),
    #[error("could not open the PostgreSQL store")]
    Postgres(#[from] postgres::OpenError),
}
