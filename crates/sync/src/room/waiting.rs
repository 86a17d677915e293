//! Changes whose dependencies are not here: they wait outside the document, for a while.

use super::turn::Turn;
use super::{Effect, Notice, Room};
use crate::{Moment, SessionId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tiebreak_document::CheckedChange;
use tiebreak_protocol::{ChangeHash, Limits, Refusal};

/// The changes of one peer that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    changes: Vec<CheckedChange>,
    until_by_change: BTreeMap<ChangeHash, Duration>,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn has(&self, hash: &ChangeHash) -> bool {
        self.changes.iter().any(|change| change.hash() == *hash)
    }

    /// What they wait for, and one another.
    pub(super) fn deps(&self) -> impl Iterator<Item = &ChangeHash> {
        self.changes.iter().flat_map(CheckedChange::deps)
    }

    /// When the first of them has waited long enough.
    pub(super) fn until(&self) -> Option<Duration> {
        self.until_by_change.values().min().copied()
    }

    /// Takes the changes out, to be judged again with new company. Those that come back to wait go on waiting
    /// as long as they would have.
    pub(super) fn take(&mut self) -> Vec<CheckedChange> {
        std::mem::take(&mut self.changes)
    }

    /// Keeps changes whose dependencies are not here. Answers those that found no place.
    fn add(
        &mut self,
        changes: Vec<CheckedChange>,
        limits: &Limits,
        now: Duration,
    ) -> Vec<(ChangeHash, Refusal)> {
        let mut bytes: u64 = self.changes.iter().map(CheckedChange::weight).sum();
        let mut refused = Vec::new();
        for change in changes {
            if self.has(&change.hash()) {
                continue;
            }
            let bytes_with_it = bytes + change.weight();
            if self.changes.len() < limits.waiting_changes_max
                && bytes_with_it <= limits.waiting_bytes_max as u64
            {
                bytes = bytes_with_it;
                self.until_by_change.entry(change.hash()).or_insert(now + limits.waiting_time);
                self.changes.push(change);
            } else {
                refused.push((change.hash(), Refusal::MissingDependencies));
            }
        }
        refused
    }

    /// Nothing more comes back to wait.
    fn settle(&mut self) {
        let waiting: BTreeSet<_> = self.changes.iter().map(CheckedChange::hash).collect();
        self.until_by_change.retain(|hash, _until| waiting.contains(hash));
    }

    /// Lets go of those that have waited long enough.
    pub(super) fn give_up(&mut self, now: Duration) -> Vec<ChangeHash> {
        let late = |hash: &ChangeHash| self.until_by_change.get(hash).is_some_and(|until| *until <= now);
        let given_up: Vec<_> = self.changes.iter().map(CheckedChange::hash).filter(late).collect();
        self.changes.retain(|change| !given_up.contains(&change.hash()));
        self.settle();
        given_up
    }
}

impl Room {
    pub(super) fn let_wait(
        &mut self,
        now: Moment,
        turn: &Turn,
        waiting: Vec<CheckedChange>,
    ) -> Vec<(ChangeHash, Refusal)> {
        let mut by_author: BTreeMap<Option<SessionId>, Vec<CheckedChange>> = BTreeMap::new();
        for change in waiting {
            by_author.entry(turn.author_of(&change.hash())).or_default().push(change);
        }
        let mut refused = Vec::new();
        for (author, changes) in by_author {
            match author.and_then(|author| self.members.get_mut(&author)) {
                Some(member) => refused.extend(member.waiting.add(changes, &self.limits, now.elapsed)),
                None => refused.extend(changes.iter().map(|c| (c.hash(), Refusal::MissingDependencies))),
            }
        }
        for member in self.members.values_mut() {
            member.waiting.settle();
        }
        refused
    }

    /// Lets go of changes whose dependencies did not come in time, and asks for them once more from the start.
    pub(super) fn give_up_waiting(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let mut asked_anew = BTreeSet::new();
        for (session, member) in &mut self.members {
            for change in member.give_up_waiting(now.elapsed) {
                let refusal = Refusal::MissingDependencies;
                effects.push(Effect::Refused(refusal));
                let notice = Notice::refused(Some(change), refusal);
                effects.push(Effect::Tell { to: *session, notice });
                asked_anew.insert(*session);
            }
        }
        self.reply(now, &asked_anew, effects);
    }
}
