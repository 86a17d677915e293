//! What one room wants of a store, in the room's own words.

use crate::unix_ms;
use std::sync::Arc;
use tiebreak_document::SavedChange;
use tiebreak_protocol::{AccountId, ActorId, DocumentId, Heads, Refusal};
use tiebreak_storage::relational::Statement;
use tiebreak_storage::{Append, ChangeRow, DocumentStore, QuarantinedChange, StorageError, StoredDocument};
use tiebreak_sync::room::Loaded;

/// One document in a store; cheap to clone.
#[derive(Debug, Clone)]
pub struct RoomStore {
    store: Arc<dyn DocumentStore>,
    document: DocumentId,
}

/// Changes to be stored, and whose they make the document and its actors.
#[derive(Debug, Clone, Default)]
pub struct NewChanges {
    pub changes: Vec<SavedChange>,
    /// The document's heads after them.
    pub heads: Heads,
    pub actors: Vec<(ActorId, AccountId)>,
    pub owner: Option<AccountId>,
    /// Rows to be written with them.
    pub beside: Vec<Statement>,
}

impl RoomStore {
    pub fn new(store: Arc<dyn DocumentStore>, document: DocumentId) -> Self {
        Self { store, document }
    }

    pub fn document(&self) -> DocumentId {
        self.document
    }

    /// The whole store.
    pub fn store(&self) -> &Arc<dyn DocumentStore> {
        &self.store
    }

    /// Reads the document; `None` when it was never written.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(&self) -> Result<Option<Box<Loaded>>, StorageError> {
        Ok(self.store.load(self.document).await?.map(loaded).map(Box::new))
    }

    /// Stores changes; answers the sequence number of the last one.
    ///
    /// # Errors
    /// When nothing was stored.
    pub async fn append(&self, new: NewChanges) -> Result<u64, StorageError> {
        let NewChanges { changes, heads, actors, owner, beside } = new;
        let row = |change: SavedChange| ChangeRow { hash: change.hash, bytes: change.bytes };
        let append = Append {
            document: self.document,
            changes: changes.into_iter().map(row).collect(),
            heads,
            received_ms: unix_ms(),
            actors,
            owner,
            beside,
        };
        Ok(self.store.append(append).await?.through)
    }

    /// Keeps a change that broke the document, for a person to look at.
    ///
    /// # Errors
    /// When it was not kept.
    pub async fn quarantine(&self, change: SavedChange, reason: String) -> Result<(), StorageError> {
        let (document, hash, bytes) = (self.document, Some(change.hash), change.bytes);
        let change = QuarantinedChange { document, hash, bytes, reason, received_ms: unix_ms() };
        self.store.quarantine(change).await
    }
}

/// What a peer or a caller may know of a storage error.
pub fn refusal(error: &StorageError) -> Refusal {
    match error {
        StorageError::Full => Refusal::StorageFull,
        StorageError::Deleted => Refusal::DocumentDeleted,
        StorageError::Damaged(_) | StorageError::Unavailable(_) | StorageError::Fatal(_) => {
            Refusal::StorageUnavailable
        }
    }
}

fn loaded(stored: StoredDocument) -> Loaded {
    let saved = |row: ChangeRow| SavedChange { hash: row.hash, bytes: row.bytes };
    Loaded {
        snapshot: stored.snapshot,
        snapshot_through: stored.snapshot_through,
        tail: stored.changes.into_iter().map(saved).collect(),
        through: stored.through,
        heads: stored.heads,
        deleted: stored.deleted,
        damaged: !stored.damaged.is_empty(),
        actors: stored.actors,
        conflicts: Vec::new(),
    }
}
