//! Times as flags give them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A year: more would not be meant, and clocks that it is added to must not overflow.
const SECONDS_MAX: u64 = 365 * 24 * 3600;

/// A number of whole seconds, at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(u64);

/// Text that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected whole seconds, at most {SECONDS_MAX}")]
pub struct InvalidSeconds;

impl Seconds {
    /// Without the fraction.
    pub fn of(time: Duration) -> Self {
        Self(time.as_secs())
    }

    pub fn time(self) -> Duration {
        Duration::from_secs(self.0)
    }

    pub fn at_least(self, seconds: u64) -> Duration {
        Duration::from_secs(self.0.max(seconds))
    }
}

impl FromStr for Seconds {
    type Err = InvalidSeconds;

    fn from_str(text: &str) -> Result<Self, InvalidSeconds> {
        text.parse().ok().filter(|seconds| *seconds <= SECONDS_MAX).map(Self).ok_or(InvalidSeconds)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_would_overflow_a_clock_are_refused() {
        assert_eq!("31536000".parse::<Seconds>().map(Seconds::time), Ok(Duration::from_secs(31_536_000)));
        for text in ["31536001", "18446744073709551615", "-1", "1.5", ""] {
            assert_eq!(text.parse::<Seconds>(), Err(InvalidSeconds), "{text}");
        }
    }
}
