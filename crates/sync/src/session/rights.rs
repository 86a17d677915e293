//! What a peer may do with a document: from the question to the last change of the answer.

use super::{Effect, Session};
use crate::Moment;
use crate::access::Access;
use crate::room;
use std::cmp::Ordering;
use std::sync::Arc;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{DocumentId, Heads, Refusal, SyncFrame};

/// How a session stands to a document that its peer has named.
#[derive(Debug)]
pub(super) enum Standing {
    /// It is being asked what the peer may do; what came meanwhile.
    Asked(Vec<SyncFrame>),
    /// The same of a peer that was turned away before, perhaps with something that it believes to have sent.
    AskedAgain(Vec<SyncFrame>),
    /// The room knows the session.
    In(Access),
    /// The peer may nothing. Kept, so that it hears of the document as soon as it may.
    Denied,
}

impl Session {
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
        let before = std::mem::replace(standing, access.map_or(Standing::Denied, Standing::In));
        match (before, access) {
            (Standing::Asked(held), Some(access)) => {
                let mut held = held.into_iter();
                if let Some(first) = held.next() {
                    self.enter(now, first, access, effects)?;
                }
                self.receive_all(now, held, access, effects)
            }
            // Somebody is about to make what it was turned away from: until it is known for whom, it is not there.
            (Standing::AskedAgain(held), Some(Access::Creates)) if held.is_empty() => {
                self.documents.insert(document, Standing::Denied);
                self.tell_unavailable(document, effects)
            }
            (Standing::AskedAgain(held), Some(access)) => {
                self.ask_for_all(document, access, effects)?;
                self.receive_all(now, held, access, effects)
            }
            (Standing::Asked(held) | Standing::AskedAgain(held), None) => {
                // Somebody else's and missing look the same, except to who wants to write: that must be said.
                if held.iter().any(has_content) {
                    self.refuse_document(document, Refusal::AccessDenied, effects)?;
                }
                self.tell_unavailable(document, effects)
            }
            (Standing::In(before), Some(access)) => match before.cmp(&access) {
                Ordering::Equal => Ok(()),
                Ordering::Less => {
                    self.leave_room(document, effects)?;
                    self.ask_for_all(document, access, effects)
                }
                Ordering::Greater => {
                    // What it has sent and is not taken yet goes.
                    self.leave_room(document, effects)?;
                    self.greet(document, access, effects)
                }
            },
            (Standing::In(_), None) => {
                self.leave_room(document, effects)?;
                self.refuse_document(document, Refusal::AccessDenied, effects)?;
                self.tell_unavailable(document, effects)
            }
            (Standing::Denied, Some(access)) => self.ask_for_all(document, access, effects),
            (Standing::Denied, None) => Ok(()),
        }
    }

    /// The room turned the peer away: it came to make a document that somebody has made meanwhile. That may have been
    /// another device of its account, so what it was allowed is out of date.
    pub(super) fn ask_again(&mut self, document: DocumentId, effects: &mut Vec<Effect>) {
        self.documents.insert(document, Standing::AskedAgain(Vec::new()));
        effects.push(Effect::Authorize(document));
    }

    /// The peer may do more than before: what it was refused, it is asked for.
    fn ask_for_all(
        &mut self,
        document: DocumentId,
        access: Access,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let peer = Arc::clone(&self.live()?.info);
        effects.push(Effect::ToRoom { document, input: room::Input::AskForAll { peer, access } });
        self.follow_in(document, effects)
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
        self.follow_in(document, effects)
    }

    fn leave_room(&mut self, document: DocumentId, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let session = self.live()?.info.session;
        effects.push(Effect::ToRoom { document, input: room::Input::Left(session) });
        Ok(())
    }

    fn receive_all(
        &mut self,
        now: Moment,
        held: impl IntoIterator<Item = SyncFrame>,
        access: Access,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        held.into_iter().try_for_each(|sync| self.receive_sync(now, sync, access, effects))
    }
}

/// Whether the sender of a message that was not taken in has something of the document, and so something to be written
/// or kept. One that is not well-formed says nothing.
fn has_content(sync: &SyncFrame) -> bool {
    SyncMessage::decode(&sync.data)
        .is_ok_and(|message| !message.heads.is_empty() || !message.changes.is_empty())
}
