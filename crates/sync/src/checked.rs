//! The changes of one message, each past the gatekeeper on its own.

use bytes::Bytes;
use tiebreak_document::{Budget, CheckedChange, check_change_within, split_chunks};
use tiebreak_protocol::{Limits, Refusal};

/// Refused changes of one message that are told. They are counted on, but have no names by which the peer
/// could tell them apart.
pub(crate) const REFUSALS_TOLD_MAX: usize = 256;

/// The changes of one message, past the gatekeeper.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) changes: Vec<CheckedChange>,
    /// Why others were not taken, as far as it is told.
    pub(crate) refused: Vec<Refusal>,
    /// How many there were, good and bad.
    pub(crate) chunks: usize,
}

impl Checked {
    pub(crate) fn new(runs: Vec<Bytes>, limits: &Limits) -> Self {
        let mut checked = Self::default();
        let mut budget = Budget::for_message(limits);
        for run in runs {
            // Where the next chunk of a damaged run begins is unknown; other runs begin where they begin.
            let Ok(chunks) = split_chunks(run) else {
                checked.refuse(Refusal::MalformedChange);
                continue;
            };
            for chunk in chunks {
                match check_change_within(chunk, limits, &mut budget) {
                    Ok(change) => checked.take(change),
                    Err(refusal) => checked.refuse(refusal),
                }
            }
        }
        checked
    }

    fn take(&mut self, change: CheckedChange) {
        self.chunks += 1;
        self.changes.push(change);
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.chunks += 1;
        if self.refused.len() < REFUSALS_TOLD_MAX {
            self.refused.push(refusal);
        }
    }
}
