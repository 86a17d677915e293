//! A document as apps hold it.

use crate::client::Tiebreak;
use crate::error::{ChangeError, ReadError, WaitError};
use crate::registry::Held;
use crate::updates::{self, Updates};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::time::Duration;
use tiebreak_document::{EditError, HistoryEntry, IntoPath, OpenError, Transaction};
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

/// A document at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DocSnapshot {
    /// What names this state: equal on every device that has the same changes.
    pub heads: Heads,
    /// The content. Text objects are strings, counters numbers, timestamps milliseconds since the Unix epoch.
    pub json: Json,
    /// Changes in it that the server has not said to have on disk.
    pub pending_changes: usize,
}

impl DocSnapshot {
    /// The content as a value of the app's own type.
    ///
    /// # Errors
    /// When it does not fit the type.
    ///
    /// ```
    /// # fn show(snapshot: tiebreak_client::DocSnapshot) -> Result<(), serde_json::Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Note {
    ///     title: String,
    /// }
    /// let note: Note = snapshot.value()?;
    /// println!("{}", note.title);
    /// # Ok(())
    /// # }
    /// ```
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.json)
    }

    /// Whether the server lacks some of it.
    pub fn has_pending_writes(&self) -> bool {
        self.pending_changes > 0
    }
}

impl Doc {
    pub(crate) const fn new(held: Held, client: Tiebreak) -> Self {
        Self { held, client }
    }

    /// The name of the document, the same on every device. `to_string` and `parse` go with it.
    pub fn id(&self) -> DocumentId {
        self.held.document.id
    }

    /// The name as automerge-repo writes it: `automerge:<id>`.
    pub fn url(&self) -> String {
        format!("automerge:{}", self.id())
    }

    /// What names the present state, as far as it is durable. Empty: the document is not here any more.
    pub fn heads(&self) -> Heads {
        self.held.document.heads.borrow().clone()
    }

    /// Changes that the server has not said to have on disk.
    pub fn pending_changes(&self) -> usize {
        self.held.document.standing.borrow().pending_changes
    }

    /// The content as JSON: see [`DocSnapshot::json`].
    ///
    /// # Errors
    /// When the document was deleted or cannot be read.
    pub async fn to_json(&self) -> Result<Json, ReadError> {
        self.read(tiebreak_document::Document::to_json).await
    }

    /// The content as a value of the app's own type.
    ///
    /// # Errors
    /// When it does not fit the type, or the document was deleted or cannot be read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    /// struct Profile {
    ///     name: String,
    ///     height_cm: u32,
    /// }
    /// let profile = tiebreak.create(&Profile { name: "Ann".into(), height_cm: 170 }).await?;
    /// assert_eq!(profile.value::<Profile>().await?.height_cm, 170);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn value<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        Ok(serde_json::from_value(self.to_json().await?)?)
    }

    /// What stands at a path, as JSON; `None` if there is nothing.
    ///
    /// # Errors
    /// When the document was deleted or cannot be read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use serde_json::json;
    /// use tiebreak_client::path;
    ///
    /// let cart = tiebreak.create(&json!({ "lines": [{ "sku": "shoes", "quantity": 1 }] })).await?;
    /// assert_eq!(cart.get(path!["lines", 0, "quantity"]).await?, Some(json!(1)));
    /// assert_eq!(cart.get("coupon").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get(&self, path: impl IntoPath) -> Result<Option<Json>, ReadError> {
        let path = path.into_path();
        self.read(|document| document.get(&path)).await
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

    /// The document as it is now.
    ///
    /// # Errors
    /// When it was deleted or cannot be read.
    pub async fn snapshot(&self) -> Result<DocSnapshot, ReadError> {
        let (json, heads) =
            self.read(|document| document.to_json().map(|json| (json, document.heads().clone()))).await?;
        Ok(DocSnapshot { heads, json, pending_changes: self.pending_changes() })
    }

    /// Who changed what, from newest to oldest: `limit` entries after the first `skip`, and how many there are.
    ///
    /// # Errors
    /// When the document was deleted or cannot be read.
    pub async fn history(&self, skip: usize, limit: usize) -> Result<(Vec<HistoryEntry>, usize), ReadError> {
        self.read(|document| document.history(skip, limit)).await
    }

    /// The whole document with its history, as a file that every Automerge library opens.
    ///
    /// # Errors
    /// When the document was deleted or cannot be read.
    pub async fn save(&self) -> Result<Vec<u8>, ReadError> {
        self.read(|document| Ok(document.chunks().map(AsRef::as_ref).collect::<Vec<&[u8]>>().concat())).await
    }

    /// Waits until the server has said that it has everything of this document on disk.
    ///
    /// # Errors
    /// When `timeout` has passed, or the server does not let this client in.
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

    async fn read<T>(
        &self,
        look: impl FnOnce(&mut tiebreak_document::Document) -> Result<T, OpenError>,
    ) -> Result<T, ReadError> {
        self.held.document.read(look).await?.map_err(|_unreadable| ReadError::Unreadable)
    }
}
