//! What a room knows of one peer: what it has, what it was asked for, what of it waits.

use super::{Effect, PeerInfo, Received};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::{CheckedChange, Document, Have, OpenError, SyncMessage, Wants};
use tiebreak_protocol::{ChangeHash, Heads, Limits, Refusal, StorageId};

/// Refused changes remembered per peer, so that they are not asked for again and again.
const REFUSED_MEMORY: usize = 10_000;

#[derive(Debug)]
pub(super) struct Member {
    pub(super) info: Arc<PeerInfo>,
    /// The peer has, or was sent, everything up to these changes. All of them are in our document.
    pub(super) known: BTreeSet<ChangeHash>,
    /// The peer's heads that our document lacks.
    pub(super) lacking: BTreeSet<ChangeHash>,
    /// Our heads as of the last message to the peer; `None` before the first.
    pub(super) told: Option<Heads>,
    /// Storages whose heads the peer wants to hear of.
    pub(super) follows: BTreeSet<StorageId>,
    /// A filter that the peer sent with its last message.
    have: Vec<Have>,
    /// Changes the peer asked for by name.
    need: Vec<ChangeHash>,
    /// What we last asked the peer for.
    asked: BTreeSet<ChangeHash>,
    reads_documents: bool,
    wants: Wants,
    is_answer_due: bool,
    refused: BTreeSet<ChangeHash>,
    waiting: Vec<CheckedChange>,
    waiting_until: Option<Duration>,
    /// Messages held back until the store says what the peer had when it was last here.
    recalling: Option<Vec<Received>>,
    /// The heads that the peer named last.
    said: Vec<ChangeHash>,
}

impl Member {
    pub(super) fn new(info: Arc<PeerInfo>) -> Self {
        Self {
            info,
            known: BTreeSet::new(),
            lacking: BTreeSet::new(),
            told: None,
            follows: BTreeSet::new(),
            have: Vec::new(),
            need: Vec::new(),
            asked: BTreeSet::new(),
            reads_documents: false,
            wants: Wants::News,
            is_answer_due: false,
            refused: BTreeSet::new(),
            waiting: Vec::new(),
            waiting_until: None,
            recalling: None,
            said: Vec::new(),
        }
    }

    /// Whether the message must wait: the peer has content but no memory of us, so what is shared would
    /// have to be guessed from a filter over everything; the store may remember it from last time.
    pub(super) fn recalls(
        &mut self,
        received: &Received,
        document: &Document,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if let Some(held) = &mut self.recalling {
            held.push(received.clone());
            return true;
        }
        let message = &received.message;
        let remembers_us = message.have.iter().any(|have| !have.last_sync.is_empty());
        let said: Heads = message.heads.iter().copied().collect();
        let is_clear = said.is_empty() || said == *document.heads() || document.heads().is_empty();
        let Some(storage) = self.info.storage.clone() else { return false };
        if self.told.is_some() || remembers_us || is_clear {
            return false;
        }
        self.recalling = Some(vec![received.clone()]);
        effects.push(Effect::Recall { session: self.info.session, storage });
        true
    }

    /// Takes in what the store remembered; answers the messages that waited for it.
    pub(super) fn recalled(&mut self, heads: Option<Heads>, document: &mut Document) -> Vec<Received> {
        let held = self.recalling.take().unwrap_or_default();
        if !held.is_empty() && document.open().is_ok() {
            self.known.extend(heads.iter().flat_map(Heads::iter).filter(|hash| document.has(hash)));
            // Not to be recalled again.
            self.told = self.told.take().or_else(|| Some(Heads::default()));
            self.is_answer_due = true;
        }
        held
    }

    /// Takes in what a message says of the peer's state; its changes are in the document by now, or refused.
    pub(super) fn absorb(&mut self, received: &Received, document: &Document) {
        let message = &received.message;
        let is_first = self.told.is_none();
        let lost_memory = message.heads.is_empty() || message.have.first().is_some_and(Have::is_nothing);
        let starts_over = message.wants == Wants::Everything || lost_memory;
        if starts_over {
            self.known.clear();
        }
        let lacking_before = std::mem::take(&mut self.lacking);
        for head in &message.heads {
            if document.has(head) {
                self.known.insert(*head);
            } else if !self.refused.contains(head) {
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
        self.wants = message.wants;
        self.have.clone_from(&message.have);
        self.need.extend(message.need.iter().filter(|hash| document.has(hash)));
        let news = !self.lacking.is_empty() && self.lacking != lacking_before;
        self.is_answer_due |= is_first || received.carried_changes || news || starts_over;
    }

    /// Whether the peer has not been heard in full yet.
    pub(super) fn is_silent(&self) -> bool {
        self.recalling.is_some() || (self.told.is_none() && !self.is_answer_due)
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

    /// The heads that the peer named last.
    pub(super) fn said_heads(&self) -> &[ChangeHash] {
        &self.said
    }

    /// Whether a message would only repeat what the peer knows.
    pub(super) fn is_up_to_date(&self, heads: &Heads) -> bool {
        !self.is_answer_due && self.need.is_empty() && self.told.as_ref() == Some(heads)
    }

    /// The message that brings the peer from what it knows to `document`, in full.
    pub(super) fn answer(&mut self, document: &mut Document) -> Result<SyncMessage, OpenError> {
        let takes_none = self.wants == Wants::Nothing;
        let mut changes = if takes_none { Vec::new() } else { self.missing_chunks(document)? };
        for hash in &std::mem::take(&mut self.need) {
            if let Some(named) = document.change(hash)?
                && !changes.contains(&named.bytes)
            {
                changes.push(named.bytes);
            }
        }
        Ok(SyncMessage { changes, ..self.message_without_changes(document.heads()) })
    }

    /// Says where we are and what we want; the peer is then taken to have all that we have.
    pub(super) fn message_without_changes(&mut self, heads: &Heads) -> SyncMessage {
        let waiting_for = self.waiting.iter().flat_map(CheckedChange::deps);
        let here: BTreeSet<_> = self.waiting.iter().map(CheckedChange::hash).collect();
        self.asked = self.lacking.iter().chain(waiting_for).copied().collect();
        self.asked
            .retain(|hash| !here.contains(hash) && !self.refused.contains(hash) && !heads.contains(hash));
        self.known = heads.iter().copied().collect();
        self.told = Some(heads.clone());
        self.is_answer_due = false;
        SyncMessage {
            heads: heads.as_slice().to_vec(),
            need: self.asked.iter().copied().collect(),
            // True once the peer has taken in this message, which is before it looks at what we have.
            have: vec![Have::everything_up_to(heads.as_slice())],
            ..SyncMessage::default()
        }
    }

    fn missing_chunks(&self, document: &mut Document) -> Result<Vec<bytes::Bytes>, OpenError> {
        let heads = document.heads();
        if heads.iter().all(|head| self.known.contains(head)) {
            return Ok(Vec::new());
        }
        let has_nothing = self.known.is_empty() && self.have.iter().all(Have::is_nothing);
        if has_nothing && self.reads_documents {
            let whole: Vec<_> = document.chunks().map(AsRef::as_ref).collect();
            return Ok(vec![whole.concat().into()]);
        }
        let frontier: Vec<_> = self.known.iter().copied().collect();
        let missing = document.changes_since(&frontier)?;
        if self.lacking.is_empty() || self.have.iter().all(|have| !have.has_filter()) {
            return Ok(missing.into_iter().map(|change| change.bytes).collect());
        }
        // The peer's own account is all we have: what it may have is left out, and named by it if it
        // was mistaken.
        let probably_has = |hash: &ChangeHash| self.have.iter().any(|have| have.may_contain(hash));
        let lacks = missing.into_iter().filter(|change| !probably_has(&change.hash));
        Ok(lacks.map(|change| change.bytes).collect())
    }

    /// Keeps changes whose dependencies are not here. Answers those that found no place.
    pub(super) fn wait(
        &mut self,
        changes: Vec<CheckedChange>,
        limits: &Limits,
        now: Duration,
    ) -> Vec<(ChangeHash, Refusal)> {
        let mut bytes: usize = self.waiting.iter().map(|change| change.bytes().len()).sum();
        let mut refused = Vec::new();
        for change in changes {
            bytes += change.bytes().len();
            if self.waiting.len() < limits.waiting_changes_max && bytes <= limits.waiting_bytes_max {
                self.waiting.push(change);
            } else {
                bytes -= change.bytes().len();
                refused.push((change.hash(), Refusal::MissingDependencies));
            }
        }
        self.waiting_until = (!self.waiting.is_empty()).then_some(now + limits.waiting_time);
        refused
    }

    /// Takes the waiting changes out, to be judged again with new company.
    pub(super) fn take_waiting(&mut self) -> Vec<CheckedChange> {
        std::mem::take(&mut self.waiting)
    }

    pub(super) fn waiting_until(&self) -> Option<Duration> {
        self.waiting_until
    }

    /// Lets go of changes whose dependencies did not come in time.
    pub(super) fn give_up_waiting(&mut self, now: Duration) -> Vec<ChangeHash> {
        if self.waiting_until.is_none_or(|until| now < until) {
            return Vec::new();
        }
        self.waiting_until = None;
        let given_up: Vec<_> = self.take_waiting().iter().map(CheckedChange::hash).collect();
        self.refused.extend(&given_up);
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
