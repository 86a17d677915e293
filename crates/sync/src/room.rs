//! The owner of one open document: takes changes in, has them stored, and only then tells anyone.
//!
//! A room works in turns. While the changes of one turn are being stored, everything that arrives waits;
//! then all that waited is judged, merged and stored together. So the document in memory never shows
//! anything that is not durable, and a busy document pays the cost of a merge once for many changes.

mod answers;
mod authors;
mod compaction;
mod conflicts;
mod edit;
mod effect;
mod gossip;
mod input;
mod judging;
mod member;
mod opening;
mod questions;
mod refusing;
mod settling;
mod turn;
mod waiting;

pub use conflicts::{
    CONFLICT_CHANGES_MAX, Closed, ConflictChange, Disagreement, Flagging, OpenConflict, PlainDocuments,
};
pub use effect::{Answer, Effect, Notice, Refused};
pub use input::{Expected, Input, Loaded, NewActors, PeerInfo, Question, Received, Submitter, Ticket};
pub use settling::{Settle, Unsettled};

use crate::{Moment, SessionId};
use authors::Authors;
use compaction::Compaction;
use conflicts::OpenConflicts;
use gossip::Gossip;
use member::Member;
use opening::Suspects;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::Document;
use tiebreak_protocol::{DocumentId, Heads, Limits, Refusal};
use turn::Turn;

/// One document and everybody who has it open.
#[derive(Debug)]
pub struct Room {
    document_id: DocumentId,
    limits: Arc<Limits>,
    phase: Phase,
    members: BTreeMap<SessionId, Box<Member>>,
    /// What arrived and is not yet looked at.
    queue: VecDeque<Input>,
    document: Document,
    authors: Authors,
    conflicts: OpenConflicts,
    /// Some of what was stored could not be read.
    is_damaged: bool,
    compaction: Compaction,
    gossip: Gossip,
    used_at: Duration,
}

#[derive(Debug)]
enum Phase {
    /// The document is being read. After a failed merge with the changes that may be to blame.
    Opening(Option<Box<Suspects>>),
    /// The store did not answer; whoever comes next makes the room read again.
    Unread,
    Idle,
    /// A turn's changes are being stored.
    Storing(Box<Turn>),
    Deleting(Ticket),
    Deleted,
    /// Stored chunks do not make a document.
    Broken,
}

/// What can be done with a room's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It is being read.
    Reading,
    /// The store did not answer.
    Unread,
    Ready,
    /// Something is being stored; it can be looked at, and shows what is not durable yet.
    Storing,
    Deleted,
    /// What is stored of it does not make a document.
    Broken,
}

impl Phase {
    /// Nothing is under way that a turn would have to wait for.
    fn is_at_rest(&self) -> bool {
        matches!(self, Self::Idle | Self::Unread | Self::Deleted | Self::Broken)
    }
}

impl Room {
    /// A room for one document, to be read first: perform the effects.
    pub fn open(document_id: DocumentId, limits: Arc<Limits>, now: Moment) -> (Self, Vec<Effect>) {
        let room = Self {
            document_id,
            phase: Phase::Opening(None),
            members: BTreeMap::new(),
            queue: VecDeque::new(),
            document: Document::new(),
            authors: Authors::default(),
            conflicts: OpenConflicts::default(),
            is_damaged: false,
            compaction: Compaction::of_stored(0, 0, &limits),
            gossip: Gossip::default(),
            used_at: now.elapsed,
            limits,
        };
        (room, vec![Effect::Load])
    }

    pub fn document_id(&self) -> DocumentId {
        self.document_id
    }

    /// Whether the room has space for input from outside; answers to its own effects it always takes.
    pub fn has_space(&self) -> bool {
        self.queue.len() < self.limits.room_inbox_messages_max
    }

    /// Whether something from outside waits to be taken up.
    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Bytes of stored chunks held in memory; an open document holds some times as much besides.
    pub fn stored_bytes(&self) -> u64 {
        self.document.stored_bytes()
    }

    pub fn is_document_open(&self) -> bool {
        self.document.is_open()
    }

    /// Whether something has arrived that the next turn must take up. Whoever drives the room first hands
    /// over all that waits for it: what one turn takes up together costs one merge and one commit.
    pub fn is_turn_due(&self) -> bool {
        (!self.queue.is_empty() || self.conflicts.has_rest()) && self.phase.is_at_rest()
    }

    /// Whether the next turn looks into the document or merges, which for a large one takes milliseconds;
    /// all else is bookkeeping.
    pub fn is_turn_long(&self) -> bool {
        self.queue.iter().any(|input| match input {
            Input::Received(received) => !received.changes.is_empty() || !self.document.is_open(),
            Input::Submit { .. } | Input::Settle { .. } | Input::Ask { .. } | Input::Recalled { .. } => true,
            Input::Greet { .. }
            | Input::AskForAll { .. }
            | Input::Ephemeral { .. }
            | Input::Follow { .. }
            | Input::RemoteHeads { .. }
            | Input::Left(_)
            | Input::Delete { .. }
            | Input::Loaded(_)
            | Input::Appended(_)
            | Input::Recorded(_)
            | Input::Compacted(_)
            | Input::Deleted(_)
            | Input::DeadlinePassed
            | Input::Relieve => false,
        })
    }

    /// When to send [`Input::DeadlinePassed`], on the clock of [`Moment::elapsed`].
    pub fn deadline(&self) -> Option<Duration> {
        if !self.phase.is_at_rest() {
            return None;
        }
        let is_idle_useful = self.document.is_open() || self.members.is_empty();
        let idle_at = is_idle_useful.then(|| self.used_at + self.limits.room_idle_time);
        let compact_at = if matches!(self.phase, Phase::Idle) {
            self.compaction.due_when_quiet(&self.document, self.used_at)
        } else {
            None
        };
        let waiting_until = self.members.values().filter_map(|member| member.waiting.until()).min();
        idle_at.into_iter().chain(compact_at).chain(waiting_until).min()
    }

    /// Takes one input and answers what the driver must do. What comes from outside waits for the next turn.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Loaded(loaded) => self.loaded(now, loaded, &mut effects),
            Input::Appended(stored) => self.stored(now, stored, &mut effects),
            Input::Recorded(recorded) => self.recorded(recorded, &mut effects),
            Input::Deleted(deleted) => self.deleted(deleted, &mut effects),
            Input::Compacted(made) => self.compaction.ended(&mut self.document, made, now.elapsed),
            Input::DeadlinePassed => self.check_deadlines(now, &mut effects),
            Input::Relieve => self.relieve(),
            Input::Received(_)
            | Input::Greet { .. }
            | Input::AskForAll { .. }
            | Input::Ephemeral { .. }
            | Input::Follow { .. }
            | Input::RemoteHeads { .. }
            | Input::Left(_)
            | Input::Recalled { .. }
            | Input::Submit { .. }
            | Input::Settle { .. }
            | Input::Ask { .. }
            | Input::Delete { .. } => {
                self.used_at = now.elapsed;
                self.queue.push_back(input);
            }
        }
        effects
    }

    /// What can be done with the document now.
    pub fn condition(&self) -> Condition {
        match self.phase {
            Phase::Opening(_) => Condition::Reading,
            Phase::Unread => Condition::Unread,
            Phase::Idle => Condition::Ready,
            Phase::Storing(_) | Phase::Deleting(_) => Condition::Storing,
            Phase::Deleted => Condition::Deleted,
            Phase::Broken => Condition::Broken,
        }
    }

    /// Reads the document again if the store did not answer.
    pub(crate) fn reread(&mut self) -> Vec<Effect> {
        if !matches!(self.phase, Phase::Unread) {
            return Vec::new();
        }
        self.phase = Phase::Opening(None);
        vec![Effect::Load]
    }

    pub(crate) fn heads(&self) -> &Heads {
        self.document.heads()
    }

    /// `None` when there is nothing to look at, or it is being read.
    pub(crate) fn document_mut(&mut self) -> Option<&mut Document> {
        matches!(self.condition(), Condition::Ready | Condition::Storing).then_some(&mut self.document)
    }

    /// The heads that a member named last; `None` when it has not spoken yet, or not since it is to be greeted.
    pub(crate) fn said_by(&self, session: SessionId) -> Option<Heads> {
        let greets = |input: &Input| matches!(input, Input::Greet { peer, .. } if peer.session == session);
        if self.queue.iter().any(greets) {
            return None;
        }
        let member = self.members.get(&session).filter(|member| member.is_heard())?;
        Some(member.said_heads().iter().copied().collect())
    }

    /// Whether a member has, by its own word, what we lack.
    pub(crate) fn is_behind(&self, session: SessionId) -> bool {
        self.members.get(&session).is_some_and(|member| member.is_ahead())
    }

    fn leave(&mut self, session: SessionId, effects: &mut Vec<Effect>) {
        let Some(member) = self.members.remove(&session) else { return };
        if let Some((storage, heads)) = member.worth_remembering() {
            effects.push(Effect::Remember { storage, heads });
        }
    }

    fn relieve(&mut self) {
        if matches!(self.phase, Phase::Idle) && self.queue.is_empty() {
            self.document.close();
        }
    }

    fn check_deadlines(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if !self.phase.is_at_rest() || !self.queue.is_empty() {
            return;
        }
        self.give_up_waiting(now, effects);
        if self.compaction.due_when_quiet(&self.document, self.used_at).is_some_and(|at| at <= now.elapsed) {
            self.compact(effects);
        }
        if now.elapsed >= self.used_at + self.limits.room_idle_time {
            self.document.close();
            if self.members.is_empty() {
                effects.push(Effect::Done);
            }
        }
    }

    /// What a peer may know of why the room takes nothing.
    fn refusal_of_phase(&self) -> Refusal {
        match self.phase {
            Phase::Deleted => Refusal::DocumentDeleted,
            Phase::Opening(_)
            | Phase::Unread
            | Phase::Idle
            | Phase::Storing(_)
            | Phase::Deleting(_)
            | Phase::Broken => Refusal::StorageUnavailable,
        }
    }
}

#[cfg(test)]
mod tests;
