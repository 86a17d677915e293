//! What Tiebreak says beyond the automerge-repo protocol, to peers that asked for it.

use crate::{ChangeHash, ConflictId, ConflictState, DocumentId, Heads, Secret};

/// The name of the extension in `peerMetadata.extensions` of `join` and `peer`.
pub const EXTENSION: &str = "tiebreak/1";

/// A message of the extension. Its wire type starts with `x-tiebreak:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionFrame {
    /// `x-tiebreak:durable`: everything up to these heads survives a crash of the server.
    Durable { document: DocumentId, heads: Heads },
    /// `x-tiebreak:refused`: a change by this peer was not taken, and why.
    Refused {
        document: DocumentId,
        change: Option<ChangeHash>,
        code: String,
        detail: String,
        /// Where it wrote what the document's kind does not allow, as a JSON Pointer.
        path: Option<String>,
    },
    /// `x-tiebreak:conflict`: a conflict in a document that the client has open was opened, changed or closed. What it
    /// is about is read over HTTP, or out of the document.
    Conflict { document: DocumentId, conflict: ConflictId, state: ConflictState },
    /// `x-tiebreak:ping`: are you there? For clients that cannot send a WebSocket ping, as browsers.
    Ping { nonce: u64 },
    /// `x-tiebreak:pong`: the answer, with the number of the ping. At most 2^53 - 1.
    Pong { nonce: u64 },
    /// `x-tiebreak:more`: behind the sync message that names these heads there is more to come. Sent before it.
    More { document: DocumentId, heads: Heads },
    /// `x-tiebreak:close`: the client wants to hear nothing more of this document on this connection, until it
    /// speaks of it again.
    Close { document: DocumentId },
    /// `x-tiebreak:token-wanted`: the client's token is over soon; without another by then the connection is closed.
    TokenWanted { left_ms: u64 },
    /// `x-tiebreak:token`: a fresh token, of the same account and device.
    Token { token: Secret },
}

impl ExtensionFrame {
    pub(crate) const DURABLE: &str = "x-tiebreak:durable";
    pub(crate) const REFUSED: &str = "x-tiebreak:refused";
    pub(crate) const CONFLICT: &str = "x-tiebreak:conflict";
    pub(crate) const PING: &str = "x-tiebreak:ping";
    pub(crate) const PONG: &str = "x-tiebreak:pong";
    pub(crate) const MORE: &str = "x-tiebreak:more";
    pub(crate) const CLOSE: &str = "x-tiebreak:close";
    pub(crate) const TOKEN_WANTED: &str = "x-tiebreak:token-wanted";
    pub(crate) const TOKEN: &str = "x-tiebreak:token";
}
