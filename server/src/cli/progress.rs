//! How far long work is, on standard error: a line that moves at a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Work that is done sooner is not worth a word.
const QUIET: Duration = Duration::from_millis(500);
const STEP_AT_TERMINAL: Duration = Duration::from_millis(100);
const STEP_ELSEWHERE: Duration = Duration::from_secs(5);

/// Tells of one piece of work.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    unit: &'static str,
    is_terminal: bool,
    next: Instant,
    shown: bool,
}

impl Progress {
    pub(super) fn new(what: &'static str, unit: &'static str) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { what, unit, is_terminal, next: Instant::now() + QUIET, shown: false }
    }

    pub(super) fn at(&mut self, done: u64, of: u64) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + if self.is_terminal { STEP_AT_TERMINAL } else { STEP_ELSEWHERE };
        self.shown = true;
        let percent = done.saturating_mul(100) / of.max(1);
        let text = format!("{}: {done} of {of} {} ({percent} %)", self.what, self.unit);
        let text = if self.is_terminal { format!("\r\x1b[K{text}") } else { format!("{text}\n") };
        let mut err = std::io::stderr().lock();
        // Nobody who looks: nobody who misses it.
        err.write_all(text.as_bytes()).and_then(|()| err.flush()).ok();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown && self.is_terminal {
            std::io::stderr().write_all(b"\r\x1b[K").ok();
        }
    }
}
