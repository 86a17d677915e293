//! What a room does with what it cannot take, and whom it tells.

use super::turn::{Submit, Turn};
use super::{Effect, Notice, Phase, Received, Refused, Room};
use crate::SessionId;
use std::collections::BTreeSet;
use tiebreak_protocol::{ChangeHash, Refusal};

impl Room {
    /// None of the turn's changes was kept, through no fault of theirs: their authors must offer them again.
    pub(super) fn turn_back(&mut self, turn: Turn, refusal: Refusal, effects: &mut Vec<Effect>) {
        self.send_away(turn.authors(), refusal, effects);
        for Submit { ticket, .. } in turn.submits {
            effects.push(Effect::Answer { ticket, answer: Err(refusal) });
        }
    }

    /// Sessions that must come back and begin anew.
    pub(super) fn send_away(
        &mut self,
        sessions: &BTreeSet<SessionId>,
        refusal: Refusal,
        effects: &mut Vec<Effect>,
    ) {
        for session in sessions {
            self.members.remove(session);
            effects.push(Effect::Tell { to: *session, notice: Notice::Close(refusal) });
        }
    }

    /// One change is refused for good; its author hears of it, and so does whoever counts.
    pub(super) fn refuse(
        &mut self,
        turn: &mut Turn,
        change: ChangeHash,
        refusal: Refusal,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Refused(refusal));
        turn.refused.insert(change);
        let path = turn.breaches.remove(&change);
        let refused = Refused { change: Some(change), refusal, path };
        if let Some(member) = turn.author_of(&change).and_then(|author| self.members.get_mut(&author)) {
            member.refuse(change);
            let notice = Notice::Refused(refused.clone());
            effects.push(Effect::Tell { to: member.info.session, notice });
        }
        for submit in turn.submits.iter_mut().filter(|submit| submit.changes.contains(&change)) {
            submit.refused.push(refused.clone());
        }
    }

    pub(super) fn turn_away(&mut self, received: &Received, effects: &mut Vec<Effect>) {
        let session = received.from.session;
        let refusal = self.refusal_of_phase();
        for change in &received.changes {
            effects.push(Effect::Refused(refusal));
            let notice = Notice::refused(Some(change.hash()), refusal);
            effects.push(Effect::Tell { to: session, notice });
        }
        if received.changes.is_empty() {
            // Why it has changes that nobody asks for.
            effects.push(Effect::Tell { to: session, notice: Notice::refused(None, refusal) });
        }
        effects.push(Effect::Tell { to: session, notice: Notice::Unavailable });
    }

    /// The stored chunks do not make a document: keep everybody else's documents out of it.
    pub(super) fn break_down(&mut self, reason: &str, effects: &mut Vec<Effect>) {
        self.phase = Phase::Broken;
        effects.push(Effect::Broken(reason.to_owned()));
        for session in self.members.keys() {
            effects.push(Effect::Tell { to: *session, notice: Notice::Unavailable });
        }
        self.members.clear();
    }
}
