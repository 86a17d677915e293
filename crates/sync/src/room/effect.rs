//! What a room wants done.

use super::conflicts::ConflictChange;
use super::input::Ticket;
use super::settling::Unsettled;
use crate::SessionId;
use bytes::Bytes;
use tiebreak_document::SavedChange;
use tiebreak_protocol::{
    AccountId, ActorId, ChangeHash, ConflictId, ConflictState, Ephemeral, Heads, Refusal, RemoteHead,
    StorageId,
};

/// What the driver must do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read the document and answer with [`Input::Loaded`](super::Input::Loaded).
    Load,
    /// Store the changes and answer with [`Input::Appended`](super::Input::Appended).
    Append {
        changes: Vec<SavedChange>,
        heads: Heads,
        /// Actors that are new to the document, and whose they are.
        actors: Vec<(ActorId, AccountId)>,
        /// Whose the document is, if this makes it.
        owner: Option<AccountId>,
        /// What they bring about, durable with them or not at all; at most
        /// [`CONFLICT_CHANGES_MAX`](super::CONFLICT_CHANGES_MAX).
        conflicts: Vec<ConflictChange>,
    },
    /// Record what earlier changes have brought about, and answer with [`Input::Recorded`](super::Input::Recorded).
    Record {
        conflicts: Vec<ConflictChange>,
    },
    /// Whether anybody disagrees could not be seen. What is stored is sound; a person must look.
    Unreviewed(String),
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
    /// Answer with [`Input::Recalled`](super::Input::Recalled): what is known of this peer from earlier connections.
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

/// A change that was not taken, or all that somebody has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub change: Option<ChangeHash>,
    pub refusal: Refusal,
    /// Where it wrote what the document's kind does not allow, as a JSON Pointer.
    pub path: Option<String>,
}

impl Refused {
    pub fn new(change: Option<ChangeHash>, refusal: Refusal) -> Self {
        Self { change, refusal, path: None }
    }
}

impl Notice {
    pub(super) fn refused(change: Option<ChangeHash>, refusal: Refusal) -> Self {
        Self::Refused(Refused::new(change, refusal))
    }
}

/// Word to a session about this room's document.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// An encoded sync message; one allocation serves all sessions that need the same.
    Sync(Bytes),
    /// The same from a replica that has nothing of the document: it waits for an answer either way.
    Request(Bytes),
    /// The same, and more follows once the peer has answered; with the heads that the message names.
    Part {
        data: Bytes,
        heads: Heads,
    },
    Unavailable,
    Ephemeral(Box<Ephemeral>),
    RemoteHeads(Vec<RemoteHead>),
    /// The peer's changes survive a crash now.
    Durable(Heads),
    /// A conflict was opened, changed or closed.
    Conflict {
        conflict: ConflictId,
        state: ConflictState,
    },
    Refused(Refused),
    /// The document that the peer was to make is there, and its account owns it.
    Created,
    /// There is such a document, and it is not the peer's to make.
    Denied,
    Close(Refusal),
}

/// The answer to [`Input::Ask`](super::Input::Ask), [`Input::Submit`](super::Input::Submit), [`Input::Settle`](super::Input::Settle) and
/// [`Input::Delete`](super::Input::Delete).
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
        refused: Vec<Refused>,
    },
    Deleted,
    /// The choice was not taken.
    Unsettled(Unsettled),
    /// The document is not what the caller expected; nothing was done.
    Unexpected {
        heads: Heads,
    },
    /// There is no such document (any more).
    Missing,
}
