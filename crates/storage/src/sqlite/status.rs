//! What the threads of a store tell each other and the callers.

use super::queue::Queue;
use crate::StorageError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

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

    /// Why a queue is closed.
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

/// Held by a storage thread: when it panics, nobody waits forever for its answer.
pub(super) struct PanicGuard<T> {
    pub(super) status: Arc<Status>,
    pub(super) queue: Arc<Queue<T>>,
}

impl<T> Drop for PanicGuard<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.status.fail(StorageError::Fatal("a storage thread panicked".to_owned()));
            self.queue.abandon();
        }
    }
}
