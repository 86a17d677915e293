//! The process's two clocks, read in one place and passed down.

use std::time::{Duration, Instant};
use tiebreak_sync::Moment;

pub(crate) use tiebreak_storage::clock::unix_ms;

/// Monotonic time since this was made, and wall-clock labels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment { elapsed: self.started.elapsed(), unix_ms: unix_ms() }
    }

    /// The instant that the state machines mean by a time since the start.
    pub(crate) fn instant(&self, elapsed: Duration) -> tokio::time::Instant {
        (self.started + elapsed).into()
    }
}
