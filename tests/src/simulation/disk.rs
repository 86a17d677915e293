//! A disk: what survives the death of a process, on a server or on a device.

use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_document::{Document, SavedChange};
use tiebreak_protocol::{ChangeHash, DocumentId, Heads, StorageId};
use tiebreak_sync::room::Loaded;

#[derive(Debug, Default, Clone)]
pub(super) struct Disk {
    documents: BTreeMap<DocumentId, Loaded>,
    shared_heads: BTreeMap<(StorageId, DocumentId), Heads>,
    /// The names of all stored changes, for those who check.
    hashes: BTreeMap<DocumentId, BTreeSet<ChangeHash>>,
}

const NO_HASHES: &BTreeSet<ChangeHash> = &BTreeSet::new();

impl Disk {
    pub(super) fn load(&self, document: DocumentId) -> Option<Box<Loaded>> {
        self.documents.get(&document).cloned().map(Box::new)
    }

    /// The sequence number of the last change.
    pub(super) fn append(&mut self, document: DocumentId, changes: Vec<SavedChange>, heads: Heads) -> u64 {
        self.hashes.entry(document).or_default().extend(changes.iter().map(|change| change.hash));
        let stored = self.documents.entry(document).or_default();
        stored.through += changes.len() as u64;
        stored.tail.extend(changes);
        stored.heads = heads;
        stored.through
    }

    pub(super) fn compact(&mut self, document: DocumentId) -> Option<(Bytes, u64)> {
        let stored = self.documents.get_mut(&document)?;
        let read = Document::from_stored(stored.snapshot.clone(), stored.tail.clone(), stored.heads.clone());
        let snapshot = read.snapshot().expect("an honest document makes a snapshot");
        stored.snapshot = Some(snapshot.clone());
        stored.snapshot_through = stored.through;
        stored.tail.clear();
        Some((snapshot, stored.through))
    }

    pub(super) fn remember(&mut self, storage: StorageId, document: DocumentId, heads: Heads) {
        self.shared_heads.insert((storage, document), heads);
    }

    pub(super) fn shared_heads(&self, storage: &StorageId, document: DocumentId) -> Option<Heads> {
        self.shared_heads.get(&(storage.clone(), document)).cloned()
    }

    /// Every stored change of a document.
    pub(super) fn hashes(&self, document: DocumentId) -> &BTreeSet<ChangeHash> {
        self.hashes.get(&document).unwrap_or(NO_HASHES)
    }

    pub(super) fn heads(&self, document: DocumentId) -> Heads {
        self.documents.get(&document).map(|stored| stored.heads.clone()).unwrap_or_default()
    }
}
