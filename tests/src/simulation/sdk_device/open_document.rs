//! One open document of an app: the replica, and what waits for it and from it.

use crate::dice::Dice;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tiebreak_document::{Author, EditError, Transaction};
use tiebreak_protocol::{ChangeHash, DocumentId, Limits};
use tiebreak_sync::replica::{Effect, Input, Replica, Word};
use tiebreak_sync::room::{self, Condition, Notice, PeerInfo, Ticket};
use tiebreak_sync::{Moment, SessionId};

/// Messages to the server that wait for the connection to take them; fewer than the client has, to be reached.
const NOTICES_MAX: usize = 6;

#[derive(Debug)]
pub(super) struct OpenDocument {
    pub(super) replica: Replica,
    pub(super) stage: Stage,
    /// A message to the server found no place.
    pub(super) is_overfull: bool,
    /// The connection on which it takes part, and whether the replica knows.
    pub(super) peer: Option<Arc<PeerInfo>>,
    pub(super) meets: Meets,
    pub(super) words: VecDeque<Word>,
    pub(super) notices: VecDeque<Notice>,
    pub(super) edits_wanted: usize,
    pub(super) callers: BTreeMap<Ticket, ChangeHash>,
}

/// How far the task of a document has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// What is remembered of earlier connections has yet to be read.
    Unrecalled,
    Working,
    /// The room has nothing to do until something comes.
    Resting,
}

/// Whether the replica has yet to hear that the connection is another, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meets {
    Nobody,
    TheNext,
}

impl OpenDocument {
    pub(super) fn new(replica: Replica) -> Self {
        Self {
            replica,
            stage: Stage::Unrecalled,
            is_overfull: false,
            peer: None,
            meets: Meets::Nobody,
            words: VecDeque::new(),
            notices: VecDeque::new(),
            edits_wanted: 0,
            callers: BTreeMap::new(),
        }
    }

    pub(super) fn meet(&mut self, peer: Option<Arc<PeerInfo>>) {
        self.peer = peer;
        self.meets = Meets::TheNext;
    }

    /// Whether there is something that its task would take up.
    pub(super) fn has_job(&self) -> bool {
        let has_word = !self.words.is_empty() && self.replica.has_space();
        self.stage != Stage::Unrecalled && (self.meets == Meets::TheNext || has_word || self.may_edit())
    }

    fn may_edit(&self) -> bool {
        self.edits_wanted > 0 && matches!(self.replica.condition(), Condition::Ready | Condition::Unread)
    }

    /// Takes up one thing: the connection first, as the task does.
    pub(super) fn take_job(
        &mut self,
        now: Moment,
        actor: &[u8],
        ticket: Ticket,
        dice: &mut Dice,
    ) -> Vec<Effect> {
        if self.meets == Meets::TheNext {
            self.meets = Meets::Nobody;
            self.notices.clear();
            let mut effects = self.replica.handle(now, Input::Silence);
            if let Some(peer) = self.peer.clone() {
                effects.extend(self.replica.handle(now, Input::Greet(peer)));
            }
            return effects;
        }
        if self.may_edit() && (self.words.is_empty() || dice.one_in(2)) {
            return self.edit(now, actor, ticket, dice);
        }
        match self.words.pop_front() {
            Some(word) => self.replica.handle(now, Input::Word(word)),
            None => Vec::new(),
        }
    }

    fn edit(&mut self, now: Moment, actor: &[u8], ticket: Ticket, dice: &mut Dice) -> Vec<Effect> {
        self.edits_wanted -= 1;
        if self.replica.condition() == Condition::Unread {
            // The person is told that it did not work, and the document is read again.
            return self.replica.handle(now, Input::Reread);
        }
        let author = Author { actor, time_s: now.unix_ms / 1000 };
        let edited = self.replica.edit(now, ticket, &author, |transaction| write(transaction, dice));
        let ((), effects) = edited.expect("small edits succeed");
        for effect in &effects {
            if let Effect::Room(room::Effect::Append { changes, .. }) = effect {
                self.callers.insert(ticket, changes[0].hash);
            }
        }
        effects
    }

    /// Keeps a message for the server. Answers whether there was a place for it.
    pub(super) fn notice(&mut self, notice: Notice) -> bool {
        let fits = self.notices.len() < NOTICES_MAX;
        if fits {
            self.notices.push_back(notice);
        }
        fits
    }

    /// The session by which the server has answered, if it has.
    pub(super) fn session(&self) -> Option<SessionId> {
        self.peer.as_ref().filter(|_| self.meets == Meets::Nobody).map(|peer| peer.session)
    }
}

/// A small change of a random sort; may write what is there already.
fn write(transaction: &mut Transaction<'_>, dice: &mut Dice) -> Result<(), EditError> {
    match dice.below(4) {
        0 => transaction.put("shared", dice.below(1 << 40) as i64),
        1 => transaction.put(format!("key {}", dice.below(5)), dice.below(2) as i64),
        2 => transaction.put("mine", format!("words {}", dice.below(1 << 20)).as_str()),
        _ => transaction.delete(format!("key {}", dice.below(5))).map(drop),
    }
}

/// A replica of this document, with a disk yet to be read.
pub(super) fn open(document: DocumentId, limits: &Arc<Limits>, now: Moment) -> (OpenDocument, Vec<Effect>) {
    let (replica, effects) = Replica::open(document, Arc::clone(limits), now);
    (OpenDocument::new(replica), effects)
}
