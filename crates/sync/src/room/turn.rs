//! One turn of a room: everything that has arrived is judged, merged and stored together, then told.

use super::answers::{Answers, WHOLE_BYTES_MAX};
use super::authors::Claims;
use super::member::Member;
use super::opening::Suspects;
use super::{
    Answer, ConflictChange, Effect, Expected, Input, Notice, Phase, Received, Refused, Room, Submitter,
    Ticket,
};
use crate::access::Access;
use crate::{Moment, SessionId};
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_document::{Breach, CheckedChange, Document, OpenError, SavedChange, pointer};
use tiebreak_protocol::{ChangeHash, ConflictId, ConflictState, Heads, Refusal};

/// What one turn merges, and who hears of it.
#[derive(Debug, Default)]
pub(super) struct Turn {
    messages: Vec<Brought>,
    /// Whose messages those are.
    authors: BTreeSet<SessionId>,
    pub(super) submits: Vec<Submit>,
    author_by_change: BTreeMap<ChangeHash, SessionId>,
    /// For whom callers submitted changes.
    pub(super) submitter_by_change: BTreeMap<ChangeHash, Submitter>,
    pub(super) claims: Claims,
    /// To be judged.
    pub(super) changes: Vec<CheckedChange>,
    /// Judged and merged.
    ready: Vec<CheckedChange>,
    pub(super) refused: BTreeSet<ChangeHash>,
    /// Where changes wrote what the document's kind does not allow.
    pub(super) breaches: BTreeMap<ChangeHash, String>,
    heads_before: Heads,
    /// What the merge has brought about.
    pub(super) conflicts: Vec<(ConflictId, ConflictState)>,
}

/// A message, with the names of the changes it brought.
#[derive(Debug)]
struct Brought {
    received: Received,
    changes: Vec<ChangeHash>,
}

#[derive(Debug)]
pub(super) struct Submit {
    pub(super) ticket: Ticket,
    pub(super) changes: BTreeSet<ChangeHash>,
    pub(super) refused: Vec<Refused>,
}

impl Turn {
    /// A turn of one change, which the document holds already.
    pub(super) fn of_edit(ticket: Ticket, change: CheckedChange, heads_before: Heads) -> Self {
        let submit = Submit { ticket, changes: [change.hash()].into(), refused: Vec::new() };
        Self { submits: vec![submit], ready: vec![change], heads_before, ..Self::default() }
    }

    /// A turn that begins with nothing to judge.
    pub(super) fn of_nothing(heads_before: Heads) -> Self {
        Self { heads_before, ..Self::default() }
    }

    /// Changes that are merged behind those that the turn brought.
    pub(super) fn add_ready(&mut self, changes: Vec<CheckedChange>) {
        self.ready.extend(changes);
    }

    pub(super) fn with_ready(self, ready: Vec<CheckedChange>) -> Self {
        Self { ready, ..self }
    }

    pub(super) fn ready(&self) -> &[CheckedChange] {
        &self.ready
    }

    pub(super) fn ready_bytes(&self) -> usize {
        self.ready.iter().map(|change| change.bytes().len()).sum()
    }

    pub(super) fn ready_by_others(&self, session: SessionId) -> impl Iterator<Item = &CheckedChange> {
        self.ready.iter().filter(move |change| self.author_by_change.get(&change.hash()) != Some(&session))
    }

    pub(super) fn heads_before(&self) -> &Heads {
        &self.heads_before
    }

    pub(super) const fn authors(&self) -> &BTreeSet<SessionId> {
        &self.authors
    }

    /// Whether the session is in this turn with changes of its own.
    pub(super) fn is_author(&self, session: SessionId) -> bool {
        self.authors.contains(&session)
    }

    pub(super) fn author_of(&self, change: &ChangeHash) -> Option<SessionId> {
        self.author_by_change.get(change).copied()
    }

    pub(super) fn submit(&mut self, ticket: Ticket, changes: Vec<CheckedChange>, by: Submitter) {
        let hashes: BTreeSet<_> = changes.iter().map(CheckedChange::hash).collect();
        self.submitter_by_change.extend(hashes.iter().map(|hash| (*hash, by)));
        self.submits.push(Submit { ticket, changes: hashes, refused: Vec::new() });
        self.changes.extend(changes);
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.submits.is_empty()
    }
}

impl Room {
    /// Takes up all that has arrived, and answers what the driver must do. Nothing to do without
    /// [`Room::is_turn_due`].
    pub fn take_turn(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.is_turn_due() {
            if matches!(self.phase, Phase::Unread) {
                self.phase = Phase::Opening(None);
                effects.push(Effect::Load);
            } else {
                self.take_up(now, &mut effects);
            }
        }
        effects
    }

    fn take_up(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let mut inputs = std::mem::take(&mut self.queue);
        let mut turn = Turn::default();
        let mut spoke = BTreeSet::new();
        while let Some(input) = inputs.pop_front() {
            match input {
                Input::Received(received) => {
                    self.hear(*received, &mut turn, &mut spoke, effects);
                }
                Input::Greet { peer, access, shared } => self.greet(peer, access, &shared, effects),
                Input::AskForAll { peer, access } => self.ask_for_all(peer, access, effects),
                // These are judged by the document as it is, so nothing may be about to change it.
                Input::Delete { .. }
                | Input::Settle { .. }
                | Input::Submit { expected: Expected::Heads(_), .. }
                    if !turn.is_empty() =>
                {
                    inputs.push_front(input);
                    break;
                }
                Input::Submit { ticket, expected, changes, by } => match self.objection(&expected) {
                    Some(answer) => effects.push(Effect::Answer { ticket, answer }),
                    None => self.take_submission(ticket, changes, by, &mut turn),
                },
                Input::Settle { ticket, settle } => self.choose(ticket, &settle, &mut turn, effects),
                Input::Delete { ticket, expected } => {
                    self.delete(ticket, &expected, effects);
                    if matches!(self.phase, Phase::Deleting(_)) {
                        break;
                    }
                }
                Input::Recalled { session, heads } => {
                    for received in self.recalled(session, heads.as_ref(), effects).into_iter().rev() {
                        inputs.push_front(Input::Received(Box::new(received)));
                    }
                }
                // It leaves when its last changes have been told, and what comes after is by somebody new.
                Input::Left(session) if turn.is_author(session) => {
                    inputs.push_front(input);
                    break;
                }
                Input::Left(session) => self.leave(session, effects),
                Input::Ephemeral { from, ephemeral } => self.relay(from, &ephemeral, effects),
                Input::Follow { session, storages } => self.follow(session, storages, effects),
                Input::RemoteHeads { from, heads } => {
                    for head in heads {
                        self.hear_of(now, from, head, effects);
                    }
                }
                Input::Ask { ticket, question } => {
                    let answer = self.answer(&question);
                    effects.push(Effect::Answer { ticket, answer });
                }
                Input::Loaded(_)
                | Input::Appended(_)
                | Input::Recorded(_)
                | Input::Compacted(_)
                | Input::Deleted(_)
                | Input::Relieve
                | Input::DeadlinePassed => debug_assert!(false, "taken up at once"),
            }
        }
        self.queue = inputs;
        // Whoever brought changes as well is answered when they are durable.
        spoke.retain(|session| !turn.is_author(*session));
        self.reply(now, &spoke, effects);
        if !turn.is_empty() {
            self.merge(now, turn, effects);
        } else if self.conflicts.has_rest() {
            self.review_the_rest(effects);
        }
    }

    fn take_submission(&self, ticket: Ticket, changes: Vec<CheckedChange>, by: Submitter, turn: &mut Turn) {
        let makes = self.document.heads().is_empty() && turn.is_empty();
        turn.claims.owner = turn.claims.owner.or(by.account.filter(|_| makes));
        turn.submit(ticket, changes, by);
    }

    /// A message without changes is taken in at once, one with changes when they are merged.
    fn hear(
        &mut self,
        received: Received,
        turn: &mut Turn,
        spoke: &mut BTreeSet<SessionId>,
        effects: &mut Vec<Effect>,
    ) {
        let session = received.from.session;
        if matches!(self.phase, Phase::Deleted | Phase::Broken) {
            return self.turn_away(&received, effects);
        }
        if !self.takes(&received, turn) {
            return self.deny(&received, effects);
        }
        let new = || Box::new(Member::new(received.from.clone(), received.access));
        let member = self.members.entry(session).or_insert_with(new);
        if received.access != Access::Creates {
            member.access = received.access;
        }
        for mut received in member.hold_back(received, &self.document, effects) {
            if received.changes.is_empty() && !turn.is_author(session) {
                if let Err(error) = open_to_answer(&mut self.document, &received) {
                    return self.break_down(&error.to_string(), effects);
                }
                member.absorb(&received, &self.document, 0);
                spoke.insert(session);
                continue;
            }
            if member.access == Access::Creates && turn.claims.owner.is_none() {
                turn.claims.owner = member.info.account;
            }
            let sent = std::mem::take(&mut received.changes);
            turn.author_by_change.extend(sent.iter().map(|change| (change.hash(), session)));
            let changes = sent.iter().map(CheckedChange::hash).collect();
            turn.authors.insert(session);
            turn.messages.push(Brought { received, changes });
            turn.changes.extend(sent);
        }
    }

    fn recalled(
        &mut self,
        session: SessionId,
        heads: Option<&Heads>,
        effects: &mut Vec<Effect>,
    ) -> Vec<Received> {
        let Some(member) = self.members.get_mut(&session).filter(|member| member.is_recalling()) else {
            return Vec::new();
        };
        if let Err(error) = self.document.open() {
            self.break_down(&error.to_string(), effects);
            return Vec::new();
        }
        member.recalled(heads, &self.document)
    }

    /// Why changes that a caller submits are not taken, if so.
    fn objection(&self, expected: &Expected) -> Option<Result<Answer, Refusal>> {
        let heads = self.document.heads();
        if matches!(self.phase, Phase::Deleted | Phase::Broken) {
            Some(Err(self.refusal_of_phase()))
        } else if expected.is_met_by(heads) {
            None
        } else {
            Some(Ok(Answer::Unexpected { heads: heads.clone() }))
        }
    }

    /// Answers those who spoke, once each, however much they said.
    pub(super) fn reply(&mut self, now: Moment, spoke: &BTreeSet<SessionId>, effects: &mut Vec<Effect>) {
        let mut answers = Answers::about(&mut self.document);
        let mut unreadable = None;
        for session in spoke {
            let Some(member) = self.members.get_mut(session) else { continue };
            match answers.to(*session, member) {
                Ok(notice) => effects.extend(notice.map(|notice| Effect::Tell { to: *session, notice })),
                Err(error) => unreadable = Some(error.to_string()),
            }
        }
        if let Some(reason) = unreadable {
            return self.break_down(&reason, effects);
        }
        for session in spoke {
            self.hear_of_member(now, *session, effects);
        }
    }

    fn merge(&mut self, now: Moment, mut turn: Turn, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Deleted | Phase::Broken) {
            return self.turn_back(turn, self.refusal_of_phase(), effects);
        }
        if let Err(error) = self.document.open() {
            self.turn_back(turn, Refusal::StorageUnavailable, effects);
            return self.break_down(&error.to_string(), effects);
        }
        if !turn.changes.is_empty() {
            // What anybody's waiting changes lack may be among these.
            for (session, member) in &mut self.members {
                let waiting = member.waiting.take();
                turn.author_by_change.extend(waiting.iter().map(|change| (change.hash(), *session)));
                turn.changes.extend(waiting);
            }
        }
        let taken = self.claim_actors(&mut turn);
        let changes = std::mem::take(&mut turn.changes);
        let admitted = match self.judge(changes, &turn) {
            Ok(admitted) => admitted,
            Err(error) => {
                self.turn_back(turn, Refusal::StorageUnavailable, effects);
                return self.break_down(&error.to_string(), effects);
            }
        };
        let place = |breach: Breach| (breach.change, pointer(&breach.path));
        turn.breaches = admitted.breaches.into_iter().map(place).collect();
        let mut refused: Vec<_> =
            admitted.refused.into_iter().map(|(change, refusal)| (change.hash(), refusal)).collect();
        refused.extend(taken.into_iter().map(|change| (change, Refusal::ActorTaken)));
        refused.extend(self.let_wait(now, &turn, admitted.waiting));
        for (change, refusal) in refused {
            self.refuse(&mut turn, change, refusal, effects);
        }
        turn.heads_before = self.document.heads().clone();
        match self.document.merge(&admitted.ready) {
            Ok(()) => self.store(now, turn.with_ready(admitted.ready), effects),
            Err(error) => {
                let suspects = Suspects::new(turn, admitted.ready, &error.to_string());
                self.phase = Phase::Opening(Some(Box::new(suspects)));
                effects.push(Effect::Load);
            }
        }
    }

    /// Asks for the turn's changes to be stored; without any, the turn ends here.
    pub(super) fn store(&mut self, now: Moment, mut turn: Turn, effects: &mut Vec<Effect>) {
        if turn.ready.is_empty() {
            return self.announce(now, turn, effects);
        }
        let conflicts = self.review(&mut turn, effects);
        self.append(turn, conflicts, effects);
    }

    pub(super) fn append(
        &mut self,
        mut turn: Turn,
        conflicts: Vec<ConflictChange>,
        effects: &mut Vec<Effect>,
    ) {
        let saved =
            |change: &CheckedChange| SavedChange { hash: change.hash(), bytes: change.bytes().clone() };
        let changes = turn.ready.iter().map(saved).collect();
        let (actors, owner) = (turn.claim_for_ready(), turn.claims.owner);
        let heads = self.document.heads().clone();
        effects.push(Effect::Append { changes, heads, actors, owner, conflicts });
        self.phase = Phase::Storing(Box::new(turn));
    }

    pub(super) fn stored(&mut self, now: Moment, stored: Result<u64, Refusal>, effects: &mut Vec<Effect>) {
        let Phase::Storing(turn) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        match stored {
            Ok(through) => {
                self.compaction.stored = through;
                self.settle_claims(&turn, effects);
                self.announce(now, *turn, effects);
                self.compact_if_grown(now.elapsed, effects);
            }
            Err(refusal) => {
                // The document in memory is ahead of the store: read it back.
                self.turn_back(*turn, refusal, effects);
                self.phase = Phase::Opening(None);
                effects.push(Effect::Load);
            }
        }
    }

    pub(super) fn recorded(&mut self, recorded: Result<(), Refusal>, effects: &mut Vec<Effect>) {
        let Phase::Storing(turn) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        if recorded.is_ok() {
            self.tell_of_conflicts(&turn, effects);
        } else {
            // What is known here is ahead of what is recorded: read it back.
            self.phase = Phase::Opening(None);
            effects.push(Effect::Load);
        }
    }

    /// Everything in the document is durable: tell everyone what is new to them.
    fn announce(&mut self, now: Moment, turn: Turn, effects: &mut Vec<Effect>) {
        let mut confirmed = BTreeSet::new();
        for Brought { received, changes } in &turn.messages {
            if let Some(member) = self.members.get_mut(&received.from.session) {
                let taken = changes.iter().filter(|change| !turn.refused.contains(*change)).count();
                member.absorb(received, &self.document, taken);
                if taken > 0 && member.info.extended {
                    confirmed.insert(received.from.session);
                }
            }
        }
        let heads = self.document.heads().clone();
        let mut answers = Answers::after(&mut self.document, &turn);
        let mut unreadable = None;
        for (session, member) in &mut self.members {
            match answers.to(*session, member) {
                Ok(notice) => effects.extend(notice.map(|notice| Effect::Tell { to: *session, notice })),
                Err(error) => unreadable = Some(error.to_string()),
            }
            if confirmed.contains(session) {
                effects.push(Effect::Tell { to: *session, notice: Notice::Durable(heads.clone()) });
            }
        }
        self.tell_of_conflicts(&turn, effects);
        Self::answer_submits(&turn, &heads, effects);
        if let Some(reason) = unreadable {
            return self.break_down(&reason, effects);
        }
        for session in turn.authors() {
            self.hear_of_member(now, *session, effects);
        }
    }

    fn answer_submits(turn: &Turn, heads: &Heads, effects: &mut Vec<Effect>) {
        for Submit { ticket, refused, .. } in &turn.submits {
            let created = turn.heads_before.is_empty() && !heads.is_empty();
            let answer = Answer::Submitted { heads: heads.clone(), created, refused: refused.clone() };
            effects.push(Effect::Answer { ticket: *ticket, answer: Ok(answer) });
        }
    }
}

/// Heads alone settle the two most frequent messages: "I have what you have" and "I have nothing". For
/// anything else the document must be looked into.
fn open_to_answer(document: &mut Document, received: &Received) -> Result<(), OpenError> {
    let message = &received.message;
    let heads: Heads = message.heads.iter().copied().collect();
    let same = heads == *document.heads();
    let takes_whole = Member::would_take_whole(message) && document.stored_bytes() <= WHOLE_BYTES_MAX;
    if message.need.is_empty() && (same || takes_whole || document.heads().is_empty()) {
        return Ok(());
    }
    document.open()
}
