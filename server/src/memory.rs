//! The global memory cap: under pressure idle documents are closed, near the cap nothing new is opened.
//! A server that says "busy" keeps its promises to those it serves; one that is killed keeps none.

use crate::metrics;
use crate::rooms::Rooms;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How often the process looks at its own size.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// From this part of the cap on, idle documents are closed …
const RELIEVE_AT_PERCENT: u64 = 70;
/// … and from this one on, nothing new is opened.
const REFUSE_AT_PERCENT: u64 = 85;

/// Whether there is room for anything new; cheap to ask, cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    full: Arc<AtomicBool>,
}

impl Memory {
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Looks at the process's resident memory until the server closes.
    pub(crate) async fn watch(self, cap_bytes: u64, rooms: Rooms, closing: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                _ = tick.tick() => {}
            }
            let Some(resident) = resident_bytes() else { return };
            metrics::resident_memory(resident);
            let percent = resident.saturating_mul(100) / cap_bytes.max(1);
            if percent >= RELIEVE_AT_PERCENT {
                rooms.relieve();
            }
            let full = percent >= REFUSE_AT_PERCENT;
            if full != self.full.swap(full, Ordering::Relaxed) {
                warn!(
                    resident_mib = resident >> 20,
                    cap_mib = cap_bytes >> 20,
                    full,
                    "memory pressure changed"
                );
            }
        }
    }
}

/// Three quarters of what the machine, or the container, has.
pub(crate) fn default_cap_bytes() -> u64 {
    let machine = kib_of("/proc/meminfo", "MemTotal:").unwrap_or(4 << 20) << 10;
    let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .into_iter()
        .find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    machine.min(container.unwrap_or(machine)) / 4 * 3
}

/// The process's resident memory; `None` where the kernel does not say.
fn resident_bytes() -> Option<u64> {
    Some(kib_of("/proc/self/status", "VmRSS:")? << 10)
}

fn kib_of(path: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
