//! A document as apps hold it.

mod conflicts;
mod reading;
mod snapshot;

pub use snapshot::DocSnapshot;

use crate::client::Tiebreak;
use crate::error::{ChangeError, ReadError, WaitError};
use crate::registry::Held;
use crate::updates::{self, Updates};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tiebreak_document::{EditError, Transaction};
use tiebreak_protocol::{DocumentId, Heads};
use tiebreak_sync::replica::Standing;

/// A document on this device. Handles are cheap to clone; while there is one, the document is kept in step with the
/// server whenever there is a connection. A handle keeps the client open, too.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
/// use serde_json::json;
///
/// let note = tiebreak.create(&json!({ "title": "Shopping", "tags": [] })).await?;
/// note.change(|edit| {
///     edit.put("title", "Groceries")?;
///     edit.push("tags", "home")
/// })
/// .await?;
/// assert_eq!(note.to_json().await?, json!({ "title": "Groceries", "tags": ["home"] }));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Doc {
    held: Held,
    client: Tiebreak,
}

impl Doc {
    pub(crate) const fn new(held: Held, client: Tiebreak) -> Self {
        Self { held, client }
    }

    /// The name of the document, the same on every device. `to_string` and `parse` go with it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use tiebreak_client::DocumentId;
    ///
    /// let note = tiebreak.create(&serde_json::json!({})).await?;
    /// // As text it goes into links, other documents, and settings.
    /// let text = note.id().to_string();
    /// let id: DocumentId = text.parse()?;
    /// assert_eq!(tiebreak.find(id).await?.id(), note.id());
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(&self) -> DocumentId {
        self.held.document.id
    }

    /// The name as automerge-repo writes it: `automerge:<id>`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let note = tiebreak.create(&serde_json::json!({})).await?;
    /// assert_eq!(note.url(), format!("automerge:{}", note.id()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(&self) -> String {
        format!("automerge:{}", self.id())
    }

    /// What names the present state, as far as it is durable. Empty: the document is not here any more.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let note = tiebreak.create(&serde_json::json!({ "title": "one" })).await?;
    /// let before = note.heads();
    /// note.change(|edit| edit.put("title", "one")).await?;
    /// assert_eq!(note.heads(), before, "what changes nothing is no change");
    /// note.change(|edit| edit.put("title", "two")).await?;
    /// assert_ne!(note.heads(), before);
    /// # Ok(())
    /// # }
    /// ```
    pub fn heads(&self) -> Heads {
        self.held.document.heads.borrow().clone()
    }

    /// Changes that the server has not said to have on disk.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let note = tiebreak.create(&serde_json::json!({ "title": "one" })).await?;
    /// note.change(|edit| edit.put("title", "two")).await?;
    /// assert_eq!(note.pending_changes(), 2, "no server has heard of it");
    /// # Ok(())
    /// # }
    /// ```
    pub fn pending_changes(&self) -> usize {
        self.held.document.standing.borrow().pending_changes
    }

    /// Makes one change. It is on this device's disk when this returns, and counts as pending until it is on the
    /// server's. Offline it works the same. If the future is dropped before it ends, the change may still be made.
    ///
    /// # Errors
    /// When the edit fails, the change exceeds a limit, or it could not be stored; the document is as it was.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use serde_json::json;
    /// use tiebreak_client::Counter;
    ///
    /// let cart = tiebreak.create(&json!({ "lines": {} })).await?;
    /// cart.change(|edit| {
    ///     edit.put(["lines", "shoes"], json!({ "note": "" }))?;
    ///     edit.put(["lines", "shoes", "quantity"], Counter(1))?;
    ///     edit.increment(["lines", "shoes", "quantity"], 2)
    /// })
    /// .await?;
    /// assert_eq!(cart.get(["lines", "shoes", "quantity"]).await?, Some(json!(3)));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn change<T>(
        &self,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, EditError>,
    ) -> Result<T, ChangeError> {
        self.held.document.edit(edit).await
    }

    /// Makes one change by way of the app's own type: reads a value, lets `edit` alter it, and writes what is
    /// different, and only that. Fields that the type does not know stay as they are; texts, lists and counters
    /// are edited in place, so that what other devices write at the same time is merged.
    ///
    /// # Errors
    /// When the content does not fit the type, and as [`change`](Self::change).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// # use serde_json::json;
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Profile {
    ///     name: String,
    /// }
    /// let profile = tiebreak.create(&json!({ "name": "Ann", "from_a_newer_app": true })).await?;
    /// profile.update(|profile: &mut Profile| profile.name.push_str("a")).await?;
    /// assert_eq!(profile.to_json().await?, json!({ "name": "Anna", "from_a_newer_app": true }));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update<T, R>(&self, edit: impl FnOnce(&mut T) -> R) -> Result<R, ChangeError>
    where
        T: Serialize + DeserializeOwned,
    {
        self.held
            .document
            .edit(|transaction| {
                let content = transaction.get(tiebreak_document::path![])?.unwrap_or_default();
                let mut value: T = serde_json::from_value(content)?;
                let before = serde_json::to_value(&value)?;
                let result = edit(&mut value);
                transaction.update(tiebreak_document::path![], &before, &serde_json::to_value(&value)?)?;
                Ok::<_, ChangeError>(result)
            })
            .await
    }

    /// The document now, and again whenever it has changed, here or elsewhere. Who looks too seldom misses what was
    /// in between, never the last state. Ends when the document is deleted here or the client is closed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use serde_json::json;
    ///
    /// let note = tiebreak.create(&json!({ "title": "one" })).await?;
    /// let mut states = note.watch();
    /// assert_eq!(states.next().await.unwrap().json["title"], "one");
    /// note.change(|edit| edit.put("title", "two")).await?;
    /// assert_eq!(states.next().await.unwrap().json["title"], "two");
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self) -> Updates<DocSnapshot> {
        updates::of_document(self.clone())
    }

    /// Waits until the server has said that it has everything of this document on disk.
    ///
    /// # Errors
    /// When `timeout` has passed; at once when the server does not let this client in, or refuses for good what is
    /// left.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use std::time::Duration;
    /// use tiebreak_client::WaitError;
    ///
    /// let order = tiebreak.create(&serde_json::json!({ "sku": "shoes" })).await?;
    /// // This client has no server: it says so instead of waiting.
    /// let answer = order.wait_for_upload(Duration::from_secs(10)).await;
    /// assert_eq!(answer, Err(WaitError::NoServer));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for_upload(&self, timeout: Duration) -> Result<(), WaitError> {
        // Before it has been read nobody knows what is pending. What cannot be read is not uploaded either.
        if let Err(ReadError::Closed) = self.held.document.opened().await {
            return Err(WaitError::Closed);
        }
        let mut standing = self.held.document.standing.subscribe();
        let id = self.id();
        let uploaded = async move {
            let is_over = |standing: &Standing| standing.pending_changes == 0 || standing.obstacle.is_some();
            let standing = standing.wait_for(is_over).await.map_err(|_gone| WaitError::Closed)?;
            let obstacle = standing.obstacle.filter(|_| standing.pending_changes > 0);
            obstacle.map_or(Ok(()), |obstacle| Err(WaitError::of((id, obstacle))))
        };
        self.client.wait_unless_refused(timeout, self.pending_changes(), uploaded).await
    }

    pub(crate) const fn held(&self) -> &Held {
        &self.held
    }
}
