//! Finding a document, here or on the server.

use super::{Client, HasServer, Tiebreak};
use crate::doc::Doc;
use crate::error::{FindError, ReadError};
use tiebreak_protocol::DocumentId;
use tiebreak_sync::replica::Progress;

impl Tiebreak {
    /// A document by its name. One that is on this device is there at once; any other is asked of the server, for
    /// as long as [`find_time`](crate::TiebreakConfig::find_time).
    ///
    /// # Errors
    /// When it is nowhere, or the server cannot be reached.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// # use tiebreak_client::FindError;
    /// let note = tiebreak.create(&serde_json::json!({ "title": "here" })).await?;
    /// assert_eq!(tiebreak.find(note.id()).await?.to_json().await?["title"], "here");
    ///
    /// let elsewhere = "4NMNnkMhL8jXrdJ9jamS58PAVdXu".parse()?;
    /// assert_eq!(tiebreak.find(elsewhere).await.unwrap_err(), FindError::Offline(elsewhere));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn find(&self, id: DocumentId) -> Result<Doc, FindError> {
        let Client { parts, registry, has_server, find_time, .. } = &*self.client;
        if parts.closing.is_cancelled() {
            return Err(FindError::Closed);
        }
        let held = registry.hold(id, parts);
        held.document.opened().await.map_err(|error| match error {
            ReadError::Deleted => FindError::Deleted(id),
            ReadError::Shape(_) | ReadError::Unreadable => FindError::Unreadable(id),
            ReadError::Storage(error) => FindError::Storage(error),
            ReadError::Closed => FindError::Closed,
        })?;
        let mut heads = held.document.heads.subscribe();
        if !heads.borrow_and_update().is_empty() {
            return Ok(Doc::new(held, self.clone()));
        }
        if *has_server == HasServer::No {
            return Err(FindError::Offline(id));
        }
        let mut standing = held.document.standing.subscribe();
        let mut statuses = parts.board.subscribe();
        let answered = async {
            tokio::select! {
                found = heads.wait_for(|heads| !heads.is_empty()) => match found {
                    Ok(_heads) => Ok(()),
                    Err(_gone) => Err(FindError::Closed),
                },
                _none = standing.wait_for(|standing| standing.progress == Progress::Unavailable) => {
                    Err(FindError::NotFound(id))
                }
                _stopped = statuses.wait_for(|status| status.state.is_stopped()) => Err(FindError::Offline(id)),
                () = parts.closing.cancelled() => Err(FindError::Closed),
            }
        };
        match tokio::time::timeout(*find_time, answered).await {
            Ok(answered) => answered.map(|()| Doc::new(held, self.clone())),
            Err(_elapsed) => Err(FindError::Offline(id)),
        }
    }
}
