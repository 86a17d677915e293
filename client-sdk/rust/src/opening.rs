//! Opening the local store, and counting what it holds that the server lacks.

use crate::client::store_options;
use crate::error::{OpenError, StoreError};
use crate::status::StatusBoard;
use std::path::PathBuf;
use std::sync::Arc;
use tiebreak_document::Document;
use tiebreak_driver::RoomStore;
use tiebreak_protocol::{DocumentId, Heads, StorageId};
use tiebreak_storage::{DocumentStore, DocumentSummary, PAGE_DOCUMENTS_MAX, SqliteStore};
use tiebreak_sync::replica::Standing;

pub(crate) async fn store(path: PathBuf) -> Result<SqliteStore, OpenError> {
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path, &store_options())).await;
    let opened = opened.map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
    Ok(opened?)
}

/// Notes for every document what the server has not confirmed, so that the first status is true. Answers their
/// names.
pub(crate) async fn survey(
    store: &Arc<dyn DocumentStore>,
    server: &StorageId,
    board: &StatusBoard,
) -> Result<Vec<DocumentId>, StoreError> {
    let (mut documents, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(after, PAGE_DOCUMENTS_MAX).await?;
        for DocumentSummary { document, heads, .. } in page.documents {
            documents.push(document);
            let confirmed = store.shared_heads(server.clone(), document).await?.unwrap_or_default();
            if confirmed != heads {
                let pending_changes = pending(store, document, confirmed).await?;
                board.stands(document, Standing { pending_changes, ..Standing::default() });
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(documents);
        }
    }
}

async fn pending(
    store: &Arc<dyn DocumentStore>,
    document: DocumentId,
    confirmed: Heads,
) -> Result<usize, StoreError> {
    let Some(loaded) = RoomStore::new(Arc::clone(store), document).load().await? else { return Ok(0) };
    let heads = loaded.heads.len();
    let mut document = Document::from_stored(loaded.snapshot, loaded.tail, loaded.heads);
    let counted = tokio::task::spawn_blocking(move || document.pending(confirmed.as_slice())).await;
    // What does not open has at least the changes that are its heads.
    Ok(counted.ok().and_then(Result::ok).unwrap_or(heads))
}
