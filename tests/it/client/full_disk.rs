//! The device's disk is full: edits are refused in words, reading goes on, and it goes on by itself with more space.

use super::{SOON, folder, until_status};
use crate::storage_trouble::SmallDisk;
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};
use tiebreak_client::{ChangeError, ConnectionState, Doc, StoreError, Tiebreak, TiebreakConfig};
use tiebreak_tests::dice::Dice;
use tiebreak_tests::server_process::ServerProcess;

/// Edits of about ten kilobytes: more than fit into what the store holds in reserve.
const EDITS_MAX: i64 = 4_000;

/// Writes until the disk is full; answers the last number that was kept.
async fn write_until_full(note: &Doc) -> i64 {
    let mut dice = Dice::new(8);
    for n in 1..EDITS_MAX {
        let text: String = (0..600).map(|_| format!("{:016x}", dice.roll())).collect();
        let written = note
            .change(|edit| {
                edit.put("text", text)?;
                edit.put("n", n)
            })
            .await;
        match written {
            Ok(()) => {}
            Err(ChangeError::Storage(StoreError::Full)) => return n - 1,
            Err(error) => panic!("edit {n}: {error:?}"),
        }
    }
    panic!("the disk was never full");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_edits_serves_reads_and_with_space_all_goes_on_and_up() {
    let (disk, data) = (SmallDisk::new("24m"), folder());
    let server = ServerProcess::start(data.path(), &["--document-bytes-max", "200000000"]);
    let config = TiebreakConfig::new(disk.path().join("data"))
        .url(format!("ws://{}/automerge", server.address()))
        .limits(tiebreak_client::Limits { document_bytes_max: 200_000_000, ..Default::default() });
    let client = Tiebreak::open(config.clone()).await.expect("opens");
    let note = client.create(&json!({ "n": 0 })).await.expect("made");
    client.wait_for_upload(SOON).await.expect("uploaded");
    client.disconnect();
    until_status(&client, "the goodbye", |status| status.state == ConnectionState::Offline).await;
    let ballast = disk.path().join("ballast");
    let mut fill = Command::new("dd");
    fill.args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", ballast.display()));
    fill.output().expect("dd runs, into the end of the disk");

    let kept = write_until_full(&note).await;
    assert_eq!(note.get("n").await.expect("readable"), Some(json!(kept)));
    assert_eq!(client.find(note.id()).await.expect("here").id(), note.id());
    let pending = usize::try_from(kept).expect("small");
    let status = until_status(&client, "the truth", |status| status.pending_changes == pending).await;
    assert!(status.last_error.is_some(), "it says what is wrong");

    std::fs::remove_file(&ballast).expect("removed");
    let began = Instant::now();
    while let Err(error) = note.change(|edit| edit.put("after", true)).await {
        assert!(began.elapsed() < SOON, "still: {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client.connect();
    client.wait_for_upload(SOON).await.expect("uploaded");
    let stored: serde_json::Value =
        serde_json::from_str(&server.get(&format!("/v1/documents/{}", note.id()))).expect("JSON");
    assert_eq!((&stored["n"], &stored["after"]), (&json!(kept), &json!(true)));
    client.close().await;

    let again = Tiebreak::open(config.offline()).await.expect("opens again");
    let note = again.find(note.id()).await.expect("here");
    assert_eq!(note.to_json().await.expect("readable"), stored);
    assert_eq!(again.status().pending_changes, 0);
    again.close().await;
}
