//! What the server has refused for good on a connection, and whether all that is pending hangs on it.

use std::collections::{BTreeMap, BTreeSet};
use tiebreak_document::{CheckedChange, Document, SavedChange, check_change};
use tiebreak_protocol::{ChangeHash, Limits, Refusal};

/// Refused changes kept in mind; of more it is not known that they were refused.
const CHANGES_MAX: usize = 1_000;

/// What the server will not take, however often it is offered on this connection.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_change: BTreeMap<ChangeHash, Refusal>,
    /// The server takes nothing more of the document.
    of_document: Option<Refusal>,
}

impl Refusals {
    /// The server refused the document as a whole.
    pub(super) const fn note_document(&mut self, refusal: Refusal) {
        self.of_document = Some(refusal);
    }

    /// The server does not refuse the document for this any more: a right may be given at any moment.
    pub(super) fn forget_document(&mut self, refusal: Refusal) {
        self.of_document = self.of_document.filter(|noted| *noted != refusal);
    }

    /// Whether this device may not even know of the document any more.
    pub(super) fn is_denied(&self) -> bool {
        self.of_document == Some(Refusal::AccessDenied)
    }

    /// The server refused a change.
    pub(super) fn note(&mut self, change: ChangeHash, refusal: Refusal) {
        if self.by_change.len() < CHANGES_MAX {
            self.by_change.insert(change, refusal);
        }
    }

    /// The server refused a change beyond one of its limits, and did not say which: then the one that goes
    /// furthest. Smaller ones than it may be beyond the limit too, but it is.
    pub(super) fn note_largest(
        &mut self,
        document: &mut Document,
        frontier: &[ChangeHash],
        refusal: Refusal,
    ) {
        let largest = pending(document, frontier).into_iter().max_by_key(|change| {
            if refusal == Refusal::TooManyOperations {
                change.operations()
            } else {
                change.plain_bytes().len() as u64
            }
        });
        if let Some(change) = largest {
            self.note(change.hash(), refusal);
        }
    }

    /// Another one whenever something is noted or forgotten.
    pub(super) fn summary(&self) -> (usize, Option<Refusal>) {
        (self.by_change.len(), self.of_document)
    }

    /// Why nothing of what a server with this frontier lacks will get there: each of these changes was refused, or
    /// follows from one that was. `None` when some of it still may.
    pub(super) fn of_all_pending(&self, document: &mut Document, frontier: &[ChangeHash]) -> Option<Refusal> {
        if self.of_document.is_some() || self.by_change.is_empty() {
            return self.of_document;
        }
        let (mut hopeless, mut first) = (BTreeSet::new(), None);
        for change in pending(document, frontier) {
            let refusal = self.by_change.get(&change.hash()).copied();
            if refusal.is_none() && !change.deps().iter().any(|dep| hopeless.contains(dep)) {
                return None;
            }
            hopeless.insert(change.hash());
            first = first.or(refusal);
        }
        first
    }
}

/// A refusal that stands on this connection, by its code. Those of a newer server, which we do not know, and those
/// that pass are none.
pub(super) fn for_good(code: &str) -> Option<Refusal> {
    let refusal = Refusal::ALL.iter().copied().find(|refusal| refusal.code() == code)?;
    let passes = matches!(
        refusal,
        // What is missing, or too much at once, may be otherwise in a moment.
        Refusal::MissingDependencies
            | Refusal::SequenceGap
            | Refusal::TooManyHeads
            | Refusal::MessageTooLarge
            | Refusal::TooManyDocuments
            | Refusal::RateExceeded
    );
    let is_final = (4400..4500).contains(&refusal.close_code());
    (is_final && !passes).then_some(refusal)
}

/// The changes that a server with this frontier lacks, in causal order; none if they cannot be read.
fn pending(document: &mut Document, frontier: &[ChangeHash]) -> Vec<CheckedChange> {
    // They were judged when they were made, perhaps by wider limits than the usual ones.
    let limits =
        Limits { change_bytes_max: usize::MAX, change_operations_max: u64::MAX, ..Limits::default() };
    let check = |change: SavedChange| check_change(change.bytes, &limits).ok();
    let missing = document.missing(frontier, usize::MAX).map(|missing| missing.changes);
    missing.ok().and_then(|changes| changes.into_iter().map(check).collect()).unwrap_or_default()
}
