//! Reading what the server sends: apart from the link, so that a large message can be read elsewhere.

use crate::checked::Checked;
use bytes::Bytes;
use tiebreak_document::{CheckedChange, SyncMessage};
use tiebreak_protocol::{DocumentId, Frame, Limits};

/// A binary message of the server, read; the changes in it have met the gatekeeper.
#[derive(Debug)]
pub struct Incoming(pub(super) Content);

#[derive(Debug)]
pub(super) enum Content {
    Sync {
        document: DocumentId,
        message: SyncMessage,
        checked: Checked,
    },
    Frame(Frame),
    /// Not of this protocol, in words.
    Malformed(&'static str),
}

impl Incoming {
    /// Reads a message. Takes time in proportion to what it unfolds to, which `limits` bound.
    pub fn read(bytes: &Bytes, limits: &Limits) -> Self {
        Self(match Frame::decode(bytes) {
            Ok(Frame::Sync(sync) | Frame::Request(sync)) => match SyncMessage::decode(&sync.data) {
                Ok(mut message) => {
                    let checked = Checked::new(std::mem::take(&mut message.changes), limits);
                    Content::Sync { document: sync.document, message, checked }
                }
                Err(_) => Content::Malformed("the server sent a sync message that is not well-formed"),
            },
            Ok(frame) => Content::Frame(frame),
            Err(_) => Content::Malformed("the server sent something that is not of this protocol"),
        })
    }

    /// In place of a message whose reading did not come to an end.
    pub const fn unreadable() -> Self {
        Self(Content::Malformed("what the server sent could not be read"))
    }

    /// Bytes that the changes in it unfold to.
    pub fn weight(&self) -> u64 {
        match &self.0 {
            Content::Sync { checked, .. } => checked.changes.iter().map(CheckedChange::weight).sum(),
            Content::Frame(_) | Content::Malformed(_) => 0,
        }
    }
}
