//! What a room knows of one peer: what it has, what it was asked for, what of it waits.

use super::waiting::Waiting;
use super::{Effect, PeerInfo, Received};
use crate::access::Access;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::{Document, Have, OpenError, SyncMessage, Wants};
use tiebreak_protocol::{ChangeHash, Heads, StorageId};

/// Refused changes remembered per peer, so that they are not asked for again and again.
const REFUSED_MEMORY: usize = 10_000;

/// Messages held back while the store is asked what it remembers; with more, it is not waited for.
const HELD_BACK_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Member {
    pub(super) info: Arc<PeerInfo>,
    pub(super) access: Access,
    /// The peer has, or was sent, everything up to these changes. All of them are in our document.
    known: BTreeSet<ChangeHash>,
    /// The peer's heads that our document lacks.
    pub(super) lacking: BTreeSet<ChangeHash>,
    /// The heads in the last message to the peer; `None` before the first.
    told: Option<Heads>,
    /// Storages whose heads the peer wants to hear of.
    pub(super) follows: BTreeSet<StorageId>,
    /// A filter that the peer sent with its last message.
    have: Vec<Have>,
    /// Changes the peer asked for by name.
    need: BTreeSet<ChangeHash>,
    reads_documents: bool,
    wants: Wants,
    owed: Owed,
    refused: BTreeSet<ChangeHash>,
    pub(super) waiting: Waiting,
    recall: Recall,
    /// The heads that the peer named last.
    said: Vec<ChangeHash>,
    heard: Heard,
}

/// Whether anything that the peer said has been taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    /// We spoke to it first, and it has not answered yet.
    NothingSinceGreeted,
    Something,
}

/// What the peer has coming, whether or not the document changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owed {
    Nothing,
    Answer,
    /// It was sent a part of what it lacks, and gets the next when it has answered this one.
    NextPart,
}

/// Whether the store was asked what the peer had when it was last here.
#[derive(Debug)]
enum Recall {
    NotNeeded,
    /// With the messages that wait for its answer.
    UnderWay(Vec<Received>),
    Over,
}

impl Member {
    pub(super) fn new(info: Arc<PeerInfo>, access: Access) -> Self {
        Self {
            info,
            access,
            known: BTreeSet::new(),
            lacking: BTreeSet::new(),
            told: None,
            follows: BTreeSet::new(),
            have: Vec::new(),
            need: BTreeSet::new(),
            reads_documents: false,
            wants: Wants::News,
            owed: Owed::Nothing,
            refused: BTreeSet::new(),
            waiting: Waiting::default(),
            recall: Recall::NotNeeded,
            said: Vec::new(),
            heard: Heard::Nothing,
        }
    }

    /// What to say to a peer that has said nothing: where we are, without changes, as it may have them.
    pub(super) fn greet(&mut self, heads: &Heads, shared: &Heads) -> SyncMessage {
        self.heard = Heard::NothingSinceGreeted;
        SyncMessage {
            heads: heads.as_slice().to_vec(),
            have: vec![Have::everything_up_to(shared.as_slice())],
            ..SyncMessage::default()
        }
    }

    /// Answers the messages to take in now. A message waits if the peer has content but no memory of us: what
    /// is shared would have to be guessed from a filter over everything; the store may remember it from last
    /// time, and is asked.
    pub(super) fn hold_back(
        &mut self,
        received: Received,
        document: &Document,
        effects: &mut Vec<Effect>,
    ) -> Vec<Received> {
        match (&mut self.recall, &self.info.storage) {
            (Recall::UnderWay(held), _) if held.len() < HELD_BACK_MAX => {
                held.push(received);
                Vec::new()
            }
            (Recall::UnderWay(held), _) => {
                let mut held = std::mem::take(held);
                held.push(received);
                self.recall = Recall::Over;
                held
            }
            (Recall::NotNeeded, Some(storage)) if self.told.is_none() && is_unclear(&received, document) => {
                effects.push(Effect::Recall { session: self.info.session, storage: storage.clone() });
                self.recall = Recall::UnderWay(vec![received]);
                Vec::new()
            }
            (Recall::NotNeeded | Recall::Over, _) => vec![received],
        }
    }

    pub(super) fn is_recalling(&self) -> bool {
        matches!(self.recall, Recall::UnderWay(_))
    }

    /// Takes in what the store remembered; answers the messages that waited for it.
    pub(super) fn recalled(&mut self, heads: Option<&Heads>, document: &Document) -> Vec<Received> {
        let Recall::UnderWay(held) = std::mem::replace(&mut self.recall, Recall::Over) else {
            return Vec::new();
        };
        self.known.extend(heads.into_iter().flat_map(Heads::iter).filter(|hash| document.has(hash)));
        held
    }

    /// Takes in what a message says of the peer's state. Its changes are in the document by now, wait, or were
    /// refused; `taken` counts those that were not refused. If there is none, there is nothing to confirm, and
    /// to name our heads again would only make the peer offer its changes again.
    pub(super) fn absorb(&mut self, received: &Received, document: &Document, taken: usize) {
        let message = &received.message;
        let is_first = self.told.is_none();
        let answers_greeting =
            std::mem::replace(&mut self.heard, Heard::Something) == Heard::NothingSinceGreeted;
        if answers_greeting && says_the_same(message, document) {
            // The greeting and its answer have said all there is to say.
            self.told = Some(document.heads().clone());
            self.known = message.heads.iter().copied().collect();
            self.said.clone_from(&message.heads);
            return;
        }
        let lost_memory = message.heads.is_empty() || message.have.first().is_some_and(Have::is_nothing);
        let starts_over = message.wants == Wants::Everything || lost_memory;
        if starts_over {
            self.known.clear();
        }
        let lacking_before = std::mem::take(&mut self.lacking);
        for head in &message.heads {
            if document.has(head) {
                self.known.insert(*head);
            } else if self.access != Access::Reads && !self.refused.contains(head) {
                self.lacking.insert(*head);
            }
        }
        for have in &message.have {
            if have.last_sync.iter().all(|hash| document.has(hash)) {
                self.known.extend(&have.last_sync);
            }
        }
        self.said.clone_from(&message.heads);
        self.reads_documents |= message.reads_documents;
        // Who takes nothing and asks for everything is confused by something else than a lack of changes.
        if self.wants != Wants::Nothing || message.wants == Wants::News {
            self.wants = message.wants;
        }
        self.have.clone_from(&message.have);
        self.need.extend(message.need.iter().filter(|hash| document.has(hash)));
        let news = !self.lacking.is_empty() && self.lacking != lacking_before;
        if is_first || taken > 0 || news || starts_over || self.owed == Owed::NextPart {
            self.owed = Owed::Answer;
        }
    }

    /// Whether there is no use in telling the peer anything now: it has not been heard in full, or is busy with
    /// what it was told.
    pub(super) fn is_silent(&self) -> bool {
        self.is_recalling()
            || self.owed == Owed::NextPart
            || (self.told.is_none() && self.owed == Owed::Nothing)
    }

    /// Whether a document that grew from these heads is news to the peer in what it grew by, and nothing else.
    pub(super) fn follows_from(&self, heads_before: &Heads) -> bool {
        self.wants != Wants::Nothing
            && self.need.is_empty()
            && self.lacking.is_empty()
            && self.waiting.is_empty()
            && self.told.is_some()
            && heads_before.iter().all(|head| self.known.contains(head))
    }

    /// Whether a peer that says this is best sent all chunks of the document as they are.
    pub(super) fn would_take_whole(message: &SyncMessage) -> bool {
        message.heads.is_empty()
            && message.need.is_empty()
            && message.have.iter().all(Have::is_nothing)
            && message.reads_documents
            && message.wants != Wants::Nothing
    }

    /// The same of a peer whose message was taken in.
    pub(super) fn takes_whole(&self) -> bool {
        self.known.is_empty()
            && self.lacking.is_empty()
            && self.waiting.is_empty()
            && self.need.is_empty()
            && self.have.iter().all(Have::is_nothing)
            && self.reads_documents
            && self.wants != Wants::Nothing
    }

    /// Whether it was sent a part, and more follows.
    pub(super) fn is_owed_more(&self) -> bool {
        self.owed == Owed::NextPart
    }

    /// Whether anything the peer said has been taken in.
    pub(super) fn is_heard(&self) -> bool {
        self.heard == Heard::Something
    }

    /// Whether the peer has something, by its own word, that we lack or have not looked at.
    pub(super) fn is_ahead(&self) -> bool {
        !self.lacking.is_empty() || !self.waiting.is_empty()
    }

    /// The heads that the peer named last.
    pub(super) fn said_heads(&self) -> &[ChangeHash] {
        &self.said
    }

    /// Whether a message would only repeat what the peer knows.
    pub(super) fn is_up_to_date(&self, heads: &Heads) -> bool {
        self.owed == Owed::Nothing && self.need.is_empty() && self.told.as_ref() == Some(heads)
    }

    /// The message that brings the peer from what it knows to `document`, or, with about `bytes_max` bytes of
    /// changes, as far towards it as that goes.
    ///
    /// # Errors
    /// When the document does not open.
    pub(super) fn answer(
        &mut self,
        document: &mut Document,
        bytes_max: usize,
    ) -> Result<SyncMessage, OpenError> {
        let named = std::mem::take(&mut self.need);
        if self.wants == Wants::Nothing {
            return Ok(self.message_without_changes(document.heads()));
        }
        let frontier: Vec<_> = self.known.iter().copied().collect();
        let missing = document.missing(&frontier, bytes_max)?;
        // The peer's own account is all we have: what it may have is left out, and named by it if it was
        // mistaken.
        let is_account_needed = !self.lacking.is_empty();
        let probably_has =
            |hash: &ChangeHash| is_account_needed && self.have.iter().any(|have| have.may_contain(hash));
        let mut sent = BTreeSet::new();
        let mut changes = Vec::new();
        for change in missing.changes {
            if named.contains(&change.hash) || !probably_has(&change.hash) {
                sent.insert(change.hash);
                changes.push(change.bytes);
            }
        }
        let mut bytes: usize = changes.iter().map(bytes::Bytes::len).sum();
        for hash in named {
            if sent.contains(&hash) || missing.later.contains(&hash) {
                continue;
            }
            if bytes > bytes_max {
                self.need.insert(hash);
                continue;
            }
            if let Some(change) = document.change(&hash)? {
                bytes += change.bytes.len();
                changes.push(change.bytes);
            }
        }
        let is_part = missing.heads != *document.heads() || !self.need.is_empty();
        let message = self.message_without_changes(&missing.heads);
        if is_part {
            self.owed = Owed::NextPart;
        }
        Ok(SyncMessage { changes, ..message })
    }

    /// Says where we are and what we want; the peer is then taken to have all up to these heads of ours, if it
    /// takes anything.
    pub(super) fn message_without_changes(&mut self, heads: &Heads) -> SyncMessage {
        let mut asked: BTreeSet<_> = self.lacking.iter().chain(self.waiting.deps()).copied().collect();
        asked.retain(|hash| !self.waiting.has(hash) && !self.refused.contains(hash) && !heads.contains(hash));
        if self.wants != Wants::Nothing {
            self.known = heads.iter().copied().collect();
        }
        self.told = Some(heads.clone());
        self.owed = Owed::Nothing;
        self.have.clear();
        // For who takes what we send, true once this message is taken in, which is before anybody looks.
        let shared: Vec<_> = self.known.iter().copied().collect();
        SyncMessage {
            heads: heads.as_slice().to_vec(),
            need: asked.into_iter().collect(),
            have: vec![Have::everything_up_to(&shared)],
            ..SyncMessage::default()
        }
    }

    /// Lets go of changes whose dependencies did not come in time. The peer has them still, so it is asked
    /// anew: what was lost on the way comes then.
    pub(super) fn give_up_waiting(&mut self, now: Duration) -> Vec<ChangeHash> {
        let given_up = self.waiting.give_up(now);
        if !given_up.is_empty() && self.owed == Owed::Nothing {
            self.owed = Owed::Answer;
        }
        given_up
    }

    /// Remembers a change that will never be taken, so that it is not asked for.
    pub(super) fn refuse(&mut self, change: ChangeHash) {
        if self.refused.len() < REFUSED_MEMORY {
            self.refused.insert(change);
        }
        self.lacking.remove(&change);
    }

    /// What to keep for the peer's next connection.
    pub(super) fn worth_remembering(self) -> Option<(StorageId, Heads)> {
        let storage = self.info.storage.clone()?;
        (!self.known.is_empty()).then(|| (storage, self.known.into_iter().collect()))
    }
}

/// Whether a peer has what we have, and wants nothing.
fn says_the_same(message: &SyncMessage, document: &Document) -> bool {
    let said: Heads = message.heads.iter().copied().collect();
    said == *document.heads() && message.need.is_empty() && message.wants == Wants::News
}

/// Whether heads alone do not tell what we share with a peer that does not remember us.
fn is_unclear(received: &Received, document: &Document) -> bool {
    let message = &received.message;
    let remembers_us = message.have.iter().any(|have| !have.last_sync.is_empty());
    let said: Heads = message.heads.iter().copied().collect();
    let is_clear = said.is_empty() || said == *document.heads() || document.heads().is_empty();
    !remembers_us && !is_clear
}
