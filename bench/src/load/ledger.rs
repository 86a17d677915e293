//! Which edits are under way, when each was due, and how many clients still lack it.

use super::Pace;
use crate::report::Figures;
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::time::Instant;
use tokio::sync::Semaphore;

const LATENCY_US_MAX: u64 = 120_000_000;
/// At a fixed pace nothing bounds the edits under way; older ones than these have no latency.
const EDITS_UNDER_WAY_MAX: usize = 1 << 16;

/// The edits of one document.
pub(crate) struct Ledger {
    origin: Instant,
    watchers: u32,
    writers: Vec<WriterLedger>,
}

struct WriterLedger {
    /// A ring, by the number of the edit.
    edits: RefCell<Vec<Edit>>,
    /// Closed loop only.
    window: Option<Semaphore>,
    sent: Cell<u32>,
}

#[derive(Clone, Copy, Default)]
struct Edit {
    due_us: u64,
    watchers_left: u32,
}

impl Ledger {
    pub(crate) fn new(writers: u32, watchers: u32, pace: Pace) -> Self {
        let (edits_max, window) = match pace {
            Pace::Window(edits) => ((edits * 2).next_power_of_two() as usize, Some(edits as usize)),
            Pace::PerSecond(_) => (EDITS_UNDER_WAY_MAX.min(4096), None),
        };
        let writer = |_| WriterLedger {
            edits: RefCell::new(vec![Edit::default(); edits_max]),
            window: window.map(Semaphore::new),
            sent: Cell::new(0),
        };
        Self { origin: Instant::now(), watchers, writers: (0..writers).map(writer).collect() }
    }

    pub(crate) fn writers(&self) -> usize {
        self.writers.len()
    }

    /// All edits of all writers.
    pub(crate) fn sent(&self) -> u64 {
        self.writers.iter().map(|writer| u64::from(writer.sent.get())).sum()
    }

    /// Waits until the writer may have another edit under way; `None` in an open loop.
    pub(crate) fn window(&self, writer: u32) -> Option<&Semaphore> {
        self.writers[writer as usize].window.as_ref()
    }

    /// Notes an edit and returns its number.
    pub(crate) fn send(&self, writer: u32, due: Instant) -> u32 {
        let ledger = &self.writers[writer as usize];
        let number = ledger.sent.get();
        ledger.sent.set(number + 1);
        let mut edits = ledger.edits.borrow_mut();
        let slot = number as usize % edits.len();
        let due_us = due.saturating_duration_since(self.origin).as_micros() as u64;
        edits[slot] = Edit { due_us, watchers_left: self.watchers };
        number
    }

    /// One watcher has got the writer's edits with the numbers from `first` to before `end`.
    pub(crate) fn arrive(&self, writer: u32, first: u32, end: u32, totals: &Totals) {
        let ledger = &self.writers[writer as usize];
        let now_us = self.origin.elapsed().as_micros() as u64;
        let mut edits = ledger.edits.borrow_mut();
        let length = edits.len();
        let mut completed = 0;
        for number in first..end.min(ledger.sent.get()) {
            let edit = &mut edits[number as usize % length];
            totals.record_latency(now_us.saturating_sub(edit.due_us));
            edit.watchers_left = edit.watchers_left.saturating_sub(1);
            completed += u32::from(edit.watchers_left == 0);
        }
        if let Some(window) = &ledger.window {
            window.add_permits(completed as usize);
        }
        totals.count(|counts| {
            counts.delivered += u64::from(end - first);
            counts.completed += u64::from(completed);
        });
    }
}

/// What has happened since the start of a run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    /// An edit at one watcher.
    pub(crate) delivered: u64,
    /// An edit at all of its watchers.
    pub(crate) completed: u64,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
}

/// The sums over all documents.
pub(crate) struct Totals {
    counts: Cell<Counts>,
    is_measuring: Cell<bool>,
    latencies_us: RefCell<Histogram<u64>>,
}

impl Default for Totals {
    fn default() -> Self {
        let latencies_us = Histogram::new_with_max(LATENCY_US_MAX, 3).unwrap_or_else(|error| {
            unreachable!("three digits up to {LATENCY_US_MAX} are a valid histogram: {error}")
        });
        let latencies_us = RefCell::new(latencies_us);
        Self { counts: Cell::default(), is_measuring: Cell::default(), latencies_us }
    }
}

impl Totals {
    pub(crate) fn counts(&self) -> Counts {
        self.counts.get()
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    /// From now on, and apart from what was measured before.
    pub(crate) fn start_measuring(&self) {
        self.latencies_us.borrow_mut().reset();
        self.is_measuring.set(true);
    }

    pub(crate) fn stop_measuring(&self) {
        self.is_measuring.set(false);
    }

    pub(crate) fn add_latencies_to(&self, figures: &mut Figures) {
        let latencies = self.latencies_us.borrow();
        if latencies.is_empty() {
            return;
        }
        for (name, quantile) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1.0)] {
            figures.set(name, latencies.value_at_quantile(quantile) as f64 / 1000.0);
        }
    }

    fn record_latency(&self, latency_us: u64) {
        if self.is_measuring.get() {
            self.latencies_us.borrow_mut().saturating_record(latency_us.max(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_frees_its_place_in_the_window_when_all_watchers_have_it() {
        let (ledger, totals) = (Ledger::new(1, 2, Pace::Window(1)), Totals::default());
        let window = ledger.window(0).unwrap();
        window.try_acquire().unwrap().forget();
        let number = ledger.send(0, Instant::now());
        ledger.arrive(0, number, number + 1, &totals);
        assert!(window.try_acquire().is_err());
        ledger.arrive(0, number, number + 1, &totals);
        assert!(window.try_acquire().is_ok());
        assert_eq!((totals.counts().delivered, totals.counts().completed), (2, 1));
    }
}
