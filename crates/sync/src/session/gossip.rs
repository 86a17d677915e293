//! What a peer wants told to others and nobody stores: ephemeral messages, and which storage has which heads.

use super::{Effect, FOLLOWS_MAX, Session};
use crate::room;
use crate::{Moment, SessionId};
use tiebreak_protocol::{DocumentId, Ephemeral, Refusal, RemoteHeadsChanged, RemoteSubscriptionChange};

impl Session {
    pub(super) fn relay(
        &mut self,
        now: Moment,
        ephemeral: Ephemeral,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
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
        let is_member = self.access(document).is_some();
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

    pub(super) fn follow(
        &mut self,
        change: RemoteSubscriptionChange,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let live = self.live()?;
        for storage in &change.remove {
            live.follows.remove(storage);
        }
        live.follows.extend(change.add);
        if live.follows.len() > FOLLOWS_MAX {
            return Err(Refusal::RateExceeded);
        }
        let (session, storages) = (live.info.session, live.follows.clone());
        for document in self.documents() {
            let input = room::Input::Follow { session, storages: storages.clone() };
            effects.push(Effect::ToRoom { document, input });
        }
        Ok(())
    }

    /// A room that the session has just come to hears which storages its peer follows.
    pub(super) fn follow_in(
        &mut self,
        document: DocumentId,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let live = self.live()?;
        if !live.follows.is_empty() {
            let (session, storages) = (live.info.session, live.follows.clone());
            effects.push(Effect::ToRoom { document, input: room::Input::Follow { session, storages } });
        }
        Ok(())
    }

    pub(super) fn gossip(
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
}
