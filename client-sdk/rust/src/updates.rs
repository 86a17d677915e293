//! Streams over what changes: the present state first, then every later one that the reader is in time for.

use crate::doc::{Doc, DocSnapshot};
use crate::error::ReadError;
use crate::status::SyncStatus;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use tiebreak_document::Conflict;
use tokio::sync::watch;

/// The present state of something, and again whenever it has changed. A reader that is slow misses what was in
/// between, never the last state. A [`Stream`], and usable without one at hand:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
/// let mut statuses = tiebreak.status_stream();
/// tiebreak.close().await;
/// while let Some(status) = statuses.next().await {
///     println!("{} changes pending", status.pending_changes);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Updates<T>(BoxStream<'static, T>);

impl<T> Updates<T> {
    /// The next state; `None` when there will be no other. Dropping the future misses nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let note = tiebreak.create(&serde_json::json!({ "n": 0 })).await?;
    /// let mut states = note.watch();
    /// tiebreak.delete(note.id()).await?;
    /// assert_eq!(states.next().await, None, "there is nothing more to see");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<T> {
        self.0.next().await
    }
}

impl<T> Stream for Updates<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_next_unpin(context)
    }
}

impl<T> fmt::Debug for Updates<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Updates")
    }
}

/// Every status from now on, the present one first, until the client is closed.
pub(crate) fn of_status(
    mut statuses: watch::Receiver<SyncStatus>,
    closing: tokio_util::sync::CancellationToken,
) -> Updates<SyncStatus> {
    statuses.mark_changed();
    let next = async move |(mut statuses, closing): (watch::Receiver<SyncStatus>, _)| {
        next_change(&mut statuses, &closing).await?;
        let status = statuses.borrow_and_update().clone();
        Some((status, (statuses, closing)))
    };
    Updates(stream::unfold((statuses, closing), next).boxed())
}

/// Every state of a document from now on, the present one first, until it is deleted or the client is closed.
pub(crate) fn of_document(document: Doc) -> Updates<DocSnapshot> {
    let mut heads = document.held().document.heads.subscribe();
    heads.mark_changed();
    let next = async |(document, mut heads): (Doc, watch::Receiver<_>)| {
        loop {
            next_change(&mut heads, &document.held().parts.closing).await?;
            heads.mark_unchanged();
            match document.snapshot().await {
                Ok(snapshot) => return Some((snapshot, (document, heads))),
                // It passes, and then there is something new to see.
                Err(ReadError::Storage(_)) => {}
                Err(ReadError::Shape(_) | ReadError::Deleted | ReadError::Unreadable | ReadError::Closed) => {
                    return None;
                }
            }
        }
    };
    Updates(stream::unfold((document, heads), next).boxed())
}

/// The open conflicts of a document from now on, whenever they are others than before.
pub(crate) fn of_conflicts(document: Doc) -> Updates<Vec<Conflict>> {
    let states = of_document(document.clone());
    let next =
        async |(document, mut states, mut last): (Doc, Updates<DocSnapshot>, Option<Vec<Conflict>>)| {
            loop {
                states.next().await?;
                match document.conflicts().await {
                    Ok(conflicts) if last.as_ref() == Some(&conflicts) => {}
                    Ok(conflicts) => {
                        last = Some(conflicts.clone());
                        return Some((conflicts, (document, states, last)));
                    }
                    // It passes, and then there is something new to see.
                    Err(ReadError::Storage(_)) => {}
                    Err(
                        ReadError::Shape(_) | ReadError::Deleted | ReadError::Unreadable | ReadError::Closed,
                    ) => {
                        return None;
                    }
                }
            }
        };
    Updates(stream::unfold((document, states, None), next).boxed())
}

/// Waits for a change; `None` when there will be none. One that is there already is not missed for the closing.
async fn next_change<T>(
    values: &mut watch::Receiver<T>,
    closing: &tokio_util::sync::CancellationToken,
) -> Option<()> {
    tokio::select! {
        biased;
        changed = values.changed() => changed.ok(),
        () = closing.cancelled() => None,
    }
}
