//! The documents of a connection: the way to their rooms and back.

use super::rights::Standing;
use super::{Effect, Phase, Session};
use crate::Moment;
use crate::access::Access;
use crate::checked::Checked;
use crate::room::{self, Notice, Received, Refused};
use std::sync::Arc;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{
    DocumentId, Ephemeral, ExtensionFrame, Frame, Refusal, RemoteHeadsChanged, SyncFrame,
};

/// Messages about one document that wait until it is known what its sender may do.
const HELD_MAX: usize = 64;

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
            Some(Standing::Asked(_) | Standing::AskedAgain(_) | Standing::Denied) | None => None,
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
            Some(Standing::Asked(held) | Standing::AskedAgain(held)) if held.len() < HELD_MAX => {
                held.push(sync)
            }
            Some(Standing::Asked(_) | Standing::AskedAgain(_)) => return Err(Refusal::RateExceeded),
            None if is_full => {
                // A stock peer that is sent away comes back with the same documents; the others can go on.
                effects.push(Effect::Refused(Refusal::TooManyDocuments));
                self.tell_unavailable(document, effects)?;
                return self.tell_refused(document, Refused::new(None, Refusal::TooManyDocuments), effects);
            }
            None if live.term.is_none() => {
                return self.enter(now, sync, Access::Owns, effects);
            }
            None => {
                live.charge(1, now, effects);
                self.documents.insert(document, Standing::Asked(vec![sync]));
                effects.push(Effect::Authorize(document));
            }
            // It may be otherwise now.
            Some(standing @ Standing::Denied) => {
                live.charge(1, now, effects);
                *standing = Standing::AskedAgain(vec![sync]);
                effects.push(Effect::Authorize(document));
            }
        }
        Ok(())
    }

    /// The first message about a document.
    pub(super) fn enter(
        &mut self,
        now: Moment,
        sync: SyncFrame,
        access: Access,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let document = sync.document;
        self.documents.insert(document, Standing::In(access));
        self.receive_sync(now, sync, access, effects)?;
        self.follow_in(document, effects)
    }

    pub(super) fn receive_sync(
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
            Notice::Conflict { conflict, state } => {
                if !live.info.extended {
                    return Ok(());
                }
                Frame::Extension {
                    sender,
                    target,
                    frame: ExtensionFrame::Conflict { document, conflict, state },
                }
            }
            Notice::Refused(refused) => {
                return self.tell_refused(document, refused, effects);
            }
            Notice::Created => {
                *access = Access::Owns;
                return Ok(());
            }
            Notice::Denied => {
                self.ask_again(document, effects);
                return Ok(());
            }
            Notice::Close(refusal) => return Err(refusal),
        };
        effects.push(Effect::Send(frame.encode()));
        Ok(())
    }

    /// Counts a refusal that has no change's name, and tells it.
    pub(super) fn refuse_document(
        &mut self,
        document: DocumentId,
        refusal: Refusal,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        effects.push(Effect::Refused(refusal));
        self.tell_refused(document, Refused::new(None, refusal), effects)
    }

    /// Stock peers have no ear for this; their change simply stays unacknowledged.
    fn tell_refused(
        &mut self,
        document: DocumentId,
        refused: Refused,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let sender = self.server.peer.clone();
        let live = self.live()?;
        if live.info.extended {
            let Refused { change, refusal, path } = refused;
            let (code, detail) = (refusal.code().to_owned(), refusal.to_string());
            let frame = ExtensionFrame::Refused { document, change, code, detail, path };
            let frame = Frame::Extension { sender, target: live.info.peer.clone(), frame };
            effects.push(Effect::Send(frame.encode()));
        }
        Ok(())
    }

    pub(super) fn tell_unavailable(
        &mut self,
        document: DocumentId,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let sender = self.server.peer.clone();
        let target = self.live()?.info.peer.clone();
        effects.push(Effect::Send(Frame::DocUnavailable { document, sender, target }.encode()));
        Ok(())
    }
}
