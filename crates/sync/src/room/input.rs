//! What reaches a room.

use super::conflicts::OpenConflict;
use super::settling::Settle;
use crate::SessionId;
use crate::access::Access;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tiebreak_document::{CheckedChange, RegisterName, SavedChange, SyncMessage, Writer};
use tiebreak_protocol::{AccountId, ActorId, Ephemeral, Heads, PeerId, Refusal, RemoteHead, StorageId};

/// A peer as rooms see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    pub session: SessionId,
    pub peer: PeerId,
    /// The peer's durable storage, if it said that it has one.
    pub storage: Option<StorageId>,
    /// The peer speaks our extension.
    pub extended: bool,
    /// Whose the peer is; `None` where nobody asks.
    pub account: Option<AccountId>,
}

/// A sync message whose changes have passed the gatekeeper one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    pub from: Arc<PeerInfo>,
    pub access: Access,
    pub message: SyncMessage,
    pub changes: Vec<CheckedChange>,
}

/// A caller that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// For whom a caller submits changes. With nothing set, as where nobody asks, everything is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Submitter {
    /// Who submits. With an actor of anybody else nothing is taken, and the document is its own if this makes it.
    pub account: Option<AccountId>,
    pub new_actors: NewActors,
    /// As whom its changes are judged.
    pub writer: Writer,
}

/// Whose the actors are that a submission brings and the document does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NewActors {
    /// Who submits writes as them.
    #[default]
    Submitters,
    /// They wrote elsewhere: each is left to whoever goes on as it.
    Strangers,
}

/// What a caller believes of the document; if it is otherwise by then, nothing is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Anything,
    /// These heads exactly. Empty: there is no document.
    Heads(Heads),
}

impl Expected {
    pub(super) fn is_met_by(&self, heads: &Heads) -> bool {
        match self {
            Self::Anything => true,
            Self::Heads(expected) => expected == heads,
        }
    }
}

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
    /// The account that first wrote with each actor, as far as accounts were asked for.
    pub actors: BTreeMap<ActorId, AccountId>,
    /// The conflicts that are recorded as open.
    pub conflicts: Vec<(RegisterName, OpenConflict)>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Received(Box<Received>),
    /// Speak to this peer first. `shared` is what is remembered of earlier connections: the peer has, or had,
    /// everything up to these heads, and so have we.
    Greet {
        peer: Arc<PeerInfo>,
        access: Access,
        shared: Heads,
    },
    Ephemeral {
        from: SessionId,
        ephemeral: Box<Ephemeral>,
    },
    /// The session wants to hear of these storages' heads (the whole list).
    Follow {
        session: SessionId,
        storages: BTreeSet<StorageId>,
    },
    /// A peer passes on heads that it heard of.
    RemoteHeads {
        from: SessionId,
        heads: Vec<RemoteHead>,
    },
    /// Speak to this peer as if we had nothing, so that it offers again all that it has, what was refused before too;
    /// then say where we are.
    AskForAll {
        peer: Arc<PeerInfo>,
        access: Access,
    },
    /// The session's connection has ended.
    Left(SessionId),
    /// The answer to [`Effect::Load`](super::Effect::Load); `None`: never written.
    Loaded(Result<Option<Box<Loaded>>, Refusal>),
    /// The answer to [`Effect::Append`](super::Effect::Append): the sequence number of the last change stored.
    Appended(Result<u64, Refusal>),
    /// The answer to [`Effect::Record`](super::Effect::Record).
    Recorded(Result<(), Refusal>),
    /// The answer to [`Effect::Recall`](super::Effect::Recall).
    Recalled {
        session: SessionId,
        heads: Option<Heads>,
    },
    /// The answer to [`Effect::Compact`](super::Effect::Compact): a snapshot that now stands for the first so many stored changes;
    /// `None` when it could not be made or kept.
    Compacted(Option<(Bytes, u64)>),
    /// The server's own caller brings changes; they go the same way as a peer's.
    Submit {
        ticket: Ticket,
        expected: Expected,
        changes: Vec<CheckedChange>,
        by: Submitter,
    },
    /// Somebody chose what to make of a conflict.
    Settle {
        ticket: Ticket,
        settle: Box<Settle>,
    },
    Ask {
        ticket: Ticket,
        question: Question,
    },
    Delete {
        ticket: Ticket,
        expected: Expected,
    },
    /// The answer to [`Effect::Delete`](super::Effect::Delete).
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
