//! What a link hears, and what it wants done.

use super::{End, Incoming, TokenReason};
use crate::replica::Word;
use crate::room::{Notice, PeerInfo};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_protocol::{DocumentId, PeerId};

/// Who the client is to its server.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// One for each opening of a client's store.
    pub peer: PeerId,
}

/// How long a link waits for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOptions {
    /// The longest delay before the first try after a loss; it doubles with each that fails.
    pub backoff_min: Duration,
    /// The longest delay there is.
    pub backoff_max: Duration,
    /// For the app to bring a token.
    pub token_time: Duration,
    /// For name lookup, TCP, TLS and the upgrade together.
    pub open_time: Duration,
    /// For the server's answer to the join.
    pub handshake_time: Duration,
    /// After so much silence the server is pinged; after as much again the connection counts as lost.
    pub heartbeat: Duration,
    /// The same after the network has changed, when a connection is likely to be dead.
    pub probe_time: Duration,
    /// A connection that held for less does not make the next delay short again, nor the next token fresh.
    pub stable_time: Duration,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            token_time: Duration::from_secs(30),
            open_time: Duration::from_secs(15),
            handshake_time: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
            probe_time: Duration::from_secs(5),
            stable_time: Duration::from_secs(10),
        }
    }
}

/// What the app presents to the server. Never shown in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The app's answer to [`Effect::FetchToken`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAnswer {
    Granted(Token),
    /// This app connects without.
    NotNeeded,
    /// Nobody is signed in.
    SignedOut,
    /// It could not be had just now.
    Failed {
        reason: String,
    },
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The app wants a connection; while one is waited for, at once.
    Connect,
    /// The app wants none.
    Disconnect,
    /// The app was told that the network is another, or came to the front: what was given up on may work now, and
    /// what seems to be there may be dead.
    NetworkChanged,
    Token(TokenAnswer),
    /// The WebSocket that [`Effect::Open`] asked for is there.
    Opened,
    /// A binary WebSocket message.
    Message(Incoming),
    /// Anything else that shows life: pings, pongs.
    Heard,
    /// The WebSocket has ended, or was never made.
    Ended(End),
    /// Word from a replica to the server.
    Tell {
        document: DocumentId,
        notice: Notice,
    },
    /// Nothing more is to be heard of this document.
    Close(DocumentId),
    /// The time given by [`Link::deadline`](super::Link::deadline) has come.
    DeadlinePassed,
}

/// What the driver must do, in order.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Ask the app for a token and answer with [`Input::Token`].
    FetchToken(TokenReason),
    /// Open a WebSocket, in place of any there was; answer with [`Input::Opened`] or [`Input::Ended`].
    Open(Option<Token>),
    Send(Bytes),
    /// Send a WebSocket ping.
    Ping,
    /// Let go of the WebSocket, or of the try to open one; nothing more of it counts.
    Drop,
    /// The handshake is through: replicas may speak to this peer.
    Connected(Arc<PeerInfo>),
    /// Nothing more reaches that peer.
    Disconnected,
    ToReplica {
        document: DocumentId,
        word: Word,
    },
    /// [`Link::state`](super::Link::state) is another.
    StateChanged,
    /// A try or a connection ended in a way that passes, for the app's eyes.
    Troubled {
        reason: String,
    },
}
