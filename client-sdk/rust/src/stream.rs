//! Streams over what changes: the present state first, then every later one that the reader is in time for.

use crate::doc::{Doc, DocSnapshot};
use crate::status::SyncStatus;
use futures_util::{Stream, stream};
use tokio::sync::watch;

/// Every status from now on, the present one first.
pub(crate) fn of_status(statuses: watch::Receiver<SyncStatus>) -> impl Stream<Item = SyncStatus> + Send {
    let mut statuses = statuses;
    statuses.mark_changed();
    stream::unfold(statuses, async |mut statuses| {
        statuses.changed().await.ok()?;
        let status = statuses.borrow_and_update().clone();
        Some((status, statuses))
    })
}

/// Every state of a document from now on, the present one first.
pub(crate) fn of_document(document: Doc) -> impl Stream<Item = DocSnapshot> + Send + 'static {
    let mut heads = document.held().document.heads.subscribe();
    heads.mark_changed();
    let closing = document.held().parts.closing.clone();
    stream::unfold((document, heads, closing), |(document, mut heads, closing)| async move {
        let changed = closing.run_until_cancelled(heads.changed()).await;
        changed?.ok()?;
        heads.mark_unchanged();
        let snapshot = document.snapshot().await.ok()?;
        Some((snapshot, (document, heads, closing)))
    })
}
