//! Waiting for the server, and giving up on waiting.

use super::connection::Guest;
use super::{HasServer, Tiebreak};
use crate::error::WaitError;
use crate::status::SyncStatus;
use std::time::Duration;
use tiebreak_sync::link::ConnectionState;
use tokio::sync::watch;

/// What [`Tiebreak::sync_once`] came to.
///
/// ```
/// fn notify(report: &tiebreak_client::SyncReport) -> Option<String> {
///     (report.uploaded_changes > 0).then(|| format!("{} changes uploaded", report.uploaded_changes))
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SyncReport {
    /// About how many changes the server has now and had not before; edits made meanwhile blur it.
    pub uploaded_changes: usize,
    /// The status at the end.
    pub status: SyncStatus,
}

impl Tiebreak {
    /// Waits until the server has said that it has everything on disk that was written here.
    ///
    /// # Errors
    /// When `timeout` has passed; at once when the server does not let this client in, or when everything else is
    /// there and it refuses for good what is left.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use std::time::Duration;
    /// use tiebreak_client::{Tiebreak, TiebreakConfig, WaitError};
    ///
    /// // Nobody answers at this address.
    /// let config = TiebreakConfig::new(folder.path()).url("ws://127.0.0.1:9/automerge");
    /// let tiebreak = Tiebreak::open(config).await?;
    /// tiebreak.create(&serde_json::json!({})).await?;
    /// match tiebreak.wait_for_upload(Duration::from_millis(50)).await {
    ///     Ok(()) => println!("this device may be lost now"),
    ///     // Nothing is lost; it goes on in the background.
    ///     Err(WaitError::Timeout { pending_changes, .. }) => assert_eq!(pending_changes, 1),
    ///     // Waiting longer is of no use: show it to the person.
    ///     Err(WaitError::Refused { document, detail, .. }) => println!("{document}: {detail}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_for_upload(&self, timeout: Duration) -> Result<(), WaitError> {
        let uploaded = uploaded(self.client.parts.board.subscribe());
        self.wait_unless_refused(timeout, self.status().pending_changes, uploaded).await
    }

    /// Connects, brings everything in step, and disconnects if there was no connection before: for background
    /// workers that the system gives a moment. Dropping the future stops it, and loses nothing.
    ///
    /// # Errors
    /// When `timeout` passes first; what was sent until then counts. At once, as for
    /// [`wait_for_upload`](Self::wait_for_upload), when waiting is of no use.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use tiebreak_client::{Tiebreak, TiebreakConfig};
    ///
    /// // As a background worker would, which the system wakes now and then.
    /// let config = TiebreakConfig::new("./notes").url("wss://sync.example/automerge").offline();
    /// let tiebreak = Tiebreak::open(config).await?;
    /// let report = tiebreak.sync_once(Duration::from_secs(25)).await?;
    /// println!("{} changes are safe", report.uploaded_changes);
    /// tiebreak.close().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sync_once(&self, timeout: Duration) -> Result<SyncReport, WaitError> {
        if self.client.has_server == HasServer::No {
            return Err(WaitError::NoServer);
        }
        let before = self.status();
        let guest = Guest::of(self);
        let in_step = self.client.parts.hub.step_on_demand();
        let statuses = self.client.parts.board.subscribe();
        let synced = async move {
            in_step.await.map_err(|_closed| WaitError::Closed)?;
            uploaded(statuses).await
        };
        self.wait_unless_refused(timeout, before.pending_changes, synced).await?;
        let status = self.status();
        drop(guest);
        let uploaded_changes = before.pending_changes.saturating_sub(status.pending_changes);
        Ok(SyncReport { uploaded_changes, status })
    }

    /// Waits, but not for a server that has sent this client away, nor without one while something is pending.
    pub(crate) async fn wait_unless_refused(
        &self,
        timeout: Duration,
        pending_changes: usize,
        wait: impl Future<Output = Result<(), WaitError>>,
    ) -> Result<(), WaitError> {
        if self.client.has_server == HasServer::No && pending_changes > 0 {
            return Err(WaitError::NoServer);
        }
        let mut statuses = self.client.parts.board.subscribe();
        let limited = async {
            tokio::select! {
                biased;
                waited = wait => waited,
                refused = statuses.wait_for(|status| refusal(&status.state).is_some()) => {
                    let reason = refused.ok().and_then(|status| refusal(&status.state));
                    Err(reason.map_or(WaitError::Closed, |reason| WaitError::Stopped { reason }))
                }
            }
        };
        let limited = tokio::time::timeout(timeout, limited);
        match self.client.parts.closing.run_until_cancelled(limited).await {
            None => Err(WaitError::Closed),
            Some(Ok(waited)) => waited,
            Some(Err(_elapsed)) => Err(self.status().timeout()),
        }
    }
}

/// Waits until nothing is pending, or nothing of what is pending will get there.
async fn uploaded(mut statuses: watch::Receiver<SyncStatus>) -> Result<(), WaitError> {
    let is_over = |status: &SyncStatus| status.is_uploaded() || status.obstacle.is_some();
    let status = statuses.wait_for(is_over).await.map_err(|_closed| WaitError::Closed)?;
    status.obstacle.map_or(Ok(()), |obstacle| Err(WaitError::of(obstacle)))
}

fn refusal(state: &ConnectionState) -> Option<String> {
    if let ConnectionState::Unauthorized { reason } | ConnectionState::Rejected { reason, .. } = state {
        return Some(reason.clone());
    }
    None
}
