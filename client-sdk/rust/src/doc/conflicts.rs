//! What several people wrote apart into the same place.

use super::Doc;
use crate::error::{ReadError, ResolveError};
use crate::updates::{self, Updates};
use tiebreak_document::{Choice, Conflict};
use tiebreak_protocol::ConflictId;

impl Doc {
    /// The conflicts that are open in what this device has of the document, with every side and what they started
    /// from. The ids are those of the server and of every other device. Documents without a kind have none: see
    /// [`flag_plain_documents`](crate::TiebreakConfig::flag_plain_documents).
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
    /// let profile = tiebreak.create(&json!({ "@kind": "profile", "display_name": "Ann" })).await?;
    /// for conflict in profile.conflicts().await? {
    ///     for candidate in &conflict.candidates {
    ///         println!("{:?}: {:?}", conflict.path, candidate.value);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn conflicts(&self) -> Result<Vec<Conflict>, ReadError> {
        self.held().document.conflicts().await
    }

    /// The open conflicts now, and again whenever they have changed. Ends as [`watch`](Self::watch) does.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use serde_json::json;
    ///
    /// let profile = tiebreak.create(&json!({ "@kind": "profile", "display_name": "Ann" })).await?;
    /// let mut conflicts = profile.conflict_stream();
    /// assert_eq!(conflicts.next().await, Some(vec![]), "nobody disagrees");
    /// # Ok(())
    /// # }
    /// ```
    pub fn conflict_stream(&self) -> Updates<Vec<Conflict>> {
        updates::of_conflicts(self.clone())
    }

    /// Makes a choice. It is a change of the document like any other: on this device's disk when this returns, and on
    /// every device once there is a network. It knows the sides that [`conflicts`](Self::conflicts) names now, and no
    /// later one: an edit that comes late is in conflict with it, not lost.
    ///
    /// # Errors
    /// When there is no such conflict any more, it has no such candidate, or the change could not be stored.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use serde_json::json;
    /// use tiebreak_client::Resolution;
    ///
    /// let profile = tiebreak.create(&json!({ "@kind": "profile", "display_name": "Ann" })).await?;
    /// for conflict in profile.conflicts().await? {
    ///     let newest = conflict.candidates.iter().max_by_key(|candidate| candidate.time_s).unwrap();
    ///     profile.resolve(conflict.id, Resolution::Candidate(newest.id.clone())).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn resolve(&self, conflict: ConflictId, resolution: Choice) -> Result<(), ResolveError> {
        let Self { held, .. } = self;
        held.document.resolve(conflict, resolution, &held.parts.limits).await
    }
}
