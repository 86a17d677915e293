//! The client SDK end to end: on the built server, through bad networks, and against servers that follow a script.

mod accounts;
mod conflicts;
mod copies;
mod crowd;
mod everyday;
mod faults;
mod full_disk;
mod hostile;
mod killed;
mod memory;
mod openings;
mod reconnect;
mod refused;
mod tls;
mod tokens;
mod uploaded;
mod waits;

use std::net::SocketAddr;
use std::time::Duration;
use tiebreak_client::{Doc, SyncStatus, Tiebreak, TiebreakConfig};

/// How long anything may take before a test gives up.
const SOON: Duration = Duration::from_secs(20);

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A client that tries again soon.
fn config(folder: &tempfile::TempDir, server: SocketAddr) -> TiebreakConfig {
    TiebreakConfig::new(folder.path())
        .url(format!("ws://{server}/automerge"))
        .backoff(Duration::from_millis(50), Duration::from_millis(500))
}

async fn until_json(document: &Doc, wanted: serde_json::Value) {
    use futures_util::StreamExt;
    let mut states = std::pin::pin!(document.watch());
    let reached = async {
        while let Some(state) = states.next().await {
            if state.json == wanted {
                return;
            }
        }
        panic!("the document went away");
    };
    if tokio::time::timeout(SOON, reached).await.is_err() {
        panic!("still {} instead of {wanted}", document.to_json().await.expect("readable"));
    }
}

/// Waits until the client says so of itself.
async fn until_status(client: &Tiebreak, what: &str, holds: impl Fn(&SyncStatus) -> bool) -> SyncStatus {
    use futures_util::StreamExt;
    let mut statuses = std::pin::pin!(client.status_stream());
    let reached = async {
        while let Some(status) = statuses.next().await {
            if holds(&status) {
                return status;
            }
        }
        panic!("the client went away");
    };
    match tokio::time::timeout(SOON, reached).await {
        Ok(status) => status,
        Err(_elapsed) => panic!("still waiting for {what}: {:?}", client.status()),
    }
}
