//! What happens when a storage thread panics.

use super::queue::Queue;
use crate::StorageError;
use crate::status::Status;
use std::sync::Arc;
use std::thread;

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
