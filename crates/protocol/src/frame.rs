//! The messages of the automerge-repo WebSocket protocol, version "1", as values.
//!
//! Source: the code of `@automerge/automerge-repo-network-websocket` 2.5 (its README says `metadata`
//! where the code sends `peerMetadata`; both are read). One WebSocket message is one CBOR map with text keys.

mod cbor;
mod decode;
mod encode;

use crate::{ChangeHash, DocumentId, EphemeralSessionId, ExtensionFrame, PeerId, Secret, StorageId};
use bytes::Bytes;

pub use decode::DecodeError;

/// The one version of the protocol that there is.
pub(crate) const PROTOCOL_VERSION: &str = "1";

/// The greatest integer that JavaScript holds exactly, 2^53 - 1: none above it is read or written.
pub(crate) const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// The longest token that is read, bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 4096;

/// One message, in either direction.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// The client's first message.
    Join(Join),
    /// The server's answer to it.
    Peer(Peer),
    /// A sync message by a client that does not have the document and asks for it.
    Request(SyncFrame),
    Sync(SyncFrame),
    DocUnavailable {
        document: DocumentId,
        sender: PeerId,
        target: PeerId,
    },
    Ephemeral(Ephemeral),
    RemoteSubscriptionChange(RemoteSubscriptionChange),
    RemoteHeadsChanged(RemoteHeadsChanged),
    Leave {
        sender: PeerId,
    },
    /// The sender closes the connection behind it.
    Error {
        sender: PeerId,
        target: PeerId,
        message: String,
    },
    /// One of our own types; only for peers that asked for them.
    Extension {
        sender: PeerId,
        target: PeerId,
        frame: ExtensionFrame,
    },
    /// A type that this version does not know. Never an error: newer peers may speak.
    Unknown {
        kind: String,
    },
}

/// Who the client is and what it can speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    pub sender: PeerId,
    pub metadata: PeerMetadata,
    /// The versions that the client offers, as it wrote them.
    pub versions: Vec<String>,
}

impl Join {
    /// Offers the version of this crate.
    pub fn new(sender: PeerId, metadata: PeerMetadata) -> Self {
        Self { sender, metadata, versions: vec![PROTOCOL_VERSION.to_owned()] }
    }

    /// Whether client and server have a version in common.
    pub fn is_version_supported(&self) -> bool {
        self.versions.iter().any(|version| version == PROTOCOL_VERSION)
    }
}

/// Who the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub sender: PeerId,
    pub target: PeerId,
    pub metadata: PeerMetadata,
}

/// What a peer says of itself. Unknown keys are skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerMetadata {
    /// The peer's durable storage, if it has one.
    pub storage_id: Option<StorageId>,
    /// The peer forgets its sync states when it goes.
    pub is_ephemeral: bool,
    /// Names of extensions the peer wants to speak, as `tiebreak/1`.
    pub extensions: Vec<String>,
    /// Who the peer is, from clients that can say it nowhere else: browsers put no header on a WebSocket.
    pub token: Option<Secret>,
}

/// A sync message of the CRDT library, for one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncFrame {
    pub document: DocumentId,
    pub sender: PeerId,
    pub target: PeerId,
    /// Opaque here; never empty (stock JavaScript peers throw on empty data).
    pub data: Bytes,
}

/// A message that is relayed and forgotten: presence, cursors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ephemeral {
    pub document: DocumentId,
    /// The peer that made it, kept by every relay.
    pub sender: PeerId,
    pub target: PeerId,
    /// Rises within a session; with sender and session it identifies the message.
    pub count: u64,
    pub session: EphemeralSessionId,
    pub data: Bytes,
}

/// Which storages' heads the sender wants to hear of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteSubscriptionChange {
    pub sender: Option<PeerId>,
    pub target: Option<PeerId>,
    pub add: Vec<StorageId>,
    pub remove: Vec<StorageId>,
}

/// The heads that other storages have reached in one document.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteHeadsChanged {
    pub document: DocumentId,
    pub sender: PeerId,
    pub target: PeerId,
    pub heads: Vec<RemoteHead>,
}

/// One storage's heads; `timestamp_ms` is the clock of whoever observed them, milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteHead {
    pub storage: StorageId,
    pub heads: Vec<ChangeHash>,
    /// At most 2^53 - 1.
    pub timestamp_ms: u64,
}

#[cfg(test)]
mod tests;
