//! The end of a client.

use super::{Client, Tiebreak};
use crate::account::Account;
use crate::error::{ClearError, SignOutError};
use std::sync::Arc;
use tiebreak_storage::SqliteStore;

/// What [`Tiebreak::disconnect_and_clear`] removed.
///
/// ```
/// fn tell(cleared: tiebreak_client::Cleared) {
///     if cleared.discarded_changes > 0 {
///         eprintln!("signed out; {} changes were nowhere else", cleared.discarded_changes);
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// Changes that were nowhere else.
    pub discarded_changes: usize,
}

impl Tiebreak {
    /// Ends the connection, lets what is being stored be stored, and gives the directory back. Handles that are
    /// left answer that the client was closed. If the future is dropped before it ends, the closing goes on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use tiebreak_client::{ChangeError, Tiebreak, TiebreakConfig};
    ///
    /// let note = tiebreak.create(&serde_json::json!({ "title": "kept" })).await?;
    /// tiebreak.close().await;
    /// assert!(matches!(note.change(|edit| edit.put("title", "late")).await, Err(ChangeError::Closed)));
    ///
    /// let again = Tiebreak::open(TiebreakConfig::new(folder.path())).await?;
    /// assert_eq!(again.find(note.id()).await?.to_json().await?["title"], "kept");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(&self) {
        self.client.parts.closing.cancel();
        let client = Arc::clone(&self.client);
        // In a task of its own, so that it comes to its end if nobody waits for that.
        let closing = self.client.runtime.spawn(async move { client.end().await });
        if closing.await.is_err() {
            // The runtime is gone, and all tasks with it.
            self.client.end().await;
        }
    }

    /// Signs the device out: closes, and removes everything from its disk, uploaded or not. Call
    /// [`wait_for_upload`](Self::wait_for_upload) first where nothing may be lost.
    ///
    /// # Errors
    /// When files could not be removed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use tiebreak_client::{Tiebreak, TiebreakConfig};
    ///
    /// let tiebreak = Tiebreak::open(TiebreakConfig::new(folder.path())).await?;
    /// tiebreak.create(&serde_json::json!({ "title": "mine alone" })).await?;
    /// assert_eq!(tiebreak.disconnect_and_clear().await?.discarded_changes, 1);
    ///
    /// let tiebreak = Tiebreak::open(TiebreakConfig::new(folder.path())).await?;
    /// assert_eq!(tiebreak.list().await?, []);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn disconnect_and_clear(&self) -> Result<Cleared, ClearError> {
        self.close().await;
        let discarded_changes = self.status().pending_changes;
        let path = self.client.path.clone();
        let removed = tokio::task::spawn_blocking(move || SqliteStore::remove(&path)).await;
        removed.map_err(std::io::Error::other)??;
        Ok(Cleared { discarded_changes })
    }
}

impl Tiebreak {
    /// Signs the account out on this device and leaves nothing of it here: closes, removes every document, uploaded or
    /// not, ends the session at the server if that can be reached, and erases the credentials. Documents go first, so
    /// that whoever signs in next finds none of somebody else's, whatever happens in between.
    ///
    /// # Errors
    /// When something could not be removed.
    ///
    /// ```no_run
    /// # async fn example(tiebreak: tiebreak_client::Tiebreak, account: tiebreak_client::Account)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// let cleared = tiebreak.sign_out(&account).await?;
    /// println!("{} changes were nowhere else", cleared.discarded_changes);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_out(&self, account: &Account) -> Result<Cleared, SignOutError> {
        let cleared = self.disconnect_and_clear().await?;
        account.sign_out().await?;
        Ok(cleared)
    }
}

impl Client {
    async fn end(&self) {
        let Self { parts, tasks, closed, .. } = self;
        let end = async || {
            tasks.close();
            tasks.wait().await;
            if let Err(error) = parts.store.close().await {
                tracing::warn!(%error, "the local store did not close in order");
            }
        };
        closed.get_or_init(end).await;
    }
}

impl Drop for Client {
    /// Without handles nobody can close it.
    fn drop(&mut self) {
        self.parts.closing.cancel();
    }
}
