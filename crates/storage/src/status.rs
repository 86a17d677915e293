//! What the writer of a store tells its callers.

use crate::StorageError;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// Whether a store works, and how often it committed.
#[derive(Debug, Default)]
pub struct Status {
    failure: watch::Sender<Option<StorageError>>,
    commits: AtomicU64,
}

impl Status {
    /// The first failure stays: what follows is its consequence.
    pub fn fail(&self, failure: StorageError) {
        self.failure.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(failure);
            is_first
        });
    }

    /// Why the store works no more, if it does not.
    pub fn failure(&self) -> Option<StorageError> {
        self.failure.borrow().clone()
    }

    /// Waits for the failure.
    pub async fn failed(&self) -> StorageError {
        let mut failure = self.failure.subscribe();
        loop {
            if let Some(failure) = failure.borrow_and_update().clone() {
                return failure;
            }
            if failure.changed().await.is_err() {
                // The sender is `self`, which is borrowed: this is not reached.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Why nothing is taken any more.
    pub fn why_closed(&self) -> StorageError {
        self.failure().unwrap_or_else(closed)
    }

    pub fn count_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// What a closed store answers.
pub(crate) fn closed() -> StorageError {
    StorageError::Unavailable("the store is closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_failure_stays_and_wakes_whoever_waits() {
        let status = Status::default();
        let fatal = |text: &str| StorageError::Fatal(text.to_owned());
        let (heard, ()) = tokio::join!(status.failed(), async {
            status.fail(fatal("first"));
            status.fail(fatal("second"));
        });
        assert_eq!(heard, fatal("first"));
        assert_eq!(status.failed().await, fatal("first"), "whoever comes later hears it too");
        assert_eq!(status.why_closed(), fatal("first"));
    }
}
