//! Snapshots in the background: one document at a time, from what is durable, never in a room's way.

use bytes::Bytes;
use std::sync::Arc;
use tiebreak_document::{Document, SavedChange};
use tiebreak_protocol::DocumentId;
use tiebreak_storage::{Compaction, DocumentStore};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

/// Makes snapshots for rooms that ask.
#[derive(Debug, Clone)]
pub struct Compactor {
    store: Arc<dyn DocumentStore>,
    /// Compaction takes a whole core while it lasts; more at once would starve the rooms.
    turn: Arc<Semaphore>,
}

impl Compactor {
    /// Over this store.
    pub fn new(store: Arc<dyn DocumentStore>) -> Self {
        Self { store, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Puts a proven snapshot in place of the stored changes it holds. Answers the snapshot and the number
    /// of the last change in it; `None` when there was nothing to do or it did not work out, which costs
    /// only time at the next opening.
    pub async fn compact(&self, document: DocumentId) -> Option<(Bytes, u64)> {
        let _turn = self.turn.acquire().await.ok()?;
        let stored = self.store.load(document).await.ok().flatten()?;
        if stored.changes.is_empty() {
            return None;
        }
        // Damaged chunks are no hindrance once devices have brought their content back: if what is readable leads
        // to the document's heads, the snapshot takes their place.
        let through = stored.through;
        let saved =
            stored.changes.into_iter().map(|row| SavedChange { hash: row.hash, bytes: row.bytes }).collect();
        let read = Document::from_stored(stored.snapshot, saved, stored.heads);
        let snapshot = tokio::task::spawn_blocking(move || read.snapshot()).await.ok()?;
        let snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(error) => {
                warn!(%document, %error, "the document's snapshot does not read back; its changes are kept instead");
                return None;
            }
        };
        let compaction = Compaction { document, snapshot: snapshot.clone(), through };
        if let Err(error) = self.store.compact(compaction).await {
            warn!(%document, %error, "a snapshot was not stored");
            return None;
        }
        debug!(%document, through, bytes = snapshot.len(), "compacted");
        Some((snapshot, through))
    }
}
