//! When to try again: exponential with full jitter, so that many clients do not come back at once.
//!
//! Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (the variant called full jitter).

use std::time::Duration;

/// Doublings after which the delay grows no more, whatever its limits are.
const DOUBLINGS_MAX: u32 = 20;

/// Draws the delays before the next tries. Without a clock, and random only in what its seed was.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    /// Tries in a row that led to no connection worth the name.
    attempt: u32,
    state: u64,
}

impl Backoff {
    pub(super) const fn new(min: Duration, max: Duration, seed: u64) -> Self {
        Self { min, max, attempt: 0, state: seed }
    }

    /// Tries in a row that have failed.
    pub(super) const fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(super) const fn reset(&mut self) {
        self.attempt = 0;
    }

    /// The delay before the next try: anything between nothing and the limit of this attempt, the first included.
    pub(super) fn next(&mut self) -> Duration {
        let limit = self.min.saturating_mul(1 << self.attempt.min(DOUBLINGS_MAX)).min(self.max);
        self.attempt = self.attempt.saturating_add(1);
        limit.mul_f64(self.roll())
    }

    /// A number from 0 up to 1, by splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
    /// Generators", 2014).
    fn roll(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(1);
    const MAX: Duration = Duration::from_secs(30);

    #[test]
    fn delays_lie_between_nothing_and_a_limit_that_doubles_up_to_the_longest() {
        for seed in 0..500 {
            let mut backoff = Backoff::new(MIN, MAX, seed);
            for limit in [1, 2, 4, 8, 16, 30, 30] {
                assert!(backoff.next() <= Duration::from_secs(limit));
            }
        }
        let mut backoff = Backoff::new(MIN, MAX, 0);
        assert!((0..1_000_000).all(|_| backoff.next() <= MAX), "however often");
    }

    #[test]
    fn two_hundred_clients_that_lost_one_server_spread_their_first_try_over_the_whole_second() {
        let mut by_tenth = [0; 10];
        for seed in 0..200 {
            let delay = Backoff::new(MIN, MAX, seed).next();
            by_tenth[(delay.as_millis() / 100).min(9) as usize] += 1;
        }
        assert!(by_tenth.iter().all(|tries| (5..=40).contains(tries)), "{by_tenth:?}");
    }
}
