//! What a replica makes of the server's words.

use super::{Effect, Has, RefusedBy, RefusedChange, Replica, Said, Word, refusals, refused_here};
use crate::Moment;
use crate::access::Access;
use crate::room::{self, Received};
use std::sync::Arc;
use tiebreak_document::{Have, SyncMessage};
use tiebreak_protocol::{ChangeHash, Heads, Refusal};

/// Parts that are announced and not taken in yet.
const PARTS_MAX: usize = 16;

impl Replica {
    pub(super) fn hear(&mut self, now: Moment, word: Word, effects: &mut Vec<Effect>) {
        let Some(upstream) = self.upstream.as_mut().filter(|upstream| upstream.session() == word.from) else {
            return;
        };
        match word.said {
            Said::Sync(received) => {
                upstream.has = Has::It;
                self.refusals.forget_document(Refusal::AccessDenied);
                self.step(effects, |room| room.handle(now, room::Input::Received(received)));
            }
            // Who may not see a document is told that there is none; what the server had of it, it still has.
            Said::Unavailable if self.refusals.is_denied() => self.step(effects, |_room| Vec::new()),
            Said::Unavailable => self.hear_of_nothing(now, effects),
            Said::Durable(heads) => {
                self.confirm(&heads);
                self.step(effects, |_room| Vec::new());
            }
            Said::More(heads) => {
                // A server sends the next part when it has heard of the last.
                if upstream.parts.len() < PARTS_MAX {
                    upstream.parts.push(heads);
                }
            }
            Said::Refused { change, code, detail, path } => {
                self.note_refusal(change, &code, effects);
                let by = RefusedBy::Server;
                effects.push(Effect::Refused(RefusedChange { by, change, code, detail, path }));
            }
            Said::Unfit(refusal) => effects.push(refused_here(room::Refused::new(None, refusal))),
        }
    }

    fn note_refusal(&mut self, change: Option<ChangeHash>, code: &str, effects: &mut Vec<Effect>) {
        if code == Refusal::TooManyDocuments.code() {
            // It was not heard at all; there may be a place for it later.
            self.upstream = None;
            self.step(effects, |_room| Vec::new());
            return effects.push(Effect::Stalled(Refusal::TooManyDocuments));
        }
        match (refusals::for_good(code), change) {
            (Some(Refusal::DocumentDeleted), _) => {
                self.refusals.note_document(Refusal::DocumentDeleted);
                if let Some(upstream) = &mut self.upstream {
                    upstream.has = Has::Tombstone;
                }
            }
            (Some(refusal @ (Refusal::AccessDenied | Refusal::ReadOnly)), None) => {
                self.refusals.note_document(refusal);
            }
            (Some(refusal), Some(change)) => self.refusals.note(change, refusal),
            (Some(refusal @ (Refusal::ChangeTooLarge | Refusal::TooManyOperations)), None) => {
                let frontier: Vec<_> = self.confirmed.iter().copied().collect();
                if let Some(document) = self.room.document_mut() {
                    self.refusals.note_largest(document, &frontier, refusal);
                }
            }
            (Some(_), None) | (None, _) => {}
        }
        self.step(effects, |_room| Vec::new());
    }

    /// To have nothing is to say that one has nothing: so the room answers with all that is here. Once: a server
    /// that says so again does not take it.
    fn hear_of_nothing(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.confirmed.clear();
        effects.push(Effect::Remember(Heads::default()));
        let Some(upstream) = self.upstream.as_mut().filter(|upstream| upstream.has == Has::It) else {
            return self.step(effects, |_room| Vec::new());
        };
        upstream.has = Has::Nothing;
        let message = SyncMessage { have: vec![Have::everything_up_to(&[])], ..SyncMessage::default() };
        let from = Arc::clone(&upstream.info);
        let received = Received { from, access: Access::Writes, message, changes: Vec::new() };
        self.step(effects, |room| room.handle(now, room::Input::Received(Box::new(received))));
    }
}
