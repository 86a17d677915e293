//! The storage contracts, their conformance suites, and the in-memory and SQLite implementations.

pub mod accounts;
pub mod audit;
pub mod checksum;
pub mod clock;
pub mod conflicts;
#[cfg(feature = "conformance")]
pub mod conformance;
mod document_store;
pub mod group;
mod memory;
pub mod relational;
pub mod rows;
pub mod shared_heads;
pub mod sql;
mod sqlite;
pub mod status;

pub use accounts::AccountStore;
pub use audit::AuditEntry;
pub use conflicts::ConflictStore;
pub use document_store::{
    Append, BESIDE_MAX, ChangeRow, Committed, Compaction, DamagedChunk, DocumentPage, DocumentStore,
    DocumentSummary, PAGE_DOCUMENTS_MAX, QUARANTINED_PER_DOCUMENT_MAX, QuarantinedChange, SHARED_HEADS_KEPT,
    SHARED_HEADS_PER_DOCUMENT_MAX, StorageError, StoreFailure, StoreFuture, StoredDocument,
};
pub use memory::MemoryStore;
pub use relational::RelationalStore;
pub use sqlite::{
    BackupError, BackupProgress, CheckError, CheckProgress, CheckReport, OpenError, QuickCheck,
    SqliteOptions, SqliteStore, create_directory,
};
