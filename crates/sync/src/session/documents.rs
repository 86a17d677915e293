//! The documents of a connection: what it may do with each, and the way to their rooms and back.

use super::{Effect, Phase, Session};
use crate::Moment;
use crate::access::Access;
use crate::checked::Checked;
use crate::room::{self, Notice, PeerInfo, Received};
use std::cmp::Ordering;
use std::sync::Arc;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{
    ChangeHash, DocumentId, Ephemeral, ExtensionFrame, Frame, Heads, Refusal, RemoteHeadsChanged, SyncFrame,
};

/// Messages about one document that wait until it is known what its sender may do.
const HELD_MAX: usize = 64;

/// How a session stands to a document that its peer has named.
#[derive(Debug)]
pub(super) enum Standing {
    /// It is being asked what the peer may do; what came meanwhile.
    Asked(Vec<SyncFrame>),
    /// The room knows the session.
    In(Access),
    /// The peer may nothing. Kept, so that it hears of the document as soon as it may.
    Denied,
}

impl Session {
    /// The documents whose rooms must be told when the connection ends.
    pub fn documents(&self) -> impl Iterator<Item = DocumentId> {
        self.documents
            .iter()
            .filter(|(_, standing)| matches!(standing, Standing::In(_)))
            .map(|(document, _)| *document)
    }

    /// Whether the peer has named a document, whatever it may do with it.
    pub fn has_named(&self, document: DocumentId) -> bool {
        self.documents.contains_key(&document)
    }

    pub(super) fn access(&self, document: DocumentId) -> Option<Access> {
        match self.documents.get(&document) {
            Some(Standing::In(access)) => Some(*access),
            Some(Standing::Asked(_) | Standing::Denied) | None => None,
        }
    }

    pub(super) fn sync(
        &mut self,
        now: Moment,
        sync: SyncFrame,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        // Before any work: this may be anybody.
        let Phase::Live(live) = &mut self.phase else { return Err(Refusal::HandshakeExpected) };
        let document = sync.document;
        let is_full = self.documents.len() >= self.limits.documents_per_connection_max;
        match self.documents.get_mut(&document) {
            Some(Standing::In(access)) => {
                let access = *access;
                return self.receive_sync(now, sync, access, effects);
            }
            Some(Standing::Asked(held)) if held.len() < HELD_MAX => held.push(sync),
            Some(Standing::Asked(_)) => return Err(Refusal::RateExceeded),
            None if is_full => {
                // A stock peer that is sent away comes back with the same documents; the others can go on.
                effects.push(Effect::Refused(Refusal::TooManyDocuments));
                self.tell_unavailable(document, effects)?;
                return self.tell_refused(document, None, Refusal::TooManyDocuments, effects);
            }
            None if live.term.is_none() => {
                return self.enter(now, sync, Access::Writes, effects);
            }
            // Asked again by who was denied: it may be otherwise now.
            Some(Standing::Denied) | None => {
                live.charge(1, now, effects);
                self.documents.insert(document, Standing::Asked(vec![sync]));
                effects.push(Effect::Authorize(document));
            }
        }
        Ok(())
    }

    /// What the peer may do with a document: the answer to [`Effect::Authorize`], or what has changed since. `None`:
    /// nothing, not even know that it is there.
    pub(super) fn authorized(
        &mut self,
        now: Moment,
        document: DocumentId,
        access: Option<Access>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let Some(standing) = self.documents.get_mut(&document) else { return Ok(()) };
        match (std::mem::replace(standing, Standing::Denied), access) {
            (Standing::Asked(held), Some(access)) => {
                *standing = Standing::In(access);
                let mut held = held.into_iter();
                if let Some(first) = held.next() {
                    self.enter(now, first, access, effects)?;
                }
                for sync in held {
                    self.receive_sync(now, sync, access, effects)?;
                }
                Ok(())
            }
            (Standing::Asked(held), None) => {
                // Somebody else's and missing look the same, except to who wants to write: that must be said.
                if held.iter().any(has_content) {
                    self.refuse_document(document, Refusal::AccessDenied, effects)?;
                }
                self.tell_unavailable(document, effects)
            }
            (Standing::In(before), Some(access)) => {
                *standing = Standing::In(access);
                match before.cmp(&access) {
                    Ordering::Less => self.ask_for_all(document, access, effects),
                    Ordering::Equal => Ok(()),
                    Ordering::Greater => self.begin_again(document, access, effects),
                }
            }
            (Standing::In(_), None) => {
                self.leave_room(document, effects)?;
                self.refuse_document(document, Refusal::AccessDenied, effects)?;
                self.tell_unavailable(document, effects)
            }
            (Standing::Denied, Some(access)) => {
                *standing = Standing::In(access);
                self.greet(document, access, effects)
            }
            (Standing::Denied, None) => Ok(()),
        }
    }

    /// The peer may do more than before: what it was refused, it is asked for.
    fn ask_for_all(
        &mut self,
        document: DocumentId,
        access: Access,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let peer = self.leave_room(document, effects)?;
        effects.push(Effect::ToRoom { document, input: room::Input::AskForAll { peer, access } });
        Ok(())
    }

    /// The peer may do less than before: what it has sent and is not taken yet goes.
    fn begin_again(
        &mut self,
        document: DocumentId,
        access: Access,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.leave_room(document, effects)?;
        self.greet(document, access, effects)
    }

    /// Answers who has left.
    fn leave_room(
        &mut self,
        document: DocumentId,
        effects: &mut Vec<Effect>,
    ) -> Result<Arc<PeerInfo>, Refusal> {
        let peer = Arc::clone(&self.live()?.info);
        effects.push(Effect::ToRoom { document, input: room::Input::Left(peer.session) });
        Ok(peer)
    }

    fn greet(
        &mut self,
        document: DocumentId,
        access: Access,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let peer = Arc::clone(&self.live()?.info);
        let input = room::Input::Greet { peer, access, shared: Heads::default() };
        effects.push(Effect::ToRoom { document, input });
        Ok(())
    }

    /// The first message about a document.
    fn enter(
        &mut self,
        now: Moment,
        sync: SyncFrame,
        access: Access,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let document = sync.document;
        self.documents.insert(document, Standing::In(access));
        self.receive_sync(now, sync, access, effects)?;
        let live = self.live()?;
        if !live.follows.is_empty() {
            let (session, storages) = (live.info.session, live.follows.clone());
            effects.push(Effect::ToRoom { document, input: room::Input::Follow { session, storages } });
        }
        Ok(())
    }

    fn receive_sync(
        &mut self,
        now: Moment,
        sync: SyncFrame,
        access: Access,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let document = sync.document;
        let mut message = SyncMessage::decode(&sync.data).map_err(|_| Refusal::MalformedMessage)?;
        let mut runs = std::mem::take(&mut message.changes);
        if access == Access::Reads && !runs.is_empty() {
            // Not even looked at: they reach no memory, no disk and no other session.
            self.live()?.charge(runs.len(), now, effects);
            runs.clear();
            self.refuse_document(document, Refusal::ReadOnly, effects)?;
        }
        let Checked { changes, refused, chunks } = Checked::new(runs, &self.limits);
        for refusal in refused {
            self.refuse_document(document, refusal, effects)?;
        }
        let live = self.live()?;
        let from = Arc::clone(&live.info);
        let received = Received { from, access, message, changes };
        effects.push(Effect::ToRoom { document, input: room::Input::Received(Box::new(received)) });
        live.charge(chunks, now, effects);
        Ok(())
    }

    pub(super) fn close_document(
        &mut self,
        now: Moment,
        document: DocumentId,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let live = self.live()?;
        // Otherwise who opens and closes in turn could open without end.
        live.charge(1, now, effects);
        let session = live.info.session;
        if let Some(Standing::In(_)) = self.documents.remove(&document) {
            effects.push(Effect::ToRoom { document, input: room::Input::Left(session) });
        }
        Ok(())
    }

    pub(super) fn pass_on(
        &mut self,
        document: DocumentId,
        notice: Notice,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        // What was under way when the peer left, or lost its right, reaches it no more.
        let Some(Standing::In(access)) = self.documents.get_mut(&document) else { return Ok(()) };
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
            Notice::Created => {
                *access = Access::Writes;
                return Ok(());
            }
            Notice::Denied => {
                self.documents.insert(document, Standing::Denied);
                return self.tell_unavailable(document, effects);
            }
            Notice::Close(refusal) => return Err(refusal),
        };
        effects.push(Effect::Send(frame.encode()));
        Ok(())
    }

    /// Counts a refusal that has no change's name, and tells it.
    fn refuse_document(
        &mut self,
        document: DocumentId,
        refusal: Refusal,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        effects.push(Effect::Refused(refusal));
        self.tell_refused(document, None, refusal, effects)
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

    fn tell_unavailable(&mut self, document: DocumentId, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let sender = self.server.peer.clone();
        let target = self.live()?.info.peer.clone();
        effects.push(Effect::Send(Frame::DocUnavailable { document, sender, target }.encode()));
        Ok(())
    }
}

/// Whether the sender of a message that was not taken in has something of the document, and so something to be written
/// or kept. One that is not well-formed says nothing.
fn has_content(sync: &SyncFrame) -> bool {
    SyncMessage::decode(&sync.data)
        .is_ok_and(|message| !message.heads.is_empty() || !message.changes.is_empty())
}
