//! A process's two clocks, read in one place and passed down.

use std::time::{Duration, Instant};
use tiebreak_sync::Moment;

pub use tiebreak_storage::clock::unix_ms;

/// Monotonic time since this was made, and wall-clock labels.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The time as the state machines take it.
    pub fn now(&self) -> Moment {
        Moment { elapsed: self.started.elapsed(), unix_ms: unix_ms() }
    }

    /// The instant that the state machines mean by a time since the start.
    pub fn instant(&self, elapsed: Duration) -> tokio::time::Instant {
        (self.started + elapsed).into()
    }
}
