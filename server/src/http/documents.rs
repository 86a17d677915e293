//! What HTTP may do with documents: the one way from handlers to rooms and store.

use super::etag::IfMatch;
use super::problem::Fault;
use crate::metrics;
use crate::rooms::{Call, Rooms};
use crate::storage::refusal;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use tiebreak_document::{CheckedChange, Choice, FileChanges, HistoryEntry, Writer};
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{ActorId, DocumentId, Heads, Limits, Refusal};
use tiebreak_storage::{DocumentPage, DocumentStore, DocumentSummary};
use tiebreak_sync::room::{
    Answer, Expected, NewActors, OpenConflict, Question, Refused, Settle, Submitter, Unsettled,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Bodies that are taken apart at the same time: each may take a whole core for a second, and much more memory
/// than its size.
const PARSED_AT_ONCE: usize = 1;

/// A cheap handle for handlers.
#[derive(Debug, Clone)]
pub(crate) struct Documents {
    rooms: Rooms,
    store: Arc<dyn DocumentStore>,
    limits: Arc<Limits>,
    parsing: Arc<Semaphore>,
}

/// Changes from a body, and those of them that the gatekeeper refused.
#[derive(Debug, Default)]
pub(super) struct Offered {
    pub(super) changes: Vec<CheckedChange>,
    pub(super) refused: Vec<Refused>,
}

/// Changes that are durable now, and those that are not.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) document: DocumentId,
    pub(super) heads: Heads,
    pub(super) refused: Vec<Refused>,
}

impl Documents {
    pub(crate) fn new(rooms: Rooms, store: Arc<dyn DocumentStore>, limits: Arc<Limits>) -> Self {
        Self { rooms, store, limits, parsing: Arc::new(Semaphore::new(PARSED_AT_ONCE)) }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// One page of all documents.
    pub(super) async fn list(&self, after: Option<DocumentId>, limit: usize) -> Result<DocumentPage, Fault> {
        self.store.list(after, limit).await.map_err(|error| Fault::Refused(refusal(&error)))
    }

    /// What is known of one document without opening it; `None` when it is not there (any more).
    pub(super) async fn summary(&self, document: DocumentId) -> Result<Option<DocumentSummary>, Fault> {
        // A page begins after an id: after the one before this one.
        let before = u128::from_be_bytes(*document.as_bytes()).checked_sub(1);
        let before = before.map(|before| DocumentId::from_bytes(before.to_be_bytes()));
        let page = self.list(before, 1).await?;
        Ok(page.documents.into_iter().find(|summary| summary.document == document))
    }

    pub(super) async fn heads(&self, document: DocumentId) -> Result<Heads, Fault> {
        let Answer::Heads(heads) = self.ask(document, Question::Heads).await? else {
            return Err(Fault::Internal);
        };
        Ok(heads)
    }

    pub(super) async fn json(&self, document: DocumentId) -> Result<(Heads, Value), Fault> {
        let answer = self.ask(document, Question::Json).await?;
        let Answer::Json { heads, json } = answer else { return Err(Fault::Internal) };
        Ok((heads, json))
    }

    pub(crate) async fn file(&self, document: DocumentId) -> Result<(Heads, Bytes), Fault> {
        let answer = self.ask(document, Question::File).await?;
        let Answer::File { heads, bytes } = answer else { return Err(Fault::Internal) };
        Ok((heads, bytes))
    }

    /// Changes from newest to oldest, and how many there are in all.
    pub(super) async fn history(
        &self,
        document: DocumentId,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<HistoryEntry>, usize), Fault> {
        let answer = self.ask(document, Question::History { skip, limit }).await?;
        let Answer::History { changes, total, .. } = answer else { return Err(Fault::Internal) };
        Ok((changes, total))
    }

    /// Makes a document: under this id, which must be free, or under a new one.
    pub(super) async fn create(
        &self,
        by: Submitter,
        id: Option<DocumentId>,
        offered: Offered,
    ) -> Result<Merged, Fault> {
        let document = id.unwrap_or_else(|| DocumentId::from_bytes(Uuid::new_v4().into_bytes()));
        offered.count();
        if offered.changes.is_empty() {
            let first = offered.refused.first();
            return Err(first.map_or(Fault::EmptyFile, |first| Fault::NothingTaken(first.refusal)));
        }
        let nothing = Expected::Heads(Heads::default());
        let merged = self.submit(by, document, nothing, offered).await?.ok_or(Fault::DocumentExists)?;
        match merged.refused.first() {
            // Nothing passed, so there still is no document.
            Some(first) if merged.heads.is_empty() => Err(Fault::NothingTaken(first.refusal)),
            Some(_) | None => Ok(merged),
        }
    }

    /// Merges changes into a document that exists.
    pub(super) async fn import(
        &self,
        by: Submitter,
        document: DocumentId,
        condition: &IfMatch,
        offered: Offered,
    ) -> Result<Merged, Fault> {
        let heads = self.heads(document).await?;
        condition.check(&heads)?;
        offered.count();
        if offered.changes.is_empty() {
            return Ok(Merged { document, heads, refused: offered.refused });
        }
        self.submit(by, document, condition.expected(heads), offered).await?.ok_or(Fault::PreconditionFailed)
    }

    /// Merges what the server itself has written; makes the document if there is none.
    pub(crate) async fn write(
        &self,
        by: Submitter,
        document: DocumentId,
        change: CheckedChange,
    ) -> Result<(), Fault> {
        let by = Submitter { writer: Writer::Server, ..by };
        let offered = Offered { changes: vec![change], refused: Vec::new() };
        let merged = self.submit(by, document, Expected::Anything, offered).await?;
        match merged.and_then(|merged| merged.refused.into_iter().next()) {
            Some(first) => Err(Fault::NothingTaken(first.refusal)),
            None => Ok(()),
        }
    }

    /// Makes of a conflict, if it still is this one, what somebody chose.
    pub(super) async fn settle(
        &self,
        by: Submitter,
        document: DocumentId,
        conflict: OpenConflict,
        choice: Choice,
    ) -> Result<(), Fault> {
        let settle = Settle {
            conflict,
            choice,
            actor: ActorId::from_bytes(Uuid::new_v4().as_bytes()),
            time_s: unix_ms() / 1000,
            // Whoever chooses writes, also where it brings over what others wrote.
            by: Submitter { new_actors: NewActors::Submitters, ..by },
        };
        match self.rooms.call(document, Call::Settle(Box::new(settle))).await? {
            Answer::Submitted { refused, .. } => match refused.first() {
                Some(first) => Err(Fault::NothingTaken(first.refusal)),
                None => Ok(()),
            },
            Answer::Unsettled(Unsettled::Changed) => Err(Fault::ConflictChanged),
            Answer::Unsettled(Unsettled::Impossible(error)) => Err(Fault::Unsettled(error)),
            Answer::Missing => Err(self.why_missing(document).await),
            Answer::Unexpected { .. }
            | Answer::Deleted
            | Answer::Heads(_)
            | Answer::Json { .. }
            | Answer::File { .. }
            | Answer::History { .. } => Err(Fault::Internal),
        }
    }

    pub(super) async fn delete(&self, document: DocumentId, condition: &IfMatch) -> Result<(), Fault> {
        let mut expected = Expected::Anything;
        if condition.is_given() {
            let heads = self.heads(document).await?;
            condition.check(&heads)?;
            expected = condition.expected(heads);
        }
        match self.rooms.call(document, Call::Delete(expected)).await? {
            Answer::Missing => Err(self.why_missing(document).await),
            Answer::Unexpected { .. } => Err(Fault::PreconditionFailed),
            Answer::Deleted => Ok(()),
            Answer::Heads(_)
            | Answer::Json { .. }
            | Answer::File { .. }
            | Answer::History { .. }
            | Answer::Unsettled(_)
            | Answer::Submitted { .. } => Err(Fault::Internal),
        }
    }

    /// Deletes a document whatever it holds; one that is gone already is gone.
    pub(crate) async fn erase(&self, document: DocumentId) -> Result<(), Fault> {
        match self.delete(document, &IfMatch::default()).await {
            Ok(()) | Err(Fault::DocumentNotFound | Fault::Refused(Refusal::DocumentDeleted)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Takes a body apart off the threads that serve everybody.
    pub(super) async fn parse<T: Send + 'static>(
        &self,
        parse: impl FnOnce(&Limits) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let permit = Arc::clone(&self.parsing).acquire_owned().await.map_err(|_| Fault::Internal)?;
        let limits = Arc::clone(&self.limits);
        let parsed = tokio::task::spawn_blocking(move || {
            let parsed = parse(&limits);
            drop(permit);
            parsed
        });
        parsed.await.unwrap_or(Err(Fault::Internal))
    }

    /// Nothing is merged, and the answer is nothing, if the document is not as expected by then.
    async fn submit(
        &self,
        by: Submitter,
        document: DocumentId,
        expected: Expected,
        offered: Offered,
    ) -> Result<Option<Merged>, Fault> {
        let Offered { changes, mut refused } = offered;
        let (heads, by_room) = match self.rooms.call(document, Call::Submit(expected, changes, by)).await? {
            Answer::Submitted { heads, refused, .. } => (heads, refused),
            Answer::Unexpected { .. } => return Ok(None),
            Answer::Missing
            | Answer::Deleted
            | Answer::Heads(_)
            | Answer::Json { .. }
            | Answer::File { .. }
            | Answer::Unsettled(_)
            | Answer::History { .. } => return Err(Fault::Internal),
        };
        refused.extend(by_room);
        Ok(Some(Merged { document, heads, refused }))
    }

    /// Asks about a document that must exist.
    async fn ask(&self, document: DocumentId, question: Question) -> Result<Answer, Fault> {
        let answer = self.rooms.call(document, Call::Ask(question)).await?;
        if answer == Answer::Missing { Err(self.why_missing(document).await) } else { Ok(answer) }
    }

    /// A tombstone is a row of its own, so this costs one look-up, and only for documents that are not there.
    async fn why_missing(&self, document: DocumentId) -> Fault {
        match self.store.load(document).await {
            Ok(Some(stored)) if stored.deleted => Fault::Refused(Refusal::DocumentDeleted),
            // What is left may be nothing, but a document it is.
            Ok(Some(stored)) if !stored.damaged.is_empty() => Fault::Refused(Refusal::StorageUnavailable),
            Ok(_) => Fault::DocumentNotFound,
            Err(error) => Fault::Refused(refusal(&error)),
        }
    }
}

impl Offered {
    /// The gatekeeper's refusals; those of the room are its own to count.
    fn count(&self) {
        self.refused.iter().for_each(|refused| metrics::refused(refused.refusal));
    }
}

impl From<FileChanges> for Offered {
    fn from(file: FileChanges) -> Self {
        let refused = file.refused.into_iter().map(|(change, refusal)| Refused::new(change, refusal));
        Self { changes: file.changes, refused: refused.collect() }
    }
}
