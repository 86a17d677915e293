//! What a replica hears, and what it wants done.

use super::Standing;
use crate::SessionId;
use crate::room::{self, PeerInfo, Received};
use std::sync::Arc;
use tiebreak_document::CheckedChange;
use tiebreak_protocol::{ChangeHash, Heads, Refusal};

/// Word from the server about one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The connection that it came by. What comes by one that is gone counts no more: the server may have lost
    /// what it said to have.
    pub from: SessionId,
    pub said: Said,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A sync message whose changes have passed the gatekeeper.
    Sync(Box<Received>),
    /// A change that did not pass it.
    Unfit(Refusal),
    /// The server has no such document.
    Unavailable,
    /// Everything up to these heads survives a crash of the server.
    Durable(Heads),
    /// Behind the message that names these heads there is more to come.
    More(Heads),
    /// A change of ours was not taken.
    Refused { change: Option<ChangeHash>, code: String, detail: String, path: Option<String> },
}

impl Word {
    /// Bytes that the changes in it unfold to.
    pub fn weight(&self) -> u64 {
        match &self.said {
            Said::Sync(received) => received.changes.iter().map(CheckedChange::weight).sum(),
            Said::Unfit(_) | Said::Unavailable | Said::Durable(_) | Said::More(_) | Said::Refused { .. } => 0,
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// For the room: answers to its effects, deadlines, deletion.
    Room(room::Input),
    /// What the last connection left to be remembered, before there is another.
    Recalled(Heads),
    /// There is a connection: speak to the server.
    Greet(Arc<PeerInfo>),
    Word(Word),
    /// The connection is gone, or the server was told that we want to hear no more.
    Silence,
    /// The store did not answer: read the document again.
    Reread,
}

/// What the driver must do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Something that the room wants done; [`room::Effect::Tell`] is word to the server.
    Room(room::Effect),
    /// The document holds these heads, durably: whoever watches it may look.
    Changed(Heads),
    /// The document stands otherwise with the server.
    Stands(Standing),
    /// Keep for later connections: the server has said that it has everything up to these heads.
    Remember(Heads),
    /// A change was refused: one of ours by the server, or one of the server's by us.
    Refused(RefusedChange),
    /// What the server sent could not be stored; it is not spoken to until it is greeted again.
    Stalled(Refusal),
}

/// A change that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedChange {
    pub by: RefusedBy,
    /// `None` when it could not even be read.
    pub change: Option<ChangeHash>,
    /// Stable: see [`Refusal::code`].
    pub code: String,
    /// A sentence for a person.
    pub detail: String,
    /// Where it wrote what the document's kind does not allow, as a JSON Pointer.
    pub path: Option<String>,
}

impl std::fmt::Display for RefusedChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = match self.by {
            RefusedBy::Server => "the server did not take a change of this device",
            RefusedBy::Device => "a change that the server sent was not taken",
        };
        write!(f, "{who}: {} ({})", self.detail, self.code)
    }
}

/// Who refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedBy {
    /// The server does not take a change of this device. It stays here, and counts as pending.
    Server,
    /// This device does not take a change that the server sent.
    Device,
}
