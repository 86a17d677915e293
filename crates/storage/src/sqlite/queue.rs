//! A bounded queue from async callers to a thread: senders wait for room, the thread takes what is there.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Items with a cost each; the sum of the costs that wait never exceeds the capacity.
pub(super) struct Queue<T> {
    capacity: u32,
    room: Semaphore,
    // Held only to push or to take, never across an await.
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: VecDeque<(T, u32)>,
    closed: bool,
}

/// The queue takes nothing any more.
#[derive(Debug)]
pub(super) struct Closed;

/// What a thread got.
#[derive(Debug)]
pub(super) enum Taken<T> {
    Items(Vec<T>),
    /// Nothing came in time.
    Nothing,
    /// Closed, and all that waited was taken.
    Closed,
}

/// How much is taken at once: at least one item, however costly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portion {
    pub(super) items_max: usize,
    pub(super) cost_max: u32,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            capacity,
            room: Semaphore::new(capacity as usize),
            state: Mutex::new(State { waiting: VecDeque::new(), closed: false }),
            changed: Condvar::new(),
        }
    }

    /// Waits for room. An item that costs more than the queue holds waits for all of it.
    pub(super) async fn push(&self, item: T, cost: u32) -> Result<(), Closed> {
        let cost = cost.clamp(1, self.capacity);
        let permit = self.room.acquire_many(cost).await.map_err(|_closed| Closed)?;
        permit.forget();
        self.insert(item, cost)
    }

    /// Drops the item when there is no room.
    pub(super) fn try_push(&self, item: T, cost: u32) -> Result<(), Closed> {
        let cost = cost.clamp(1, self.capacity);
        let permit = self.room.try_acquire_many(cost).map_err(|_full| Closed)?;
        permit.forget();
        self.insert(item, cost)
    }

    /// Waits for items, and takes what is there.
    pub(super) fn take(&self, portion: Portion, wait: Duration) -> Taken<T> {
        let deadline = Instant::now() + wait;
        let mut state = self.state();
        while state.waiting.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if state.closed {
                return Taken::Closed;
            }
            if left.is_zero() {
                return Taken::Nothing;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut items = Vec::new();
        let mut taken: u32 = 0;
        while let Some((_, cost)) = state.waiting.front() {
            let fits = items.len() < portion.items_max && taken.saturating_add(*cost) <= portion.cost_max;
            if !fits && !items.is_empty() {
                break;
            }
            if let Some((item, cost)) = state.waiting.pop_front() {
                taken = taken.saturating_add(cost);
                items.push(item);
            }
        }
        drop(state);
        self.room.add_permits(taken as usize);
        Taken::Items(items)
    }

    /// Refuses new items; those that wait can still be taken.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.room.close();
        self.changed.notify_all();
    }

    /// Closes and drops what waits.
    pub(super) fn abandon(&self) {
        self.close();
        self.state().waiting.clear();
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    fn insert(&self, item: T, cost: u32) -> Result<(), Closed> {
        let mut state = self.state();
        if state.closed {
            return Err(Closed);
        }
        state.waiting.push_back((item, cost));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.state().waiting.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: Portion = Portion { items_max: usize::MAX, cost_max: u32::MAX };

    fn items<T>(taken: Taken<T>) -> Vec<T> {
        match taken {
            Taken::Items(items) => items,
            Taken::Nothing | Taken::Closed => Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_full_queue_lets_the_sender_wait_until_something_is_taken() {
        let queue = Queue::new(2);
        queue.push('a', 1).await.unwrap();
        queue.push('b', 1).await.unwrap();
        assert!(queue.try_push('c', 1).is_err());
        let (sent, taken) =
            tokio::join!(queue.push('c', 1), async { queue.take(EVERYTHING, Duration::ZERO) });
        sent.unwrap();
        assert_eq!(items(taken), ['a', 'b']);
        assert_eq!(items(queue.take(EVERYTHING, Duration::ZERO)), ['c']);
    }

    #[tokio::test]
    async fn a_portion_ends_at_its_cost_but_holds_at_least_one_item() {
        let queue = Queue::new(100);
        for cost in [50, 3, 3, 3] {
            queue.push(cost, cost).await.unwrap();
        }
        let portion = Portion { items_max: 10, cost_max: 6 };
        assert_eq!(items(queue.take(portion, Duration::ZERO)), [50]);
        assert_eq!(items(queue.take(portion, Duration::ZERO)), [3, 3]);
        assert_eq!(items(queue.take(portion, Duration::ZERO)), [3]);
    }

    #[tokio::test]
    async fn a_closed_queue_refuses_items_and_hands_out_those_that_wait() {
        let queue = Queue::new(2);
        queue.push('a', 1).await.unwrap();
        queue.close();
        assert!(queue.push('b', 1).await.is_err());
        assert_eq!(items(queue.take(EVERYTHING, Duration::ZERO)), ['a']);
        assert!(matches!(queue.take(EVERYTHING, Duration::ZERO), Taken::Closed));
    }
}
