//! The account of what the server has: what it confirmed, what is pending, and what it will never take.

use super::standing::Obstacle;
use super::{Effect, Replica};
use crate::room::Condition;
use std::collections::BTreeSet;
use tiebreak_protocol::{ChangeHash, Heads, Refusal};

/// Heads that the server confirmed one after the other; with more, only the last count, and what they do not
/// cover counts as pending until they do.
pub(super) const CONFIRMED_MAX: usize = 64;

/// What pending changes were last counted from, and between.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Basis {
    heads: Heads,
    confirmed: BTreeSet<ChangeHash>,
    /// What was refused.
    refusals: (usize, Option<Refusal>),
}

impl Replica {
    pub(super) fn confirm(&mut self, heads: &Heads) {
        let Some(document) = self.room.document_mut() else { return };
        if self.confirmed.len() > CONFIRMED_MAX {
            self.confirmed.clear();
        }
        self.confirmed.extend(heads.iter().filter(|hash| document.has(hash)));
    }

    /// A server tells of nothing that it does not have on disk, so the heads it names are confirmed. Those that
    /// it named on an earlier connection count until its first word on this one: it may have lost them since.
    pub(super) fn note_what_was_said(&mut self, effects: &mut Vec<Effect>) {
        let Some(upstream) = &mut self.upstream else { return };
        let Some(said) = self.room.said_by(upstream.session()) else { return };
        if upstream.said.as_ref() == Some(&said) {
            return;
        }
        if upstream.said.is_none() || self.confirmed.len() > CONFIRMED_MAX {
            self.confirmed.clear();
        }
        let Some(document) = self.room.document_mut() else { return };
        if said == *document.heads() {
            self.confirmed.clear();
        }
        self.confirmed.extend(said.iter().filter(|hash| document.has(hash)));
        upstream.parts.retain(|part| Some(part) != upstream.said.as_ref());
        upstream.said = Some(said);
        effects.push(Effect::Remember(self.confirmed.iter().copied().collect()));
    }

    /// Counts what is pending, and looks whether the server will ever take it. What is being stored or read keeps
    /// the count that it had.
    pub(super) fn count_pending(&mut self) {
        let is_broken = match self.condition() {
            Condition::Broken => true,
            Condition::Ready | Condition::Deleted => false,
            Condition::Reading | Condition::Unread | Condition::Storing => return,
        };
        let basis = Basis {
            heads: self.room.heads().clone(),
            confirmed: self.confirmed.clone(),
            refusals: self.refusals.summary(),
        };
        if self.counted.as_ref() != Some(&basis) {
            let known = if is_broken { self.pending_changes } else { 0 };
            let (pending_changes, obstacle) = self.counted_on(&basis);
            if pending_changes < self.pending_changes {
                // The server took something of this device: it may write.
                self.refusals.forget_document(Refusal::ReadOnly);
            }
            (self.pending_changes, self.obstacle) = (pending_changes.max(known), obstacle);
            self.counted = Some(basis);
        }
        if is_broken {
            self.obstacle = (self.pending_changes > 0).then_some(Obstacle::Unreadable);
        }
    }

    fn counted_on(&mut self, basis: &Basis) -> (usize, Option<Obstacle>) {
        let Basis { heads, confirmed, .. } = basis;
        if heads.iter().all(|head| confirmed.contains(head)) {
            return (0, None);
        }
        // What does not open has at least the changes that make up its heads.
        let Some(document) = self.room.document_mut() else { return (heads.len(), None) };
        let frontier: Vec<_> = confirmed.iter().copied().collect();
        let pending = document.pending(&frontier).unwrap_or(heads.len());
        // What is written here follows from all that is here: behind a change that is refused nothing gets through.
        let is_still = |counted: &Basis| {
            counted.confirmed == *confirmed && counted.refusals == basis.refusals && self.obstacle.is_some()
        };
        let obstacle = if self.counted.as_ref().is_some_and(is_still) {
            self.obstacle
        } else {
            self.refusals.of_all_pending(document, &frontier).map(Obstacle::Refused)
        };
        (pending, obstacle)
    }
}
