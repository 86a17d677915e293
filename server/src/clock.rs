//! The process's two clocks, read in one place and passed down.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tiebreak_sync::Moment;

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

/// Milliseconds since the Unix epoch; 0 for clocks before it.
pub(crate) fn unix_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
