//! Reading a document from the store: at first, and again after a merge that broke it in memory.

use super::authors::Authors;
use super::compaction::Compaction;
use super::turn::Turn;
use super::{Effect, Input, Loaded, Notice, Phase, Room};
use crate::Moment;
use std::collections::{BTreeSet, VecDeque};
use tiebreak_document::{CheckedChange, Document, SavedChange};
use tiebreak_protocol::{ChangeHash, Refusal};

/// Reads after failed merges in one turn; after that, the authors of what is left must offer it again.
const REREADS_MAX: usize = 16;

/// The changes of a turn whose merge failed. They are merged again one at a time, on a document read
/// afresh after every failure, so that only the guilty ones are set aside.
#[derive(Debug)]
pub(super) struct Suspects {
    turn: Turn,
    good: Vec<CheckedChange>,
    rest: VecDeque<CheckedChange>,
    bad: BTreeSet<ChangeHash>,
    /// What the library said of the last failure.
    reason: String,
    rereads: usize,
}

impl Suspects {
    pub(super) fn new(turn: Turn, changes: Vec<CheckedChange>, reason: &str) -> Self {
        let reason = reason.to_owned();
        Self { turn, good: Vec::new(), rest: changes.into(), bad: BTreeSet::new(), reason, rereads: 0 }
    }
}

impl Room {
    pub(super) fn loaded(
        &mut self,
        now: Moment,
        loaded: Result<Option<Box<Loaded>>, Refusal>,
        effects: &mut Vec<Effect>,
    ) {
        let Phase::Opening(suspects) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        match loaded {
            Ok(loaded) => self.install(*loaded.unwrap_or_default(), effects),
            Err(refusal) => {
                if let Some(suspects) = suspects {
                    self.turn_back(suspects.turn, refusal, effects);
                }
                return self.give_up(refusal, effects);
            }
        }
        match (suspects, &self.phase) {
            (Some(suspects), Phase::Idle) => self.examine(now, *suspects, effects),
            (Some(suspects), _) => self.turn_back(suspects.turn, Refusal::StorageUnavailable, effects),
            (None, _) => {}
        }
    }

    fn install(&mut self, loaded: Loaded, effects: &mut Vec<Effect>) {
        let lost_its_beginning = loaded.snapshot.is_none() && loaded.snapshot_through > 0;
        self.compaction = Compaction::of_stored(loaded.through, loaded.snapshot_through, &self.limits);
        self.document = Document::from_stored(loaded.snapshot, loaded.tail, loaded.heads);
        self.authors = Authors::new(loaded.actors);
        self.conflicts.recorded(loaded.conflicts, self.limits.conflicts_open_max);
        self.is_damaged = loaded.damaged;
        if loaded.deleted {
            // A tombstone remembers the heads of what it stands for; the document has none any more.
            self.document = Document::new();
            self.phase = Phase::Deleted;
        } else if lost_its_beginning {
            // What is left would look like another, almost empty document.
            self.break_down("the snapshot is damaged", effects);
        } else if loaded.damaged {
            match self.document.open_what_is_readable() {
                Ok(()) => self.compaction.note_lost(&self.document),
                Err(error) => self.break_down(&error.to_string(), effects),
            }
        }
    }

    /// The store does not answer: whoever waits is told to come back, and the room goes, if nobody does.
    fn give_up(&mut self, refusal: Refusal, effects: &mut Vec<Effect>) {
        self.phase = Phase::Unread;
        for input in std::mem::take(&mut self.queue) {
            match input {
                Input::Received(received) => {
                    effects.push(Effect::Tell { to: received.from.session, notice: Notice::Close(refusal) });
                }
                Input::Submit { ticket, .. }
                | Input::Settle { ticket, .. }
                | Input::Ask { ticket, .. }
                | Input::Delete { ticket, .. } => {
                    effects.push(Effect::Answer { ticket, answer: Err(refusal) });
                }
                // Who would have been greeted is told like one who came.
                Input::Greet { peer, .. } | Input::AskForAll { peer, .. } => {
                    effects.push(Effect::Tell { to: peer.session, notice: Notice::Close(refusal) });
                }
                Input::Ephemeral { .. }
                | Input::Follow { .. }
                | Input::RemoteHeads { .. }
                | Input::Left(_)
                | Input::Loaded(_)
                | Input::Appended(_)
                | Input::Recorded(_)
                | Input::Recalled { .. }
                | Input::Compacted(_)
                | Input::Deleted(_)
                | Input::Relieve
                | Input::DeadlinePassed => {}
            }
        }
        for session in std::mem::take(&mut self.members).into_keys() {
            effects.push(Effect::Tell { to: session, notice: Notice::Close(refusal) });
        }
        effects.push(Effect::Done);
    }

    fn examine(&mut self, now: Moment, mut suspects: Suspects, effects: &mut Vec<Effect>) {
        suspects.rereads += 1;
        let opened = self.document.open().map_err(|error| error.to_string());
        if let Err(reason) = opened {
            self.turn_back(suspects.turn, Refusal::StorageUnavailable, effects);
            return self.break_down(&reason, effects);
        }
        // The document is as it was before the turn: what had merged merges again.
        suspects.rest = suspects.good.drain(..).chain(suspects.rest).collect();
        while let Some(change) = suspects.rest.pop_front() {
            let orphaned = change.deps().iter().any(|dep| suspects.bad.contains(dep));
            let merged = if orphaned {
                Err(suspects.reason.clone())
            } else {
                self.document.merge(std::slice::from_ref(&change)).map_err(|error| error.to_string())
            };
            let Err(reason) = merged else {
                suspects.good.push(change);
                continue;
            };
            suspects.bad.insert(change.hash());
            self.refuse(&mut suspects.turn, change.hash(), Refusal::Quarantined, effects);
            let saved = SavedChange { hash: change.hash(), bytes: change.bytes().clone() };
            effects.push(Effect::Quarantine { change: saved, reason: reason.clone() });
            if orphaned {
                continue;
            }
            suspects.reason = reason;
            if suspects.rereads >= REREADS_MAX {
                self.turn_back(suspects.turn, Refusal::Busy, effects);
                self.phase = Phase::Opening(None);
            } else {
                self.phase = Phase::Opening(Some(Box::new(suspects)));
            }
            effects.push(Effect::Load);
            return;
        }
        let Suspects { turn, good, .. } = suspects;
        self.store(now, turn.with_ready(good), effects);
    }
}
