//! A document at one moment.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tiebreak_protocol::Heads;

/// A document at one moment.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
/// let note = tiebreak.create(&serde_json::json!({ "title": "one" })).await?;
/// let now = note.snapshot().await?;
/// assert_eq!(now.json["title"], "one");
/// assert_eq!(now.heads, note.heads());
/// assert_eq!(now.pending_changes, 1);
/// # Ok(())
/// # }
/// ```
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
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let note = tiebreak.create(&serde_json::json!({})).await?;
    /// let cloud = if note.snapshot().await?.has_pending_writes() { "☁…" } else { "☁" };
    /// assert_eq!(cloud, "☁…");
    /// # Ok(())
    /// # }
    /// ```
    pub fn has_pending_writes(&self) -> bool {
        self.pending_changes > 0
    }
}
