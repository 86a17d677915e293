//! A store in memory: simple and exact, the model that the durable ones are compared with.

use crate::document_store::{
    PAGE_DOCUMENTS_MAX, QUARANTINED_PER_DOCUMENT_MAX, SHARED_HEADS_PER_DOCUMENT_MAX,
};
use crate::status::{Status, closed};
use crate::{
    Append, ChangeRow, Committed, Compaction, DocumentPage, DocumentStore, DocumentSummary,
    QuarantinedChange, StorageError, StoreFailure, StoreFuture, StoredDocument,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::future::ready;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tiebreak_protocol::{AccountId, ActorId, DocumentId, Heads, StorageId};

/// Keeps documents until it is dropped. For tests and throw-away servers.
///
/// It has no rows: an append with rows beside its changes is refused.
#[derive(Debug, Default)]
pub struct MemoryStore {
    // Held for the length of one map operation, never across an await.
    state: Mutex<State>,
    status: Status,
}

#[derive(Debug, Default)]
struct State {
    documents: BTreeMap<DocumentId, Document>,
    quarantine: BTreeMap<DocumentId, Vec<QuarantinedChange>>,
    shared_heads: BTreeMap<DocumentId, SharedHeads>,
    own_storage_id: Option<StorageId>,
    closed: bool,
}

/// With each peer's heads, when they were told, counted from the first: the latest are kept.
#[derive(Debug, Default)]
struct SharedHeads {
    by_peer: BTreeMap<StorageId, (Heads, u64)>,
    told: u64,
}

#[derive(Debug)]
struct Document {
    snapshot: Option<Bytes>,
    snapshot_through: u64,
    changes: BTreeMap<u64, ChangeRow>,
    through: u64,
    heads: Heads,
    actors: BTreeMap<ActorId, AccountId>,
    created_ms: i64,
    updated_ms: i64,
    deleted: bool,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails for good, as a disk would make it.
    pub fn fail(&self, failure: StorageError) {
        self.status.fail(failure);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one operation, unless the store has failed or is closed.
    fn with<'a, T: Send + 'a>(
        &self,
        operate: impl FnOnce(&mut State) -> Result<T, StorageError>,
    ) -> StoreFuture<'a, T> {
        let mut state = self.state();
        let answer = match self.status.failure() {
            Some(failure) => Err(failure),
            None if state.closed => Err(closed()),
            None => operate(&mut state),
        };
        Box::pin(ready(answer))
    }
}

impl DocumentStore for MemoryStore {
    fn append(&self, append: Append) -> StoreFuture<'_, Committed> {
        self.with(|state| state.append(append))
    }

    fn load(&self, document: DocumentId) -> StoreFuture<'_, Option<StoredDocument>> {
        self.with(|state| Ok(state.documents.get(&document).map(Document::stored)))
    }

    fn compact(&self, compaction: Compaction) -> StoreFuture<'_, ()> {
        self.with(|state| {
            if let Some(document) = state.documents.get_mut(&compaction.document) {
                document.compact(compaction);
            }
            Ok(())
        })
    }

    fn list(&self, after: Option<DocumentId>, limit: usize) -> StoreFuture<'_, DocumentPage> {
        self.with(|state| Ok(state.list(after, limit.clamp(1, PAGE_DOCUMENTS_MAX))))
    }

    fn delete(&self, document: DocumentId) -> StoreFuture<'_, bool> {
        self.with(|state| Ok(state.delete(document)))
    }

    fn quarantine(&self, change: QuarantinedChange) -> StoreFuture<'_, ()> {
        self.with(|state| {
            let kept = state.quarantine.entry(change.document).or_default();
            let is_new = kept.iter().all(|other| other.bytes != change.bytes);
            if kept.len() < QUARANTINED_PER_DOCUMENT_MAX && is_new {
                kept.push(change);
            }
            Ok(())
        })
    }

    fn quarantined(&self, document: DocumentId) -> StoreFuture<'_, Vec<QuarantinedChange>> {
        self.with(|state| Ok(state.quarantine.get(&document).cloned().unwrap_or_default()))
    }

    fn shared_heads(&self, peer: StorageId, document: DocumentId) -> StoreFuture<'_, Option<Heads>> {
        self.with(|state| {
            let shared = state.shared_heads.get(&document).and_then(|shared| shared.by_peer.get(&peer));
            Ok(shared.map(|(heads, _)| heads.clone()))
        })
    }

    fn remember_shared_heads(
        &self,
        peer: StorageId,
        document: DocumentId,
        heads: Heads,
    ) -> StoreFuture<'_, ()> {
        self.with(|state| {
            if state.documents.get(&document).is_some_and(|stored| !stored.deleted) {
                state.shared_heads.entry(document).or_default().remember(peer, heads);
            }
            Ok(())
        })
    }

    fn own_storage_id(&self, candidate: StorageId) -> StoreFuture<'_, StorageId> {
        self.with(|state| Ok(state.own_storage_id.get_or_insert(candidate).clone()))
    }

    fn probe(&self) -> StoreFuture<'_, ()> {
        self.with(|_state| Ok(()))
    }

    fn failed(&self) -> StoreFailure<'_> {
        Box::pin(self.status.failed())
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        self.state().closed = true;
        Box::pin(ready(self.status.failure().map_or(Ok(()), Err)))
    }
}

impl State {
    fn append(&mut self, append: Append) -> Result<Committed, StorageError> {
        // There are no accounts here that could own anything.
        let Append { document, changes, heads, received_ms, actors, owner: _, beside } = append;
        if !beside.is_empty() {
            let refusal = "a store in memory has no rows to write beside changes: use a durable one";
            return Err(StorageError::Unavailable(refusal.to_owned()));
        }
        let created = !self.documents.contains_key(&document);
        if created && changes.is_empty() {
            return Ok(Committed { through: 0, created: false });
        }
        let document = self.documents.entry(document).or_insert_with(|| Document::new(received_ms));
        if document.deleted {
            return Err(StorageError::Deleted);
        }
        if changes.is_empty() {
            return Ok(Committed { through: document.through, created: false });
        }
        for change in changes {
            document.through += 1;
            document.changes.insert(document.through, change);
        }
        for (actor, account) in actors {
            document.actors.entry(actor).or_insert(account);
        }
        document.heads = heads;
        document.updated_ms = received_ms;
        Ok(Committed { through: document.through, created })
    }

    fn list(&self, after: Option<DocumentId>, limit: usize) -> DocumentPage {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut live =
            self.documents.range((start, Bound::Unbounded)).filter(|(_, document)| !document.deleted);
        let documents: Vec<_> =
            live.by_ref().take(limit).map(|(id, document)| document.summary(*id)).collect();
        let next = live.next().and(documents.last().map(|last| last.document));
        DocumentPage { documents, next }
    }

    fn delete(&mut self, id: DocumentId) -> bool {
        let Some(document) = self.documents.get_mut(&id).filter(|document| !document.deleted) else {
            return false;
        };
        document.deleted = true;
        document.snapshot = None;
        document.changes.clear();
        document.actors.clear();
        self.quarantine.remove(&id);
        self.shared_heads.remove(&id);
        true
    }
}

impl SharedHeads {
    fn remember(&mut self, peer: StorageId, heads: Heads) {
        self.told += 1;
        self.by_peer.insert(peer, (heads, self.told));
        if self.by_peer.len() > SHARED_HEADS_PER_DOCUMENT_MAX {
            let oldest = self.by_peer.iter().min_by_key(|(_, (_, told))| *told).map(|(peer, _)| peer.clone());
            oldest.and_then(|peer| self.by_peer.remove(&peer));
        }
    }
}

impl Document {
    fn new(created_ms: i64) -> Self {
        Self {
            snapshot: None,
            snapshot_through: 0,
            changes: BTreeMap::new(),
            through: 0,
            heads: Heads::default(),
            actors: BTreeMap::new(),
            created_ms,
            updated_ms: created_ms,
            deleted: false,
        }
    }

    fn compact(&mut self, compaction: Compaction) {
        let through = compaction.through;
        if self.deleted || through < self.snapshot_through.max(1) || through > self.through {
            return;
        }
        self.snapshot = Some(compaction.snapshot);
        self.snapshot_through = through;
        self.changes = self.changes.split_off(&(through + 1));
    }

    fn stored(&self) -> StoredDocument {
        StoredDocument {
            snapshot: self.snapshot.clone(),
            snapshot_through: self.snapshot_through,
            changes: self.changes.values().cloned().collect(),
            through: self.through,
            heads: self.heads.clone(),
            actors: self.actors.clone(),
            created_ms: self.created_ms,
            updated_ms: self.updated_ms,
            deleted: self.deleted,
            damaged: Vec::new(),
        }
    }

    fn summary(&self, document: DocumentId) -> DocumentSummary {
        let of_changes: usize = self.changes.values().map(|change| change.bytes.len()).sum();
        DocumentSummary {
            document,
            heads: self.heads.clone(),
            created_ms: self.created_ms,
            updated_ms: self.updated_ms,
            changes: self.through,
            bytes: (self.snapshot.as_ref().map_or(0, Bytes::len) + of_changes) as u64,
            damaged: false,
        }
    }
}
