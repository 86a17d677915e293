//! One conversation with a peer: handshake, budgets, and the way from frames to rooms and back.

mod documents;
mod gossip;
mod handshake;
mod rights;

use crate::access::{Access, Admission, Identity};
use crate::rate::Bucket;
use crate::room::{self, Notice, PeerInfo};
use crate::{Moment, SessionId};
use bytes::Bytes;
use handshake::Term;
use rights::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_protocol::{
    DocumentId, ExtensionFrame, Frame, Join, Limits, PeerId, Refusal, Secret, StorageId,
};

/// Storages one peer may follow the heads of.
const FOLLOWS_MAX: usize = 1_000;

/// The server's side of the handshake.
#[derive(Debug, Clone)]
pub struct ServerIdentity {
    pub peer: PeerId,
    pub storage: StorageId,
}

/// What happened to the connection.
#[derive(Debug)]
pub enum Input {
    /// A binary WebSocket message.
    Binary(Bytes),
    /// A text WebSocket message: nothing that peers of this protocol send.
    Text,
    /// Word from a room this session is in.
    FromRoom { document: DocumentId, notice: Notice },
    /// The answer to [`Effect::Authenticate`].
    Authenticated(Result<Identity, Refusal>),
    /// The answer to [`Effect::Authorize`], and word that it is another now. `None`: nothing.
    Authorized { document: DocumentId, access: Option<Access> },
    /// Whose the connection was may not be here any more.
    SignedOut,
    /// The time given by [`Session::deadline`] has come.
    DeadlinePassed,
}

/// What the driver must do, in order.
#[derive(Debug, PartialEq)]
pub enum Effect {
    Send(Bytes),
    ToRoom {
        document: DocumentId,
        input: room::Input,
    },
    /// Find out whose token it is, and answer with [`Input::Authenticated`]. Nothing may be read before.
    Authenticate(Secret),
    /// Find out what the peer may do with a document, and answer with [`Input::Authorized`].
    Authorize(DocumentId),
    /// Read nothing more from the socket for this long.
    Pause(Duration),
    /// For metrics and logs; the peer was told if it can be told.
    Refused(Refusal),
    /// Send what is queued, then close. No input may follow.
    Close(Refusal),
    /// The peer said goodbye: close. No input may follow.
    Hangup,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    server: Arc<ServerIdentity>,
    limits: Arc<Limits>,
    admission: Admission,
    /// What the peer has named.
    documents: BTreeMap<DocumentId, Standing>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Nobody has joined; until the deadline.
    Handshaking {
        deadline: Duration,
    },
    /// It is being asked whose the token is.
    Authenticating {
        join: Box<Join>,
        deadline: Duration,
    },
    Live(Live),
    Closed,
}

#[derive(Debug)]
struct Live {
    info: Arc<PeerInfo>,
    /// `None` where nobody asks whose a connection is.
    term: Option<Term>,
    follows: BTreeSet<StorageId>,
    changes: Bucket,
    ephemeral: Bucket,
}

impl Live {
    /// Takes so much from the peer's budget; past it, the peer is read more slowly.
    fn charge(&mut self, changes: usize, now: Moment, effects: &mut Vec<Effect>) {
        let wait = self.changes.take(changes, now.elapsed);
        if !wait.is_zero() {
            effects.push(Effect::Pause(wait));
        }
    }
}

impl Session {
    /// A connection that has just been opened.
    pub fn new(
        id: SessionId,
        server: Arc<ServerIdentity>,
        limits: Arc<Limits>,
        admission: Admission,
        now: Moment,
    ) -> Self {
        let phase = Phase::Handshaking { deadline: now.elapsed + limits.handshake_time };
        Self { id, server, limits, admission, documents: BTreeMap::new(), phase }
    }

    /// Applies one input and answers what the driver must do.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        // A fresh token may be the answer that comes just in time.
        let is_answer = matches!(input, Input::Authenticated(_));
        let may_speak = if is_answer { Ok(()) } else { self.check_term(now) };
        let handled = may_speak.and_then(|()| self.apply(now, input, &mut effects));
        if let Err(refusal) = handled {
            self.refuse_connection(refusal, &mut effects);
        }
        effects
    }

    fn apply(&mut self, now: Moment, input: Input, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        match input {
            Input::Binary(bytes) => self.receive(now, &bytes, effects),
            Input::Text => Err(Refusal::MalformedMessage),
            Input::FromRoom { document, notice } => self.pass_on(document, notice, effects),
            Input::Authenticated(answer) => self.authenticated(now, answer, effects),
            Input::Authorized { document, access } => self.authorized(now, document, access, effects),
            Input::SignedOut => Err(Refusal::SignedOut),
            Input::DeadlinePassed => self.check_deadline(now, effects),
        }
    }

    fn receive(&mut self, now: Moment, bytes: &Bytes, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let handshaking = matches!(self.phase, Phase::Handshaking { .. } | Phase::Authenticating { .. });
        if handshaking && bytes.len() > self.limits.handshake_bytes_max {
            return Err(Refusal::MessageTooLarge);
        }
        let frame = Frame::decode(bytes).map_err(|_| Refusal::MalformedMessage)?;
        match frame {
            Frame::Join(join) => self.join(now, join, effects),
            Frame::Unknown { .. } if !handshaking => Ok(()),
            Frame::Sync(sync) | Frame::Request(sync) => self.sync(now, sync, effects),
            Frame::Ephemeral(ephemeral) => self.relay(now, ephemeral, effects),
            Frame::RemoteSubscriptionChange(change) => self.follow(change, effects),
            Frame::RemoteHeadsChanged(changed) => self.gossip(now, changed, effects),
            Frame::Leave { .. } | Frame::Error { .. } => {
                self.live()?;
                self.phase = Phase::Closed;
                effects.push(Effect::Hangup);
                Ok(())
            }
            Frame::Extension { frame, .. } => self.extension(now, frame, effects),
            Frame::Peer(_) | Frame::DocUnavailable { .. } | Frame::Unknown { .. } => self.live().map(drop),
        }
    }

    fn extension(
        &mut self,
        now: Moment,
        frame: ExtensionFrame,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let sender = self.server.peer.clone();
        let live = self.live()?;
        match frame {
            ExtensionFrame::Ping { nonce } => {
                let target = live.info.peer.clone();
                let pong = Frame::Extension { sender, target, frame: ExtensionFrame::Pong { nonce } };
                effects.push(Effect::Send(pong.encode()));
                Ok(())
            }
            ExtensionFrame::Close { document } => self.close_document(now, document, effects),
            ExtensionFrame::Token { token } => self.take_token(now, token, effects),
            ExtensionFrame::Pong { .. }
            | ExtensionFrame::Durable { .. }
            | ExtensionFrame::Refused { .. }
            | ExtensionFrame::Conflict { .. }
            | ExtensionFrame::More { .. }
            | ExtensionFrame::TokenWanted { .. } => Ok(()),
        }
    }

    fn refuse_connection(&mut self, refusal: Refusal, effects: &mut Vec<Effect>) {
        if let Phase::Live(live) = &self.phase {
            let (sender, target) = (self.server.peer.clone(), live.info.peer.clone());
            let message = format!("{}: {refusal}", refusal.code());
            effects.push(Effect::Send(Frame::Error { sender, target, message }.encode()));
        }
        effects.push(Effect::Refused(refusal));
        effects.push(Effect::Close(refusal));
    }

    fn live(&mut self) -> Result<&mut Live, Refusal> {
        match &mut self.phase {
            Phase::Live(live) => Ok(live),
            Phase::Handshaking { .. } | Phase::Authenticating { .. } => Err(Refusal::HandshakeExpected),
            Phase::Closed => Err(Refusal::MalformedMessage),
        }
    }
}

#[cfg(test)]
mod tests;
