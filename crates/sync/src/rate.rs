//! A token bucket that may go into debt: a message is never split, the next one waits instead.

use std::time::Duration;

/// Longest wait before the next message is read. Who is still in debt then waits again after that one: slow,
/// but never silent for long.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Longest debt, in time: a first upload of years of work must not cost hours.
const DEBT_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled_at: Duration,
}

impl Bucket {
    pub(crate) fn new(per_second: u32, burst: u32, now: Duration) -> Self {
        Self { per_second: per_second.into(), burst: burst.into(), tokens: burst.into(), filled_at: now }
    }

    /// Takes tokens and answers how long to wait before the next message is read.
    pub(crate) fn take(&mut self, tokens: usize, now: Duration) -> Duration {
        self.fill(now);
        let debt_max = self.per_second * DEBT_MAX.as_secs_f64();
        self.tokens = (self.tokens - tokens as f64).max(-debt_max);
        Duration::try_from_secs_f64(-self.tokens / self.per_second)
            .map_or(Duration::ZERO, |wait| wait.min(WAIT_MAX))
    }

    /// Takes one token if there is one.
    pub(crate) fn try_take(&mut self, now: Duration) -> bool {
        self.fill(now);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.filled_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_burst_passes_at_once_and_the_surplus_waits_for_its_share_of_time() {
        let mut bucket = Bucket::new(50, 500, at(0));
        assert_eq!(bucket.take(500, at(0)), at(0));
        assert_eq!(bucket.take(50, at(0)), at(1));
        assert_eq!(bucket.take(0, at(1)), at(0));
    }

    #[test]
    fn one_huge_message_is_paid_for_by_many_waits_of_bounded_length() {
        let mut bucket = Bucket::new(50, 500, at(0));
        assert_eq!(bucket.take(1_000_000, at(0)), WAIT_MAX);
        assert_eq!(bucket.take(0, at(5)), WAIT_MAX);
        assert_eq!(bucket.take(0, at(58)), at(2));
        assert_eq!(bucket.take(0, at(60)), at(0));
    }

    #[test]
    fn without_a_token_nothing_is_taken() {
        let mut bucket = Bucket::new(1, 1, at(0));
        assert!(bucket.try_take(at(0)));
        assert!(!bucket.try_take(at(0)));
        assert!(bucket.try_take(at(1)));
    }
}
