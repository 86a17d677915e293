//! What apps do every day.

use super::{SOON, config, folder, until_json};
use serde_json::json;
use tiebreak_client::{FindError, Tiebreak, TiebreakConfig};
use tiebreak_tests::server_process::ServerProcess;

#[tokio::test]
async fn what_one_device_writes_another_reads() {
    let data = folder();
    let server = ServerProcess::start(data.path(), &[]);
    let (phone_folder, laptop_folder) = (folder(), folder());
    let phone = Tiebreak::open(config(&phone_folder, server.address())).await.expect("opens");
    let laptop = Tiebreak::open(config(&laptop_folder, server.address())).await.expect("opens");

    let note = phone.create(&json!({ "title": "hello", "tags": {} })).await.expect("made");
    phone.wait_for_upload(SOON).await.expect("uploaded");
    assert_eq!(phone.status().pending_changes, 0);

    let same = laptop.find(note.id()).await.expect("found");
    assert_eq!(same.to_json().await.expect("readable"), json!({ "title": "hello", "tags": {} }));
    same.change(|edit| edit.put(["tags", "laptop"], true)).await.expect("changed");
    note.change(|edit| edit.put(["tags", "phone"], true)).await.expect("changed");
    let merged = json!({ "title": "hello", "tags": { "laptop": true, "phone": true } });
    until_json(&note, merged.clone()).await;
    until_json(&same, merged).await;
    phone.wait_for_upload(SOON).await.expect("uploaded");
    laptop.wait_for_upload(SOON).await.expect("uploaded");
    phone.close().await;
    laptop.close().await;
}

#[tokio::test]
async fn a_document_that_is_nowhere_is_not_found_and_leaves_no_trace() {
    let data = folder();
    let server = ServerProcess::start(data.path(), &[]);
    let local = folder();
    let client = Tiebreak::open(config(&local, server.address())).await.expect("opens");
    let nowhere = "4NMNnkMhL8jXrdJ9jamS58PAVdXu".parse().expect("an id");
    assert_eq!(client.find(nowhere).await.unwrap_err(), FindError::NotFound(nowhere));
    assert_eq!(client.list().await.expect("listed"), []);
    let report = client.sync_once(SOON).await.expect("in step");
    assert!(report.status.has_synced());
}

#[tokio::test]
async fn edits_made_without_a_server_are_pending_until_one_has_them_and_survive_the_app() {
    let data = folder();
    let local = folder();
    let offline = Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("opens");
    let note = offline.create(&json!({ "n": 0 })).await.expect("made");
    for n in 1..=5 {
        note.change(|edit| edit.put("n", n)).await.expect("changed");
    }
    assert_eq!((offline.status().pending_documents, offline.status().pending_changes), (1, 6));
    let id = note.id();
    offline.close().await;

    let server = ServerProcess::start(data.path(), &[]);
    let again = Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens again");
    assert_eq!(again.status().pending_changes, 6, "known from the first moment");
    let report = again.sync_once(SOON).await.expect("in step");
    assert_eq!((report.uploaded_changes, report.status.pending_changes), (6, 0));
    again.close().await;

    let once_more =
        Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens once more");
    assert_eq!(once_more.status().pending_changes, 0);
    let other = folder();
    let laptop = Tiebreak::open(config(&other, server.address())).await.expect("opens");
    let found = laptop.find(id).await.expect("found");
    assert_eq!(found.to_json().await.expect("readable"), json!({ "n": 5 }));
}
