//! One conversation with a peer: handshake, budgets, and the way from frames to rooms and back.

use crate::checked::Checked;
use crate::rate::Bucket;
use crate::room::{self, Notice, PeerInfo, Received};
use crate::{Moment, SessionId};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{
    ChangeHash, DocumentId, EXTENSION, Ephemeral, ExtensionFrame, Frame, Join, Limits, Peer, PeerId,
    PeerMetadata, Refusal, RemoteHeadsChanged, RemoteSubscriptionChange, StorageId, SyncFrame,
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
    /// The documents whose rooms know this session.
    documents: BTreeSet<DocumentId>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Nobody has joined; until the deadline.
    Handshaking {
        deadline: Duration,
    },
    Live(Live),
    Closed,
}

#[derive(Debug)]
struct Live {
    info: Arc<PeerInfo>,
    follows: BTreeSet<StorageId>,
    changes: Bucket,
    ephemeral: Bucket,
}

impl Session {
    /// A connection that has just been opened.
    pub fn new(id: SessionId, server: Arc<ServerIdentity>, limits: Arc<Limits>, now: Moment) -> Self {
        let deadline = now.elapsed + limits.handshake_time;
        Self { id, server, limits, documents: BTreeSet::new(), phase: Phase::Handshaking { deadline } }
    }

    /// When to send [`Input::DeadlinePassed`], on the clock of [`Moment::elapsed`].
    pub fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Handshaking { deadline } => Some(deadline),
            Phase::Live(_) | Phase::Closed => None,
        }
    }

    /// The documents whose rooms must be told when the connection ends.
    pub fn documents(&self) -> impl Iterator<Item = DocumentId> {
        self.documents.iter().copied()
    }

    /// Applies one input and answers what the driver must do.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let handled = match input {
            Input::Binary(bytes) => self.receive(now, &bytes, &mut effects),
            Input::Text => Err(Refusal::MalformedMessage),
            Input::FromRoom { document, notice } => self.pass_on(document, notice, &mut effects),
            Input::DeadlinePassed => self.check_deadline(now),
        };
        if let Err(refusal) = handled {
            self.refuse_connection(refusal, &mut effects);
        }
        effects
    }

    fn receive(&mut self, now: Moment, bytes: &Bytes, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let handshaking = matches!(self.phase, Phase::Handshaking { .. });
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
        let session = live.info.session;
        match frame {
            ExtensionFrame::Ping { nonce } => {
                let target = live.info.peer.clone();
                let pong = Frame::Extension { sender, target, frame: ExtensionFrame::Pong { nonce } };
                effects.push(Effect::Send(pong.encode()));
            }
            ExtensionFrame::Close { document } => {
                // Otherwise who opens and closes in turn could open without end.
                let wait = live.changes.take(1, now.elapsed);
                if !wait.is_zero() {
                    effects.push(Effect::Pause(wait));
                }
                if self.documents.remove(&document) {
                    effects.push(Effect::ToRoom { document, input: room::Input::Left(session) });
                }
            }
            ExtensionFrame::Pong { .. }
            | ExtensionFrame::Durable { .. }
            | ExtensionFrame::Refused { .. }
            | ExtensionFrame::More { .. } => {}
        }
        Ok(())
    }

    fn join(&mut self, now: Moment, join: Join, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        if !matches!(self.phase, Phase::Handshaking { .. }) {
            return Err(Refusal::HandshakeRepeated);
        }
        let extended = join.metadata.extensions.iter().any(|name| name == EXTENSION);
        let storage = join.metadata.storage_id.clone().filter(|_| !join.metadata.is_ephemeral);
        let info = Arc::new(PeerInfo { session: self.id, peer: join.sender.clone(), storage, extended });
        let Limits { changes_per_second, changes_burst, ephemeral_per_second, .. } = *self.limits;
        let supported = join.is_version_supported();
        self.phase = Phase::Live(Live {
            info,
            follows: BTreeSet::new(),
            changes: Bucket::new(changes_per_second, changes_burst, now.elapsed),
            ephemeral: Bucket::new(ephemeral_per_second, ephemeral_per_second, now.elapsed),
        });
        if !supported {
            return Err(Refusal::UnsupportedVersion);
        }
        let metadata = PeerMetadata {
            storage_id: Some(self.server.storage.clone()),
            is_ephemeral: false,
            extensions: if extended { vec![EXTENSION.to_owned()] } else { Vec::new() },
        };
        let peer = Peer { sender: self.server.peer.clone(), target: join.sender, metadata };
        effects.push(Effect::Send(Frame::Peer(peer).encode()));
        Ok(())
    }

    fn sync(&mut self, now: Moment, sync: SyncFrame, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        // Before any work: this may be anybody.
        let Phase::Live(live) = &mut self.phase else { return Err(Refusal::HandshakeExpected) };
        if !self.documents.contains(&sync.document)
            && self.documents.len() >= self.limits.documents_per_connection_max
        {
            // A stock peer that is sent away comes back with the same documents; the others can go on.
            let (sender, target) = (self.server.peer.clone(), live.info.peer.clone());
            let unavailable = Frame::DocUnavailable { document: sync.document, sender, target };
            effects.push(Effect::Send(unavailable.encode()));
            effects.push(Effect::Refused(Refusal::TooManyDocuments));
            return self.tell_refused(sync.document, None, Refusal::TooManyDocuments, effects);
        }
        let mut message = SyncMessage::decode(&sync.data).map_err(|_| Refusal::MalformedMessage)?;
        let runs = std::mem::take(&mut message.changes);
        let Checked { changes, refused, chunks } = Checked::new(runs, &self.limits);
        let is_new = self.documents.insert(sync.document);
        let wait = live.changes.take(chunks, now.elapsed);
        let info = Arc::clone(&live.info);
        let follows = (is_new && !live.follows.is_empty()).then(|| live.follows.clone());
        let received = Received { from: Arc::clone(&info), message, changes };
        for refusal in refused {
            effects.push(Effect::Refused(refusal));
            self.tell_refused(sync.document, None, refusal, effects)?;
        }
        effects.push(Effect::ToRoom {
            document: sync.document,
            input: room::Input::Received(Box::new(received)),
        });
        if let Some(storages) = follows {
            let input = room::Input::Follow { session: info.session, storages };
            effects.push(Effect::ToRoom { document: sync.document, input });
        }
        if !wait.is_zero() {
            effects.push(Effect::Pause(wait));
        }
        Ok(())
    }

    fn relay(&mut self, now: Moment, ephemeral: Ephemeral, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let document = ephemeral.document;
        if let Some(from) = self.may_chat(now, document, effects)? {
            let input = room::Input::Ephemeral { from, ephemeral: Box::new(ephemeral) };
            effects.push(Effect::ToRoom { document, input });
        }
        Ok(())
    }

    /// Who speaks, if what carries no state that anybody needs may pass: not about documents that the peer has
    /// not open, and not faster than its budget.
    fn may_chat(
        &mut self,
        now: Moment,
        document: DocumentId,
        effects: &mut Vec<Effect>,
    ) -> Result<Option<SessionId>, Refusal> {
        let is_member = self.documents.contains(&document);
        let live = self.live()?;
        if !is_member {
            return Ok(None);
        }
        if !live.ephemeral.try_take(now.elapsed) {
            effects.push(Effect::Refused(Refusal::RateExceeded));
            return Ok(None);
        }
        Ok(Some(live.info.session))
    }

    fn follow(&mut self, change: RemoteSubscriptionChange, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let live = self.live()?;
        for storage in &change.remove {
            live.follows.remove(storage);
        }
        live.follows.extend(change.add);
        if live.follows.len() > FOLLOWS_MAX {
            return Err(Refusal::RateExceeded);
        }
        let (session, storages) = (live.info.session, live.follows.clone());
        for document in &self.documents {
            let input = room::Input::Follow { session, storages: storages.clone() };
            effects.push(Effect::ToRoom { document: *document, input });
        }
        Ok(())
    }

    fn gossip(
        &mut self,
        now: Moment,
        changed: RemoteHeadsChanged,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let document = changed.document;
        if let Some(from) = self.may_chat(now, document, effects)? {
            let input = room::Input::RemoteHeads { from, heads: changed.heads };
            effects.push(Effect::ToRoom { document, input });
        }
        Ok(())
    }

    fn pass_on(
        &mut self,
        document: DocumentId,
        notice: Notice,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let server = Arc::clone(&self.server);
        let Phase::Live(live) = &mut self.phase else { return Ok(()) };
        let (sender, target) = (server.peer.clone(), live.info.peer.clone());
        let frame = match notice {
            Notice::Sync(data) => Frame::Sync(SyncFrame { document, sender, target, data }),
            Notice::Request(data) => Frame::Request(SyncFrame { document, sender, target, data }),
            Notice::Part { data, heads } => {
                if live.info.extended {
                    let (sender, target) = (sender.clone(), target.clone());
                    let frame = ExtensionFrame::More { document, heads };
                    effects.push(Effect::Send(Frame::Extension { sender, target, frame }.encode()));
                }
                Frame::Sync(SyncFrame { document, sender, target, data })
            }
            Notice::Unavailable => Frame::DocUnavailable { document, sender, target },
            // The author stays the sender, so that copies by several ways are recognised.
            Notice::Ephemeral(ephemeral) => Frame::Ephemeral(Ephemeral { target, ..*ephemeral }),
            Notice::RemoteHeads(heads) => {
                Frame::RemoteHeadsChanged(RemoteHeadsChanged { document, sender, target, heads })
            }
            Notice::Durable(heads) => {
                if !live.info.extended {
                    return Ok(());
                }
                Frame::Extension { sender, target, frame: ExtensionFrame::Durable { document, heads } }
            }
            Notice::Refused { change, refusal } => {
                return self.tell_refused(document, change, refusal, effects);
            }
            Notice::Close(refusal) => return Err(refusal),
        };
        effects.push(Effect::Send(frame.encode()));
        Ok(())
    }

    /// Stock peers have no ear for this; their change simply stays unacknowledged.
    fn tell_refused(
        &mut self,
        document: DocumentId,
        change: Option<ChangeHash>,
        refusal: Refusal,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let sender = self.server.peer.clone();
        let live = self.live()?;
        if live.info.extended {
            let (code, detail) = (refusal.code().to_owned(), refusal.to_string());
            let frame = ExtensionFrame::Refused { document, change, code, detail };
            let frame = Frame::Extension { sender, target: live.info.peer.clone(), frame };
            effects.push(Effect::Send(frame.encode()));
        }
        Ok(())
    }

    fn check_deadline(&self, now: Moment) -> Result<(), Refusal> {
        match self.deadline() {
            Some(deadline) if now.elapsed >= deadline => Err(Refusal::HandshakeTimedOut),
            Some(_) | None => Ok(()),
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
            Phase::Handshaking { .. } => Err(Refusal::HandshakeExpected),
            Phase::Closed => Err(Refusal::MalformedMessage),
        }
    }
}

#[cfg(test)]
mod tests;
