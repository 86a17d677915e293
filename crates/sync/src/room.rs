//! The owner of one open document: takes changes in, has them stored, and only then tells anyone.
//!
//! A room works in turns. While the changes of one turn are being stored, everything that arrives waits;
//! then all that waited is judged, merged and stored together. So the document in memory never shows
//! anything that is not durable, and a busy document pays the cost of a merge once for many changes.

mod member;
mod opening;
mod turn;

use crate::{Moment, SessionId};
use bytes::Bytes;
use member::Member;
use opening::Suspects;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::{CheckedChange, Document, SavedChange, SyncMessage};
use tiebreak_protocol::{
    ChangeHash, DocumentId, Ephemeral, EphemeralSessionId, Heads, Limits, PeerId, Refusal, RemoteHead,
    StorageId,
};
use turn::Turn;

/// Storages whose heads a room remembers for those who follow them.
const FOLLOWED_STORAGES_MAX: usize = 1_000;
/// Ephemeral messages remembered to recognise copies that come by another way.
const EPHEMERAL_MEMORY: usize = 256;

/// After this time without input a snapshot is made of what has gathered: nobody waits for it.
const QUIET_TIME: Duration = Duration::from_secs(2);

/// A peer as rooms see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    pub session: SessionId,
    pub peer: PeerId,
    /// The peer's durable storage, if it said that it has one.
    pub storage: Option<StorageId>,
    /// The peer speaks our extension.
    pub extended: bool,
}

/// A sync message whose changes have passed the gatekeeper one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    pub from: Arc<PeerInfo>,
    pub message: SyncMessage,
    pub changes: Vec<CheckedChange>,
    /// The message brought changes, whether or not any of them passed.
    pub carried_changes: bool,
}

/// A caller that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// A document as the driver read it from the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    pub snapshot: Option<Bytes>,
    /// Stored changes that the snapshot holds.
    pub snapshot_through: u64,
    pub tail: Vec<SavedChange>,
    /// Stored changes in all.
    pub through: u64,
    pub heads: Heads,
    pub deleted: bool,
    /// Some chunks were unreadable and are missing here.
    pub damaged: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Received(Box<Received>),
    Ephemeral {
        from: SessionId,
        ephemeral: Ephemeral,
    },
    /// The session wants to hear of these storages' heads (the whole list).
    Follow {
        session: SessionId,
        storages: std::collections::BTreeSet<StorageId>,
    },
    /// A peer passes on heads that it heard of.
    RemoteHeads {
        from: SessionId,
        heads: Vec<RemoteHead>,
    },
    /// The session's connection has ended.
    Left(SessionId),
    /// The answer to [`Effect::Load`]; `None`: never written.
    Loaded(Result<Option<Loaded>, Refusal>),
    /// The answer to [`Effect::Append`]: the sequence number of the last change stored.
    Appended(Result<u64, Refusal>),
    /// The answer to [`Effect::Recall`].
    Recalled {
        session: SessionId,
        heads: Option<Heads>,
    },
    /// A snapshot now stands for the first `through` stored changes.
    Compacted {
        snapshot: Bytes,
        through: u64,
    },
    /// The server's own caller brings changes; they go the same way as a peer's.
    Submit {
        ticket: Ticket,
        changes: Vec<CheckedChange>,
    },
    Ask {
        ticket: Ticket,
        question: Question,
    },
    Delete {
        ticket: Ticket,
    },
    /// The answer to [`Effect::Delete`].
    Deleted(Result<(), Refusal>),
    DeadlinePassed,
    /// Memory is short: close the document if nobody is using it right now.
    Relieve,
}

/// What a caller may ask of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The heads alone, without opening the document.
    Heads,
    Json,
    /// All chunks in a row: a file that every Automerge library loads.
    File,
    /// Changes from newest to oldest, after skipping `skip` of them.
    History {
        skip: usize,
        limit: usize,
    },
}

/// The answer to [`Input::Ask`], [`Input::Submit`] and [`Input::Delete`].
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Heads(Heads),
    Json {
        heads: Heads,
        json: serde_json::Value,
    },
    File {
        heads: Heads,
        bytes: Bytes,
    },
    History {
        heads: Heads,
        changes: Vec<tiebreak_document::HistoryEntry>,
        total: usize,
    },
    /// The submitted changes are durable, save the refused ones.
    Submitted {
        heads: Heads,
        created: bool,
        refused: Vec<(ChangeHash, Refusal)>,
    },
    Deleted,
    /// There is no such document (any more).
    Missing,
}

/// What the driver must do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read the document and answer with [`Input::Loaded`].
    Load,
    /// Store the changes and answer with [`Input::Appended`].
    Append {
        changes: Vec<SavedChange>,
        heads: Heads,
    },
    Tell {
        to: SessionId,
        notice: Notice,
    },
    /// Keep a change that broke the library, for a person.
    Quarantine {
        change: SavedChange,
        reason: String,
    },
    /// The stored changes since the snapshot are many: make a new one in the background.
    Compact,
    /// Answer with [`Input::Recalled`]: what is known of this peer from earlier connections.
    Recall {
        session: SessionId,
        storage: StorageId,
    },
    /// Keep for the peer's next connection.
    Remember {
        storage: StorageId,
        heads: Heads,
    },
    Delete,
    Answer {
        ticket: Ticket,
        answer: Result<Answer, Refusal>,
    },
    /// A change was refused, for metrics and logs; who could be told was told.
    Refused(Refusal),
    /// The document cannot be read; a person must look.
    Broken(String),
    /// Nobody is here and nothing is under way: the room may be dropped.
    Done,
}

/// Word to a session about this room's document.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// An encoded sync message; one allocation serves all sessions that need the same.
    Sync(Bytes),
    Unavailable,
    Ephemeral(Ephemeral),
    RemoteHeads(Vec<RemoteHead>),
    /// The peer's changes survive a crash now.
    Durable(Heads),
    Refused {
        change: Option<ChangeHash>,
        refusal: Refusal,
    },
    Close(Refusal),
}

/// One document and everybody who has it open.
#[derive(Debug)]
pub struct Room {
    document_id: DocumentId,
    limits: Arc<Limits>,
    phase: Phase,
    members: BTreeMap<SessionId, Member>,
    /// What arrived and is not yet looked at.
    queue: VecDeque<Input>,
    document: Document,
    /// Stored changes in all, and how many of them the snapshot holds.
    through: u64,
    snapshot_through: u64,
    compacting: bool,
    followed: BTreeMap<StorageId, RemoteHead>,
    ephemeral_seen: VecDeque<(PeerId, EphemeralSessionId, u64)>,
    used_at: Duration,
}

#[derive(Debug)]
enum Phase {
    /// The document is being read. After a failed merge with the changes that may be to blame.
    Opening(Option<Suspects>),
    Idle,
    /// A turn's changes are being stored.
    Storing(Turn),
    Deleting(Ticket),
    Deleted,
    /// Stored chunks do not make a document.
    Broken,
}

impl Room {
    /// A room for one document, to be read first: perform the effects.
    pub fn open(document_id: DocumentId, limits: Arc<Limits>, now: Moment) -> (Self, Vec<Effect>) {
        let room = Self {
            document_id,
            limits,
            phase: Phase::Opening(None),
            members: BTreeMap::new(),
            queue: VecDeque::new(),
            document: Document::new(),
            through: 0,
            snapshot_through: 0,
            compacting: false,
            followed: BTreeMap::new(),
            ephemeral_seen: VecDeque::new(),
            used_at: now.elapsed,
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
        !self.queue.is_empty() && matches!(self.phase, Phase::Idle | Phase::Deleted | Phase::Broken)
    }

    /// Whether the next turn looks into the document or merges, which for a large one takes milliseconds;
    /// all else is bookkeeping.
    pub fn is_turn_long(&self) -> bool {
        self.queue.iter().any(|input| match input {
            Input::Received(received) => !received.changes.is_empty() || !self.document.is_open(),
            Input::Submit { .. } | Input::Ask { .. } | Input::Recalled { .. } => true,
            Input::Ephemeral { .. }
            | Input::Follow { .. }
            | Input::RemoteHeads { .. }
            | Input::Left(_)
            | Input::Delete { .. }
            | Input::Loaded(_)
            | Input::Appended(_)
            | Input::Compacted { .. }
            | Input::Deleted(_)
            | Input::DeadlinePassed
            | Input::Relieve => false,
        })
    }

    /// When to send [`Input::DeadlinePassed`], on the clock of [`Moment::elapsed`].
    pub fn deadline(&self) -> Option<Duration> {
        let idle = matches!(self.phase, Phase::Idle | Phase::Deleted | Phase::Broken);
        let is_idle_useful = self.document.is_open() || self.members.is_empty();
        let idle_at = (idle && is_idle_useful).then(|| self.used_at + self.limits.room_idle_time);
        let compact_at = (idle && self.is_snapshot_worthwhile()).then(|| self.used_at + QUIET_TIME);
        let waiting_until = self.members.values().filter_map(Member::waiting_until).min();
        idle_at.into_iter().chain(compact_at).chain(waiting_until.filter(|_| idle)).min()
    }

    /// Takes one input and answers what the driver must do. What comes from outside waits for the next turn.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Loaded(loaded) => self.loaded(now, loaded, &mut effects),
            Input::Appended(stored) => self.stored(now, stored, &mut effects),
            Input::Deleted(deleted) => self.deleted(deleted, &mut effects),
            Input::Compacted { snapshot, through } => self.compacted(snapshot, through),
            Input::DeadlinePassed => self.check_deadlines(now, &mut effects),
            Input::Relieve => self.relieve(),
            Input::Received(_)
            | Input::Ephemeral { .. }
            | Input::Follow { .. }
            | Input::RemoteHeads { .. }
            | Input::Left(_)
            | Input::Recalled { .. }
            | Input::Submit { .. }
            | Input::Ask { .. }
            | Input::Delete { .. } => {
                self.used_at = now.elapsed;
                self.queue.push_back(input);
            }
        }
        effects
    }

    fn leave(&mut self, session: SessionId, effects: &mut Vec<Effect>) {
        let Some(member) = self.members.remove(&session) else { return };
        if let Some((storage, heads)) = member.worth_remembering() {
            effects.push(Effect::Remember { storage, heads });
        }
    }

    fn compacted(&mut self, snapshot: Bytes, through: u64) {
        self.compacting = false;
        if through > self.snapshot_through && through <= self.through {
            let changes = usize::try_from(through - self.snapshot_through).unwrap_or(usize::MAX);
            self.document.compacted(snapshot, changes);
            self.snapshot_through = through;
        }
    }

    fn deleted(&mut self, deleted: Result<(), Refusal>, effects: &mut Vec<Effect>) {
        let Phase::Deleting(ticket) = std::mem::replace(&mut self.phase, Phase::Deleted) else { return };
        let answer = deleted.map(|()| Answer::Deleted);
        if answer.is_ok() {
            self.document = Document::new();
            for session in self.members.keys() {
                effects.push(Effect::Tell { to: *session, notice: Notice::Unavailable });
            }
        } else {
            self.phase = Phase::Idle;
        }
        effects.push(Effect::Answer { ticket, answer });
    }

    fn relieve(&mut self) {
        if matches!(self.phase, Phase::Idle) && self.queue.is_empty() {
            self.document.close();
        }
    }

    fn check_deadlines(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        for member in self.members.values_mut() {
            for change in member.give_up_waiting(now.elapsed) {
                effects.push(Effect::Refused(Refusal::MissingDependencies));
                let notice = Notice::Refused { change: Some(change), refusal: Refusal::MissingDependencies };
                effects.push(Effect::Tell { to: member.info.session, notice });
            }
        }
        let quiet = now.elapsed >= self.used_at + QUIET_TIME && matches!(self.phase, Phase::Idle);
        if quiet && self.queue.is_empty() && self.is_snapshot_worthwhile() {
            self.compact(effects);
        }
        let idle = now.elapsed >= self.used_at + self.limits.room_idle_time;
        if idle && matches!(self.phase, Phase::Idle | Phase::Deleted | Phase::Broken) && self.queue.is_empty()
        {
            self.document.close();
            if self.members.is_empty() {
                effects.push(Effect::Done);
            }
        }
    }
}

#[cfg(test)]
mod tests;
