//! When this device was last in step with its server, kept for the next start.

use crate::status::SyncStatus;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tiebreak_protocol::StorageId;
use tiebreak_storage::SqliteStore;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Between two writes: every upload ends in step, and is not worth a write of its own. After a kill the time may
/// be older by so much.
const WRITE_INTERVAL: Duration = Duration::from_secs(60);

/// What an earlier client on this store has kept; what cannot be read is not known.
pub(crate) async fn kept(store: &SqliteStore, server: &StorageId) -> Option<SystemTime> {
    let text = store.note(&name(server)).await.ok().flatten()?;
    UNIX_EPOCH.checked_add(Duration::from_millis(text.parse().ok()?))
}

/// Keeps it from now on: soon after it has changed, and once more when the client closes.
pub(crate) async fn keep(
    store: Arc<SqliteStore>,
    server: StorageId,
    mut statuses: watch::Receiver<SyncStatus>,
    closing: CancellationToken,
) {
    let mut kept = statuses.borrow().last_synced_at;
    let mut next_write = Instant::now();
    loop {
        let due = async {
            // The board lives as long as the client.
            statuses.wait_for(|status| status.last_synced_at != kept).await.ok();
            tokio::time::sleep_until(next_write).await;
        };
        let is_closing = closing.run_until_cancelled(due).await.is_none();
        let now = statuses.borrow().last_synced_at;
        if let Some(at) = now.filter(|_| now != kept) {
            let unix_ms = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            if let Err(error) = store.keep_note(&name(&server), unix_ms.to_string()).await {
                warn!(%error, "when this device was last in step was not kept");
            }
            (kept, next_write) = (now, Instant::now() + WRITE_INTERVAL);
        }
        if is_closing {
            return;
        }
    }
}

fn name(server: &StorageId) -> String {
    format!("last-synced:{}", server.as_str())
}
