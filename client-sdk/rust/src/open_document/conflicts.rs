//! What disagrees in one document, and what this device's person makes of it.

use super::OpenDocument;
use crate::error::{ReadError, ResolveError};
use crate::identity;
use tiebreak_document::{Author, Choice, Conflict, Document, OpenError, Settlement};
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{ConflictId, Limits};
use tiebreak_sync::replica::Input;
use tiebreak_sync::room::{self, Condition, Expected, Submitter};

impl OpenDocument {
    pub(crate) async fn conflicts(&self) -> Result<Vec<Conflict>, ReadError> {
        let look = |document: &mut Document| -> Result<Vec<Conflict>, OpenError> {
            let Some(flags) = self.flagging.of(document)? else { return Ok(Vec::new()) };
            document.conflicts(self.id, &flags)
        };
        self.read(look).await?.map_err(|_| ReadError::Unreadable)
    }

    /// Makes the choice; durable when this returns.
    pub(crate) async fn resolve(
        &self,
        conflict: ConflictId,
        choice: Choice,
        limits: &Limits,
    ) -> Result<(), ResolveError> {
        let random: [u8; 12] = identity::random().map_err(|_| ResolveError::Random)?;
        // The choice follows from the sides alone, and not from what this device has written since: so it is somebody
        // else who writes it.
        let actor: Vec<u8> = self.actor.iter().take(4).copied().chain(random).collect();
        let answer = {
            let mut state = self.fit([Condition::Ready]).await?;
            let settle = |document: &mut Document| {
                let flags = self.flagging.of(document).map_err(|_| ResolveError::Unreadable)?;
                let flags = flags.ok_or(ResolveError::NotOpen)?;
                let settlement = Settlement { document: self.id, flags, conflict, choice };
                let author = Author { actor: &actor, time_s: unix_ms() / 1000 };
                let settled = document.settlement(&settlement, &author, limits);
                settled.map_err(|_| ResolveError::Unreadable)?.map_err(ResolveError::from)
            };
            let change = state.replica.read(settle).ok_or(ResolveError::Unreadable)??;
            let (ticket, answer) = state.new_ticket();
            let (expected, by) = (Expected::Anything, Submitter::default());
            let submit = room::Input::Submit { ticket, expected, changes: vec![change], by };
            self.put(&mut state, Input::Room(submit));
            answer
        };
        self.nudge.notify_one();
        Ok(self.submitted(answer).await?)
    }
}
