//! Stores that were copied or rolled back must not make two different changes under one name.

use super::{SOON, config, folder};
use serde_json::{Value, json};
use std::path::Path;
use tiebreak_client::{DocumentId, SyncError, Tiebreak, TiebreakConfig};
use tiebreak_tests::server_process::ServerProcess;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

/// Opens a store without a network, writes under one key as often as told, and closes it.
async fn edit_offline(path: &Path, id: DocumentId, key: &str, edits: i64) {
    let client = Tiebreak::open(TiebreakConfig::new(path)).await.expect("opens");
    let note = client.find(id).await.expect("here");
    for n in 1..=edits {
        note.change(|edit| edit.put(key, n)).await.expect("changed");
    }
    client.close().await;
}

/// Brings a store in step; nothing may be refused on the way.
async fn sync(path: &Path, server: &ServerProcess) {
    let config = TiebreakConfig::new(path).url(format!("ws://{}/automerge", server.address())).offline();
    let client = Tiebreak::open(config).await.expect("opens");
    let report = client.sync_once(SOON).await.expect("in step");
    assert_eq!(report.status.pending_changes, 0);
    assert!(!matches!(report.status.last_error, Some(SyncError::Refused { .. })), "{report:?}");
    client.close().await;
}

fn stored(server: &ServerProcess, id: DocumentId) -> Value {
    serde_json::from_str(&server.get(&format!("/v1/documents/{id}"))).expect("JSON")
}

fn refusals(server: &ServerProcess) -> Vec<String> {
    let metrics = server.get("/metrics");
    let refusals = metrics.lines().filter(|line| line.starts_with("tiebreak_refusals_total"));
    refusals.filter(|line| !line.ends_with(" 0")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_copied_is_two_devices_from_then_on() {
    let (data, first, second) = (folder(), folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let client = Tiebreak::open(config(&first, server.address())).await.expect("opens");
    let id = client.create(&json!({ "title": "shared" })).await.expect("made").id();
    client.wait_for_upload(SOON).await.expect("uploaded");
    client.close().await;
    edit_offline(first.path(), id, "before", 3).await;
    copy(first.path(), second.path());

    edit_offline(first.path(), id, "first", 5).await;
    edit_offline(second.path(), id, "second", 7).await;
    sync(first.path(), &server).await;
    sync(second.path(), &server).await;
    sync(first.path(), &server).await;
    assert_eq!(stored(&server, id), json!({ "title": "shared", "before": 3, "first": 5, "second": 7 }));
    assert_eq!(refusals(&server), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_rolled_back_goes_on_as_another_actor_and_gets_back_what_it_lost() {
    let (data, local, backup) = (folder(), folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let client = Tiebreak::open(config(&local, server.address())).await.expect("opens");
    let id = client.create(&json!({ "title": "shared" })).await.expect("made").id();
    client.wait_for_upload(SOON).await.expect("uploaded");
    client.close().await;
    copy(local.path(), backup.path());

    edit_offline(local.path(), id, "lost", 4).await;
    sync(local.path(), &server).await;
    // The old copy is put back, twice, as a machine might be restored again and again.
    for round in 1..=2 {
        std::fs::remove_dir_all(local.path()).expect("removed");
        copy(backup.path(), local.path());
        edit_offline(local.path(), id, &format!("round {round}"), 6).await;
        sync(local.path(), &server).await;
    }
    let all = json!({ "title": "shared", "lost": 4, "round 1": 6, "round 2": 6 });
    assert_eq!(stored(&server, id), all);
    assert_eq!(refusals(&server), Vec::<String>::new());
    let client = Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("opens");
    let note = client.find(id).await.expect("here");
    assert_eq!(note.to_json().await.expect("readable"), all);
    client.close().await;
}
