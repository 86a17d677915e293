//! What the server's own callers want of a document: to look at it, and to delete it.

use super::{Answer, Effect, Expected, Notice, Phase, Question, Room, Ticket};
use tiebreak_document::Document;
use tiebreak_protocol::Refusal;

impl Room {
    pub(super) fn answer(&mut self, question: &Question) -> Result<Answer, Refusal> {
        if matches!(self.phase, Phase::Broken) {
            return Err(Refusal::StorageUnavailable);
        }
        let heads = self.document.heads().clone();
        if heads.is_empty() {
            return Ok(Answer::Missing);
        }
        let unreadable = |_| Refusal::StorageUnavailable;
        Ok(match question {
            Question::Heads => Answer::Heads(heads),
            Question::Json => Answer::Json { heads, json: self.document.to_json().map_err(unreadable)? },
            Question::File => {
                let chunks: Vec<_> = self.document.chunks().map(AsRef::as_ref).collect();
                Answer::File { heads, bytes: chunks.concat().into() }
            }
            Question::History { skip, limit } => {
                let (changes, total) = self.document.history(*skip, *limit).map_err(unreadable)?;
                Answer::History { heads, changes, total }
            }
        })
    }

    pub(super) fn delete(&mut self, ticket: Ticket, expected: &Expected, effects: &mut Vec<Effect>) {
        let heads = self.document.heads();
        let answer = if matches!(self.phase, Phase::Deleted) || heads.is_empty() {
            Answer::Missing
        } else if expected.is_met_by(heads) {
            self.phase = Phase::Deleting(ticket);
            return effects.push(Effect::Delete);
        } else {
            Answer::Unexpected { heads: heads.clone() }
        };
        effects.push(Effect::Answer { ticket, answer: Ok(answer) });
    }

    pub(super) fn deleted(&mut self, deleted: Result<(), Refusal>, effects: &mut Vec<Effect>) {
        let Phase::Deleting(ticket) = std::mem::replace(&mut self.phase, Phase::Deleted) else { return };
        let answer = deleted.map(|()| Answer::Deleted);
        if answer.is_ok() {
            self.document = Document::new();
            self.conflicts.recorded(Vec::new(), self.limits.conflicts_open_max);
            for session in self.members.keys() {
                effects.push(Effect::Tell { to: *session, notice: Notice::Unavailable });
            }
        } else {
            self.phase = Phase::Idle;
        }
        effects.push(Effect::Answer { ticket, answer });
    }
}
