//! One at a time for each name: of many who want the same thing at once, the others wait until the first has it or
//! not, instead of each working for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// The names that somebody has a turn at.
#[derive(Debug, Default, Clone)]
pub(super) struct Turns {
    by_name: Arc<Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    name: String,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for a turn. Who waits is bounded by the requests that the server works on at once.
    pub(super) async fn at(&self, name: &str) -> Turn {
        let lock = Arc::clone(self.lock().entry(name.to_owned()).or_default());
        let guard = Some(lock.lock_owned().await);
        Turn { turns: self.clone(), name: name.to_owned(), guard }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<tokio::sync::Mutex<()>>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut by_name = self.turns.lock();
        // Whoever waits holds the lock, too.
        if by_name.get(&self.name).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            by_name.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn one_name_has_one_turn_at_a_time_and_is_forgotten_after_the_last() {
        let turns = Turns::default();
        let first = turns.at("ann").await;
        let mut second = Box::pin(turns.at("ann"));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(turns.at("bob").now_or_never().is_some());
        drop(first);
        drop(second.await);
        assert!(turns.lock().is_empty());
    }
}
