//! Waiting, giving up on waiting, closing and clearing.

use super::{SOON, config, folder, until_status};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tiebreak_client::{ChangeError, ConnectionState, StoreError, Tiebreak, TiebreakConfig, WaitError};
use tiebreak_tests::dice::Dice;
use tiebreak_tests::scripted_server::{Answer, ScriptedServer};
use tiebreak_tests::server_process::ServerProcess;

fn is_connected(client: &Tiebreak) -> bool {
    client.status().state == ConnectionState::Connected
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn syncing_once_leaves_the_connection_as_the_app_wanted_it() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    // Wanted from the opening on, though it may not be there yet when `sync_once` begins.
    let client = Tiebreak::open(config(&local, server.address())).await.expect("opens");
    client.sync_once(SOON).await.expect("in step");
    client.create(&json!({})).await.expect("made");
    client.wait_for_upload(SOON).await.expect("there is a connection still");

    client.disconnect();
    until_status(&client, "the goodbye", |status| status.state == ConnectionState::Offline).await;
    // One after the other and at the same time.
    client.sync_once(SOON).await.expect("in step");
    client.sync_once(SOON).await.expect("in step");
    let (one, two) = tokio::join!(client.sync_once(SOON), client.sync_once(SOON));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    until_status(&client, "the goodbye", |status| status.state == ConnectionState::Offline).await;

    // What the app wants meanwhile counts.
    let (synced, ()) = tokio::join!(client.sync_once(SOON), async { client.connect() });
    synced.expect("in step");
    client.create(&json!({})).await.expect("made");
    client.wait_for_upload(SOON).await.expect("there is a connection still");
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_sync_once_anywhere_loses_nothing_and_leaves_no_connection() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let client = Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens");
    let note = client.create(&json!({ "n": 0 })).await.expect("made");
    let mut dice = Dice::new(5);
    for n in 1..=20 {
        note.change(|edit| edit.put("n", n)).await.expect("changed");
        let moment = Duration::from_micros(dice.below(8_000));
        // Either end will do.
        drop(tokio::time::timeout(moment, client.sync_once(SOON)).await);
    }
    until_status(&client, "the goodbye", |status| status.state == ConnectionState::Offline).await;
    let report = client.sync_once(SOON).await.expect("in step");
    assert_eq!(report.status.pending_changes, 0);
    assert_eq!(server.get(&format!("/v1/documents/{}", note.id())).trim(), "{\"n\":20}");
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_future_was_dropped_is_uploaded_if_it_was_made() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let client = Tiebreak::open(config(&local, server.address())).await.expect("opens");
    let mut dice = Dice::new(6);
    for n in 0..60 {
        let moment = Duration::from_micros(dice.below(1_500));
        drop(tokio::time::timeout(moment, client.create(&json!({ "n": n }))).await);
    }
    // The last is made in any case, and by then all others are, or never will be.
    client.create(&json!({ "n": 60 })).await.expect("made");
    until_status(&client, "everything to be uploaded", |status| status.pending_changes == 0).await;
    let here = client.list().await.expect("listed");
    assert!(here.len() > 1, "some were made");
    client.close().await;
    let again = Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens");
    assert_eq!(again.status().pending_changes, 0, "of {} documents", here.len());
    again.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_no_a_second_time_is_heard_a_second_time() {
    let local = folder();
    let server = ScriptedServer::start(|_| Answer::Close(4403));
    let client = Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens");
    for _ in 0..2 {
        let answer = client.sync_once(SOON).await;
        assert!(matches!(answer, Err(WaitError::Stopped { .. })), "{answer:?}");
    }
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_waits_end_with_what_is_missing() {
    let local = folder();
    let alone = Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("opens");
    alone.create(&json!({})).await.expect("made");
    assert_eq!(alone.sync_once(SOON).await, Err(WaitError::NoServer));
    assert_eq!(alone.wait_for_upload(SOON).await, Err(WaitError::NoServer));
    alone.close().await;

    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let apart = Tiebreak::open(config(&local, nobody)).await.expect("opens");
    until_status(&apart, "the first try to fail", |status| status.last_error.is_some()).await;
    let waited = apart.wait_for_upload(Duration::from_millis(50)).await.expect_err("nobody is there");
    let WaitError::Timeout { pending_changes: 1, last_error: Some(reason) } = &waited else {
        panic!("{waited:?}")
    };
    assert!(waited.to_string().contains(reason) && reason.contains("refused"), "{waited}");
    let waiting = tokio::spawn({
        let apart = apart.clone();
        async move { apart.wait_for_upload(Duration::from_secs(3600)).await }
    });
    apart.close().await;
    assert_eq!(waiting.await.expect("no panic"), Err(WaitError::Closed));
    assert_eq!(apart.wait_for_upload(SOON).await, Err(WaitError::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_that_race_the_closing_are_answered_and_kept_if_so_answered() {
    for round in 0..30 {
        let local = folder();
        let client = Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("opens");
        let note = client.create(&json!({})).await.expect("made");
        let id = note.id();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let note = note.clone();
                tokio::spawn(async move {
                    for n in 1_i64.. {
                        match note.change(|edit| edit.put(format!("{writer}"), n)).await {
                            Ok(()) => {}
                            Err(ChangeError::Closed) => return n - 1,
                            Err(error) => panic!("{error}"),
                        }
                    }
                    0
                })
            })
            .collect();
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(SOON, client.close()).await.expect("closes");
        let again = Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("opens again");
        let kept = again.find(id).await.expect("here");
        for (writer, made) in writers.into_iter().enumerate() {
            let made = tokio::time::timeout(SOON, made).await.expect("every edit is answered");
            let made = made.expect("no panic");
            let n = kept.get(writer.to_string()).await.expect("readable").and_then(|n| n.as_i64());
            assert!(n.unwrap_or_default() >= made, "round {round}: {n:?} instead of {made}");
        }
        again.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clearing_leaves_no_file_behind_and_the_directory_free() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let path = local.path().join("documents");
    let config = TiebreakConfig::new(&path).url(format!("ws://{}/automerge", server.address())).offline();
    let client = Tiebreak::open(config.clone()).await.expect("opens");
    let kept = client.create(&json!({ "kept": true })).await.expect("made").id();
    client.sync_once(SOON).await.expect("uploaded");
    let note = client.create(&json!({ "lost": true })).await.expect("made");
    client.connect();
    assert!(client.disconnect_and_clear().await.expect("cleared").discarded_changes <= 1);
    let left: Vec<_> = std::fs::read_dir(&path)
        .map(|entries| entries.map(|entry| entry.expect("readable").file_name()).collect())
        .unwrap_or_default();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
    assert!(matches!(note.change(|edit| edit.put("n", 1)).await, Err(ChangeError::Closed)));
    assert_eq!(client.list().await, Err(StoreError::Closed));

    let again = Tiebreak::open(config).await.expect("opens again");
    assert_eq!((again.list().await.expect("listed"), again.status().pending_changes), (vec![], 0));
    again.connect();
    again.find(kept).await.expect("the server has it");
    assert!(is_connected(&again));
    again.close().await;
}
