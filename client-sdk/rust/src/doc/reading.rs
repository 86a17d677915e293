//! Looking into a document.

use super::{Doc, DocSnapshot};
use crate::error::ReadError;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tiebreak_document::{HistoryEntry, IntoPath, OpenError};

impl Doc {
    /// The content as JSON: see [`DocSnapshot::json`].
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
    ///
    /// let note = tiebreak.create(&json!({ "title": "one", "tags": ["home"] })).await?;
    /// assert_eq!(note.to_json().await?, json!({ "title": "one", "tags": ["home"] }));
    /// # Ok(())
    /// # }
    /// ```
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

    /// The document as it is now.
    ///
    /// # Errors
    /// When it was deleted or cannot be read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let note = tiebreak.create(&serde_json::json!({ "title": "one" })).await?;
    /// let before = note.snapshot().await?;
    /// note.change(|edit| edit.put("title", "two")).await?;
    /// assert_eq!(before.json["title"], "one", "it stays as it was");
    /// assert_ne!(note.snapshot().await?.heads, before.heads);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn snapshot(&self) -> Result<DocSnapshot, ReadError> {
        let (json, heads) =
            self.read(|document| document.to_json().map(|json| (json, document.heads().clone()))).await?;
        Ok(DocSnapshot { heads, json, pending_changes: self.pending_changes() })
    }

    /// Who changed what, from newest to oldest: `limit` entries after the first `skip`, and how many there are.
    ///
    /// # Errors
    /// When the document was deleted or cannot be read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let note = tiebreak.create(&serde_json::json!({ "title": "one" })).await?;
    /// note.change(|edit| edit.put("title", "two")).await?;
    /// let (newest, all) = note.history(0, 1).await?;
    /// assert_eq!((newest.len(), all), (1, 2));
    /// println!("{} did {:?}", newest[0].actor, newest[0].touched);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn history(&self, skip: usize, limit: usize) -> Result<(Vec<HistoryEntry>, usize), ReadError> {
        self.read(|document| document.history(skip, limit)).await
    }

    /// The whole document with its history, as a file that every Automerge library opens.
    ///
    /// # Errors
    /// When the document was deleted or cannot be read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let note = tiebreak.create(&serde_json::json!({ "title": "one" })).await?;
    /// std::fs::write(folder.path().join("note.automerge"), note.save().await?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn save(&self) -> Result<Vec<u8>, ReadError> {
        self.read(|document| Ok(document.chunks().map(AsRef::as_ref).collect::<Vec<&[u8]>>().concat())).await
    }

    async fn read<T>(
        &self,
        look: impl FnOnce(&mut tiebreak_document::Document) -> Result<T, OpenError>,
    ) -> Result<T, ReadError> {
        self.held.document.read(look).await?.map_err(|_unreadable| ReadError::Unreadable)
    }
}
