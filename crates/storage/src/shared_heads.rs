//! Heads shared with peers, held back until a commit happens anyway.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tiebreak_protocol::{DocumentId, Heads, StorageId};

/// Entries that wait; a further one is dropped, which costs that peer a longer handshake next time.
const WAITING_MAX: usize = 16_384;

/// The entries that no commit has taken along yet, the latest of each peer and document.
#[derive(Debug, Default)]
pub struct SharedHeadsBuffer {
    // Held for one map operation, never across an await.
    heads_by_document_and_peer: Mutex<BTreeMap<(DocumentId, StorageId), Heads>>,
}

/// One entry: document and peer, and the heads they share.
pub type SharedHeadsEntry = ((DocumentId, StorageId), Heads);

impl SharedHeadsBuffer {
    /// Takes the place of an earlier value.
    pub fn remember(&self, peer: StorageId, document: DocumentId, heads: Heads) {
        let mut map = self.lock();
        let key = (document, peer);
        if map.len() < WAITING_MAX || map.contains_key(&key) {
            map.insert(key, heads);
        }
    }

    /// The value that waits, if one does.
    pub fn get(&self, peer: &StorageId, document: DocumentId) -> Option<Heads> {
        self.lock().get(&(document, peer.clone())).cloned()
    }

    /// Drops what waits of a deleted document.
    pub fn forget(&self, document: DocumentId) {
        self.lock().retain(|(of, _), _| *of != document);
    }

    /// A copy of what waits.
    pub fn waiting(&self) -> Vec<SharedHeadsEntry> {
        self.lock().iter().map(|(key, heads)| (key.clone(), heads.clone())).collect()
    }

    /// Lets go of entries, unless a later value took their place meanwhile. They stay readable here until the
    /// commit is through, so that no reader sees an older value in between.
    pub fn settle(&self, entries: &[SharedHeadsEntry]) {
        let mut map = self.lock();
        for (key, heads) in entries {
            if map.get(key) == Some(heads) {
                map.remove(key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(DocumentId, StorageId), Heads>> {
        self.heads_by_document_and_peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
