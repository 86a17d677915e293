//! One turn of a room: everything that has arrived is judged, merged and stored together, then told.

use super::member::Member;
use super::opening::Suspects;
use super::{
    Answer, EPHEMERAL_MEMORY, Effect, FOLLOWED_STORAGES_MAX, Input, Notice, Phase, Question, Received, Room,
    Ticket,
};
use crate::{Moment, SessionId};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_document::{CheckedChange, Document, SavedChange, SyncMessage};
use tiebreak_protocol::{ChangeHash, Ephemeral, Heads, Refusal, RemoteHead, StorageId};

/// A snapshot is worth making when this many changes have gathered since the last one, or this many bytes.
const COMPACT_CHANGES_MIN: usize = 1_000;
const COMPACT_BYTES_MIN: u64 = 1024 * 1024;

/// What one turn merges, and who hears of it.
#[derive(Debug, Default)]
pub(super) struct Turn {
    messages: Vec<Received>,
    submits: Vec<Submit>,
    /// Sessions that have gone, but whose last changes are in this turn.
    left: Vec<SessionId>,
    author_by_change: BTreeMap<ChangeHash, SessionId>,
    /// To be judged.
    changes: Vec<CheckedChange>,
    /// Judged and merged.
    ready: Vec<CheckedChange>,
    heads_before: Heads,
}

#[derive(Debug)]
struct Submit {
    ticket: Ticket,
    changes: BTreeSet<ChangeHash>,
    refused: Vec<(ChangeHash, Refusal)>,
}

impl Turn {
    pub(super) fn with_ready(self, ready: Vec<CheckedChange>) -> Self {
        Self { ready, ..self }
    }

    fn has_changes_of(&self, session: SessionId) -> bool {
        self.messages.iter().any(|message| message.from.session == session)
    }
}

impl Room {
    /// Takes up all that has arrived, and answers what the driver must do. Nothing to do without
    /// [`Room::is_turn_due`].
    pub fn take_turn(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.is_turn_due() {
            self.take_up(now, &mut effects);
        }
        effects
    }

    fn take_up(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let mut inputs = std::mem::take(&mut self.queue);
        let mut turn = Turn::default();
        while let Some(input) = inputs.pop_front() {
            match input {
                Input::Received(received) => self.sort_message(now, *received, &mut turn, effects),
                Input::Submit { ticket, changes: submitted } => {
                    let hashes = submitted.iter().map(CheckedChange::hash).collect();
                    turn.submits.push(Submit { ticket, changes: hashes, refused: Vec::new() });
                    turn.changes.extend(submitted);
                }
                Input::Delete { ticket } if turn.messages.is_empty() && turn.submits.is_empty() => {
                    self.delete(ticket, effects);
                    self.queue = inputs;
                    return;
                }
                Input::Delete { .. } => {
                    inputs.push_front(input);
                    break;
                }
                Input::Recalled { session, heads } => {
                    let Some(member) = self.members.get_mut(&session) else { continue };
                    for received in member.recalled(heads, &mut self.document).into_iter().rev() {
                        inputs.push_front(Input::Received(Box::new(received)));
                    }
                }
                Input::Left(session) if turn.has_changes_of(session) => turn.left.push(session),
                Input::Ephemeral { .. }
                | Input::Follow { .. }
                | Input::RemoteHeads { .. }
                | Input::Ask { .. }
                | Input::Left(_)
                | Input::Loaded(_)
                | Input::Appended(_)
                | Input::Compacted { .. }
                | Input::Deleted(_)
                | Input::Relieve
                | Input::DeadlinePassed => self.attend(now, input, effects),
            }
        }
        self.queue = inputs;
        if !turn.messages.is_empty() || !turn.submits.is_empty() {
            self.merge(now, turn, effects);
        }
    }

    fn sort_message(
        &mut self,
        now: Moment,
        mut received: Received,
        turn: &mut Turn,
        effects: &mut Vec<Effect>,
    ) {
        let session = received.from.session;
        if matches!(self.phase, Phase::Deleted | Phase::Broken) {
            return self.turn_away(&received, effects);
        }
        let info = received.from.clone();
        let member = self.members.entry(session).or_insert_with(|| Member::new(info));
        if member.recalls(&received, &self.document, effects) {
            return;
        }
        if received.changes.is_empty() && !turn.has_changes_of(session) {
            return self.converse(now, &received, effects);
        }
        let sent = std::mem::take(&mut received.changes);
        turn.author_by_change.extend(sent.iter().map(|change| (change.hash(), session)));
        turn.changes.extend(sent);
        turn.messages.push(received);
    }

    /// Inputs that change nothing of the document.
    fn attend(&mut self, now: Moment, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Ephemeral { from, ephemeral } => self.relay(from, ephemeral, effects),
            Input::Follow { session, storages } => self.follow(session, storages, effects),
            Input::RemoteHeads { from, heads } => {
                for head in heads {
                    self.hear_of(from, head, effects);
                }
            }
            Input::Ask { ticket, question } => {
                let answer = self.answer(&question);
                effects.push(Effect::Answer { ticket, answer });
            }
            Input::Left(session) => self.leave(session, effects),
            Input::DeadlinePassed => self.check_deadlines(now, effects),
            Input::Received(_)
            | Input::Recalled { .. }
            | Input::Submit { .. }
            | Input::Delete { .. }
            | Input::Loaded(_)
            | Input::Appended(_)
            | Input::Deleted(_)
            | Input::Relieve
            | Input::Compacted { .. } => {}
        }
    }

    /// A message without changes, against a document that is as durable as it looks.
    fn converse(&mut self, now: Moment, received: &Received, effects: &mut Vec<Effect>) {
        if wants_look_inside(received, &self.document)
            && let Err(error) = self.document.open()
        {
            return self.break_down(&error.to_string(), effects);
        }
        let session = received.from.session;
        let Some(member) = self.members.get_mut(&session) else { return };
        member.absorb(received, &self.document);
        if self.document.heads().is_empty() && member.lacking.is_empty() {
            member.message_without_changes(&Heads::default());
            effects.push(Effect::Tell { to: session, notice: Notice::Unavailable });
        } else if !member.is_up_to_date(self.document.heads()) {
            match member.answer(&mut self.document) {
                Ok(message) => {
                    let notice = Notice::Sync(message.encode());
                    effects.push(Effect::Tell { to: session, notice });
                }
                Err(error) => return self.break_down(&error.to_string(), effects),
            }
        }
        self.hear_of_member(now, session, effects);
    }

    fn merge(&mut self, now: Moment, mut turn: Turn, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Deleted | Phase::Broken) {
            let refusal = self.refusal_of_phase();
            for Submit { ticket, .. } in turn.submits {
                effects.push(Effect::Answer { ticket, answer: Err(refusal) });
            }
            return;
        }
        if let Err(error) = self.document.open() {
            self.turn_back(turn, Refusal::StorageUnavailable, effects);
            return self.break_down(&error.to_string(), effects);
        }
        for received in &turn.messages {
            let session = received.from.session;
            let waiting = self.members.get_mut(&session).map(Member::take_waiting).unwrap_or_default();
            turn.author_by_change.extend(waiting.iter().map(|change| (change.hash(), session)));
            turn.changes.extend(waiting);
        }
        let changes = std::mem::take(&mut turn.changes);
        let admitted = match self.document.admit(changes, &self.limits) {
            Ok(admitted) => admitted,
            Err(error) => {
                self.turn_back(turn, Refusal::StorageUnavailable, effects);
                return self.break_down(&error.to_string(), effects);
            }
        };
        let mut refused: Vec<_> =
            admitted.refused.into_iter().map(|(change, refusal)| (change.hash(), refusal)).collect();
        refused.extend(self.let_wait(now, &turn, admitted.waiting));
        for (change, refusal) in refused {
            self.refuse(&mut turn, change, refusal, effects);
        }
        turn.heads_before = self.document.heads().clone();
        match self.document.merge(&admitted.ready) {
            Ok(()) => self.store(now, turn.with_ready(admitted.ready), effects),
            Err(error) => {
                let suspects = Suspects::new(turn, admitted.ready, &error.to_string());
                self.phase = Phase::Opening(Some(suspects));
                effects.push(Effect::Load);
            }
        }
    }

    /// Asks for the turn's changes to be stored; without any, the turn ends here.
    pub(super) fn store(&mut self, now: Moment, turn: Turn, effects: &mut Vec<Effect>) {
        if turn.ready.is_empty() {
            return self.announce(now, turn, effects);
        }
        let saved =
            |change: &CheckedChange| SavedChange { hash: change.hash(), bytes: change.bytes().clone() };
        let changes = turn.ready.iter().map(saved).collect();
        effects.push(Effect::Append { changes, heads: self.document.heads().clone() });
        self.phase = Phase::Storing(turn);
    }

    pub(super) fn stored(&mut self, now: Moment, stored: Result<u64, Refusal>, effects: &mut Vec<Effect>) {
        let Phase::Storing(turn) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        match stored {
            Ok(through) => {
                self.through = through;
                self.announce(now, turn, effects);
                self.compact_if_grown(effects);
            }
            Err(refusal) => {
                // The document in memory is ahead of the store: read it back.
                self.turn_back(turn, refusal, effects);
                self.phase = Phase::Opening(None);
                effects.push(Effect::Load);
            }
        }
    }

    /// Everything in the document is durable: tell everyone what is new to them.
    fn announce(&mut self, now: Moment, turn: Turn, effects: &mut Vec<Effect>) {
        let heads = self.document.heads().clone();
        for received in &turn.messages {
            if let Some(member) = self.members.get_mut(&received.from.session) {
                member.absorb(received, &self.document);
            }
        }
        let authors: BTreeSet<_> = turn.author_by_change.values().copied().collect();
        let mut same_for_all: Option<Bytes> = None;
        let mut unreadable = None;
        for (session, member) in &mut self.members {
            if member.is_silent() || member.is_up_to_date(&heads) {
                continue;
            }
            let data = if !member.follows_from(&turn.heads_before) {
                match member.answer(&mut self.document) {
                    Ok(message) => message.encode(),
                    Err(error) => {
                        unreadable = Some(error);
                        break;
                    }
                }
            } else if authors.contains(session) {
                let by_others =
                    turn.ready.iter().filter(|c| turn.author_by_change.get(&c.hash()) != Some(session));
                let changes = by_others.map(|change| change.bytes().clone()).collect();
                SyncMessage { changes, ..member.message_without_changes(&heads) }.encode()
            } else {
                let message = member.message_without_changes(&heads);
                let all = || turn.ready.iter().map(|change| change.bytes().clone()).collect();
                same_for_all.get_or_insert_with(|| SyncMessage { changes: all(), ..message }.encode()).clone()
            };
            effects.push(Effect::Tell { to: *session, notice: Notice::Sync(data) });
            if member.info.extended && authors.contains(session) {
                effects.push(Effect::Tell { to: *session, notice: Notice::Durable(heads.clone()) });
            }
        }
        for received in &turn.messages {
            self.hear_of_member(now, received.from.session, effects);
        }
        if let Some(error) = unreadable {
            // What the turn stored is durable; only who is behind cannot be told.
            self.break_down(&error.to_string(), effects);
        }
        self.answer_submits(&turn, &heads, effects);
        for session in turn.left {
            self.leave(session, effects);
        }
    }

    fn answer_submits(&self, turn: &Turn, heads: &Heads, effects: &mut Vec<Effect>) {
        for Submit { ticket, refused, .. } in &turn.submits {
            let created = turn.heads_before.is_empty() && !heads.is_empty();
            let answer = Answer::Submitted { heads: heads.clone(), created, refused: refused.clone() };
            effects.push(Effect::Answer { ticket: *ticket, answer: Ok(answer) });
        }
    }

    /// None of the turn's changes was kept, through no fault of theirs: their authors must offer them again.
    pub(super) fn turn_back(&mut self, turn: Turn, refusal: Refusal, effects: &mut Vec<Effect>) {
        let sessions: BTreeSet<_> = turn.messages.iter().map(|received| received.from.session).collect();
        for session in sessions {
            self.members.remove(&session);
            effects.push(Effect::Tell { to: session, notice: Notice::Close(refusal) });
        }
        for Submit { ticket, .. } in turn.submits {
            effects.push(Effect::Answer { ticket, answer: Err(refusal) });
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
        if let Some(member) =
            turn.author_by_change.get(&change).and_then(|author| self.members.get_mut(author))
        {
            member.refuse(change);
            let notice = Notice::Refused { change: Some(change), refusal };
            effects.push(Effect::Tell { to: member.info.session, notice });
        }
        for submit in turn.submits.iter_mut().filter(|submit| submit.changes.contains(&change)) {
            submit.refused.push((change, refusal));
        }
    }

    fn let_wait(
        &mut self,
        now: Moment,
        turn: &Turn,
        waiting: Vec<CheckedChange>,
    ) -> Vec<(ChangeHash, Refusal)> {
        let mut by_author: BTreeMap<Option<SessionId>, Vec<CheckedChange>> = BTreeMap::new();
        for change in waiting {
            by_author.entry(turn.author_by_change.get(&change.hash()).copied()).or_default().push(change);
        }
        let mut refused = Vec::new();
        for (author, changes) in by_author {
            match author.and_then(|author| self.members.get_mut(&author)) {
                Some(member) => refused.extend(member.wait(changes, &self.limits, now.elapsed)),
                None => refused.extend(changes.iter().map(|c| (c.hash(), Refusal::MissingDependencies))),
            }
        }
        refused
    }

    fn turn_away(&mut self, received: &Received, effects: &mut Vec<Effect>) {
        let session = received.from.session;
        let refusal = self.refusal_of_phase();
        for change in &received.changes {
            effects.push(Effect::Refused(refusal));
            let notice = Notice::Refused { change: Some(change.hash()), refusal };
            effects.push(Effect::Tell { to: session, notice });
        }
        effects.push(Effect::Tell { to: session, notice: Notice::Unavailable });
    }

    fn refusal_of_phase(&self) -> Refusal {
        match self.phase {
            Phase::Deleted => Refusal::DocumentDeleted,
            Phase::Opening(_) | Phase::Idle | Phase::Storing(_) | Phase::Deleting(_) | Phase::Broken => {
                Refusal::StorageUnavailable
            }
        }
    }

    fn delete(&mut self, ticket: Ticket, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Deleted) || self.document.heads().is_empty() {
            effects.push(Effect::Answer { ticket, answer: Ok(Answer::Missing) });
        } else {
            self.phase = Phase::Deleting(ticket);
            effects.push(Effect::Delete);
        }
    }

    fn answer(&mut self, question: &Question) -> Result<Answer, Refusal> {
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

    fn relay(&mut self, from: SessionId, ephemeral: Ephemeral, effects: &mut Vec<Effect>) {
        let name = (ephemeral.sender.clone(), ephemeral.session.clone(), ephemeral.count);
        if self.ephemeral_seen.contains(&name) {
            return;
        }
        if self.ephemeral_seen.len() == EPHEMERAL_MEMORY {
            self.ephemeral_seen.pop_front();
        }
        let author = name.0.clone();
        self.ephemeral_seen.push_back(name);
        for (session, member) in &self.members {
            if *session != from && member.info.peer != author {
                effects.push(Effect::Tell { to: *session, notice: Notice::Ephemeral(ephemeral.clone()) });
            }
        }
    }

    fn follow(&mut self, session: SessionId, storages: BTreeSet<StorageId>, effects: &mut Vec<Effect>) {
        let Some(member) = self.members.get_mut(&session) else { return };
        let new = storages.difference(&member.follows).filter_map(|storage| self.followed.get(storage));
        let heads: Vec<_> = new.cloned().collect();
        if !heads.is_empty() {
            effects.push(Effect::Tell { to: session, notice: Notice::RemoteHeads(heads) });
        }
        member.follows = storages;
    }

    /// A member's own storage has reached what the member says it has.
    fn hear_of_member(&mut self, now: Moment, session: SessionId, effects: &mut Vec<Effect>) {
        let Some(member) = self.members.get(&session) else { return };
        let (Some(storage), true) = (&member.info.storage, member.lacking.is_empty()) else { return };
        // Listeners drop heads that are not younger than the last they heard.
        let last = self.followed.get(storage).map_or(0, |head| head.timestamp_ms);
        let timestamp_ms = u64::try_from(now.unix_ms).unwrap_or_default().max(last + 1);
        let heads = member.said_heads().to_vec();
        self.hear_of(session, RemoteHead { storage: storage.clone(), heads, timestamp_ms }, effects);
    }

    fn hear_of(&mut self, from: SessionId, head: RemoteHead, effects: &mut Vec<Effect>) {
        let known = self.followed.get(&head.storage);
        let is_news =
            known.is_none_or(|known| known.heads != head.heads && known.timestamp_ms <= head.timestamp_ms);
        if !is_news || (known.is_none() && self.followed.len() >= FOLLOWED_STORAGES_MAX) {
            return;
        }
        for (session, member) in &self.members {
            if *session != from && member.follows.contains(&head.storage) {
                effects.push(Effect::Tell { to: *session, notice: Notice::RemoteHeads(vec![head.clone()]) });
            }
        }
        self.followed.insert(head.storage.clone(), head);
    }

    pub(super) fn is_snapshot_worthwhile(&self) -> bool {
        let many = self.document.tail_len() >= COMPACT_CHANGES_MIN
            || self.document.tail_bytes() >= COMPACT_BYTES_MIN;
        many && !self.compacting
    }

    fn compact_if_grown(&mut self, effects: &mut Vec<Effect>) {
        // A busy document gets one only when its history has doubled since the last: so every change is
        // rewritten a bounded number of times, however long it goes on.
        let has_grown = self.document.tail_len() as u64 >= self.snapshot_through;
        if has_grown && self.is_snapshot_worthwhile() {
            self.compact(effects);
        }
    }

    pub(super) fn compact(&mut self, effects: &mut Vec<Effect>) {
        self.compacting = true;
        effects.push(Effect::Compact);
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

/// Heads alone settle the two most frequent first messages: "I have what you have" and "I have nothing".
fn wants_look_inside(received: &Received, document: &Document) -> bool {
    let message = &received.message;
    let heads: Heads = message.heads.iter().copied().collect();
    let same = heads == *document.heads();
    let takes_whole = heads.is_empty() && (message.reads_documents || document.heads().is_empty());
    !(message.need.is_empty() && (same || takes_whole || document.heads().is_empty()))
}
