//! When a snapshot is made of what has gathered since the last one.

use super::{Effect, Phase, Room};
use bytes::Bytes;
use std::time::Duration;
use tiebreak_document::Document;
use tiebreak_protocol::Limits;

/// A snapshot is also worth making when this many bytes of changes have gathered.
const BYTES_MIN: u64 = 1024 * 1024;
/// After this time without input nobody waits for what a snapshot costs.
const QUIET_TIME: Duration = Duration::from_secs(2);
/// A snapshot that could not be made or kept is not tried again before this time has passed: the disk may
/// be full, or a stored change damaged, and every attempt reads the whole document.
const RETRY_TIME: Duration = Duration::from_secs(60);

/// What of the stored changes is in the snapshot.
#[derive(Debug)]
pub(super) struct Compaction {
    changes_min: usize,
    /// A tail of so many bytes must be folded in, or the document reaches its limit for want of it.
    tail_bytes_max: u64,
    /// Changes stored in all, since the document was made.
    pub(super) stored: u64,
    /// How many of them the snapshot holds.
    pub(super) in_snapshot: u64,
    /// Stored changes after the snapshot that are damaged, and so not in the document's tail.
    lost: u64,
    is_under_way: bool,
    not_before: Duration,
}

impl Compaction {
    pub(super) fn of_stored(stored: u64, in_snapshot: u64, limits: &Limits) -> Self {
        let (changes_min, tail_bytes_max) = (limits.snapshot_changes_min, limits.document_bytes_max / 4);
        Self {
            changes_min,
            tail_bytes_max,
            stored,
            in_snapshot,
            lost: 0,
            is_under_way: false,
            not_before: Duration::ZERO,
        }
    }

    /// The document was read with only so much of what is stored.
    pub(super) fn note_lost(&mut self, document: &Document) {
        self.lost = (self.stored - self.in_snapshot).saturating_sub(document.tail_len() as u64);
    }

    /// When to make a snapshot if nothing happens until then.
    pub(super) fn due_when_quiet(&self, document: &Document, used_at: Duration) -> Option<Duration> {
        self.is_worthwhile(document).then(|| self.not_before.max(used_at + QUIET_TIME))
    }

    /// A busy document gets a snapshot only when its history has doubled since the last: so every change is
    /// rewritten a bounded number of times, however long it goes on.
    fn is_due_while_busy(&self, document: &Document, now: Duration) -> bool {
        let has_doubled = document.tail_len() as u64 >= self.in_snapshot;
        (has_doubled || document.tail_bytes() >= self.tail_bytes_max)
            && self.is_worthwhile(document)
            && now >= self.not_before
    }

    fn is_worthwhile(&self, document: &Document) -> bool {
        let many = document.tail_len() >= self.changes_min || document.tail_bytes() >= BYTES_MIN;
        many && !self.is_under_way
    }

    /// A snapshot has been stored in place of the first so many changes, or there is none.
    pub(super) fn ended(&mut self, document: &mut Document, made: Option<(Bytes, u64)>, now: Duration) {
        self.is_under_way = false;
        match made {
            Some((snapshot, through)) if (self.in_snapshot + 1..=self.stored).contains(&through) => {
                // Lost ones stood before all that was stored since the document was read.
                let folded = (through - self.in_snapshot).saturating_sub(self.lost);
                document.compacted(snapshot, usize::try_from(folded).unwrap_or(usize::MAX));
                (self.in_snapshot, self.lost) = (through, 0);
            }
            Some(_) | None => self.not_before = now + RETRY_TIME,
        }
    }
}

impl Room {
    pub(super) fn compact_if_grown(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if self.compaction.is_due_while_busy(&self.document, now) {
            self.compact(effects);
        }
    }

    pub(super) fn compact(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Idle) {
            self.compaction.is_under_way = true;
            effects.push(Effect::Compact);
        }
    }
}
