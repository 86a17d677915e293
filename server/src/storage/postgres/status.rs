//! What the writer tells the callers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tiebreak_storage::StorageError;

/// Whether the store works, and how often it committed.
#[derive(Debug, Default)]
pub(super) struct Status {
    failure: OnceLock<StorageError>,
    commits: AtomicU64,
}

impl Status {
    /// The first failure stays: what follows is its consequence.
    pub(super) fn fail(&self, failure: StorageError) {
        self.failure.get_or_init(|| failure);
    }

    pub(super) fn failure(&self) -> Option<StorageError> {
        self.failure.get().cloned()
    }

    /// Why the writer takes nothing.
    pub(super) fn why_closed(&self) -> StorageError {
        self.failure().unwrap_or_else(|| StorageError::Unavailable("the store is closed".to_owned()))
    }

    pub(super) fn count_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}
