//! A person's choice about a conflict, made into a change that goes the way of all others.

use super::conflicts::OpenConflict;
use super::turn::Turn;
use super::{Answer, Effect, Phase, Room, Submitter, Ticket};
use tiebreak_document::{Author, CheckedChange, Choice, SettleError, Settlement};
use tiebreak_protocol::{ActorId, Refusal};

/// A choice, and the state of the conflict for which it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Settle {
    pub conflict: OpenConflict,
    pub choice: Choice,
    /// As whom the choice is written; it must be new to the document.
    pub actor: ActorId,
    /// Seconds since the Unix epoch.
    pub time_s: i64,
    pub by: Submitter,
}

/// Why a choice was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsettled {
    #[error("sides came or went since the choice was made, or the conflict is closed: look at it again")]
    Changed,
    #[error(transparent)]
    Impossible(SettleError),
}

impl Room {
    pub(super) fn choose(
        &mut self,
        ticket: Ticket,
        settle: &Settle,
        turn: &mut Turn,
        effects: &mut Vec<Effect>,
    ) {
        match self.settle(settle) {
            Ok(change) => turn.submit(ticket, vec![change], settle.by),
            Err(answer) => effects.push(Effect::Answer { ticket, answer }),
        }
    }

    /// The change that says what was chosen, or the answer to who chose.
    fn settle(&mut self, settle: &Settle) -> Result<CheckedChange, Result<Answer, Refusal>> {
        if matches!(self.phase, Phase::Deleted | Phase::Broken) {
            return Err(Err(self.refusal_of_phase()));
        }
        let unreadable = |_| Err(Refusal::StorageUnavailable);
        let changed = || Ok(Answer::Unsettled(Unsettled::Changed));
        if self.document.heads().is_empty() {
            return Err(Ok(Answer::Missing));
        }
        if self.conflicts.find(settle.conflict.id) != Some(&settle.conflict) {
            return Err(changed());
        }
        let flags = self.flags().map_err(unreadable)?.ok_or_else(changed)?;
        let settlement = Settlement {
            document: self.document_id,
            flags,
            conflict: settle.conflict.id,
            choice: settle.choice.clone(),
        };
        let author = Author { actor: settle.actor.as_bytes(), time_s: settle.time_s };
        let change = self.document.settlement(&settlement, &author, &self.limits).map_err(unreadable)?;
        change.map_err(|error| {
            Ok(Answer::Unsettled(match error {
                SettleError::NotOpen => Unsettled::Changed,
                SettleError::NoSuchCandidate(_)
                | SettleError::KeepWhich(_)
                | SettleError::WholeDocument
                | SettleError::Refused(_) => Unsettled::Impossible(error),
            }))
        })
    }
}
