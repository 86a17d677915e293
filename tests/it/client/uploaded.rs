//! "Uploaded" means that the server said durable.

use super::{SOON, config, folder, until_status};
use serde_json::json;
use std::sync::mpsc;
use std::time::Duration;
use tiebreak_client::{ConnectionState, Tiebreak, WaitError};
use tiebreak_document::{Have, SyncMessage};
use tiebreak_protocol::{ChangeHash, ExtensionFrame, Frame};
use tiebreak_tests::scripted_server::{Answer, Conversation, ScriptedServer};
use tiebreak_tests::server_process::ServerProcess;

/// As long as a wait that must not end is given.
const A_MOMENT: Duration = Duration::from_millis(300);

/// Asks for everything, tells the test when it has it, and keeps silent about it.
fn take_without_a_word(conversation: &mut Conversation, taken: &mpsc::Sender<usize>) {
    let Some((document, _)) = conversation.hear_sync() else { return };
    let nothing = SyncMessage { have: vec![Have::everything_up_to(&[])], ..SyncMessage::default() };
    conversation.say_sync(document, &nothing);
    while let Some((_, message)) = conversation.hear_sync() {
        taken.send(message.changes.len()).ok();
    }
}

fn silent_server() -> (ScriptedServer, mpsc::Receiver<usize>) {
    let (taken, takes) = mpsc::channel();
    let server = ScriptedServer::start(move |_| {
        let taken = taken.clone();
        Answer::talk(move |conversation| take_without_a_word(conversation, &taken))
    });
    (server, takes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_the_server_took_without_a_word_stay_pending() {
    let local = folder();
    let (server, takes) = silent_server();
    let client = Tiebreak::open(config(&local, server.address())).await.expect("opens");
    let note = client.create(&json!({ "n": 1 })).await.expect("made");
    note.change(|edit| edit.put("n", 2)).await.expect("changed");
    while takes.recv_timeout(SOON).expect("the changes leave") == 0 {}
    let timeout = WaitError::Timeout { pending_changes: 2, last_error: None };
    assert_eq!(client.wait_for_upload(A_MOMENT).await, Err(timeout.clone()));
    assert_eq!(note.wait_for_upload(A_MOMENT).await, Err(timeout.clone()));
    assert_eq!(client.sync_once(A_MOMENT).await, Err(timeout));
    assert_eq!(client.status().state, ConnectionState::Connected);
    assert!(note.snapshot().await.expect("readable").has_pending_writes());
    client.close().await;

    // Nor does it say anything else while it reads and connects again.
    for _ in 0..20 {
        let again = Tiebreak::open(config(&local, server.address())).await.expect("opens again");
        assert_eq!(again.status().pending_changes, 2);
        let note = again.find(note.id()).await.expect("here");
        assert_eq!(note.pending_changes(), 2);
        let answered = until_status(&again, "an answer, or a lie", |status| {
            status.pending_changes != 2 || status.uploading
        });
        assert_eq!(answered.await.pending_changes, 2);
        again.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_nobody_has_confirm_nothing() {
    let local = folder();
    let (done, is_done) = mpsc::channel();
    let server = ScriptedServer::start(move |_| {
        let done = done.clone();
        Answer::talk(move |conversation| {
            let Some((document, _)) = conversation.hear_sync() else { return };
            let heads = [ChangeHash([7; 32])].into_iter().collect();
            let (sender, target) = ("the-server".parse().unwrap(), "a-device".parse().unwrap());
            let frame = ExtensionFrame::Durable { document, heads };
            conversation.say(&Frame::Extension { sender, target, frame });
            let lie = SyncMessage { heads: vec![ChangeHash([7; 32])], ..SyncMessage::default() };
            conversation.say_sync(document, &lie);
            // Its answer shows that the lies have arrived.
            conversation.hear_sync();
            done.send(()).ok();
        })
    });
    let client = Tiebreak::open(config(&local, server.address())).await.expect("opens");
    client.create(&json!({ "n": 1 })).await.expect("made");
    is_done.recv_timeout(SOON).expect("the lies have arrived");
    assert_eq!(
        client.wait_for_upload(A_MOMENT).await,
        Err(WaitError::Timeout { pending_changes: 1, last_error: None })
    );
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_a_document_ends_when_the_client_is_closed_or_not_let_in() {
    let local = folder();
    let (server, _takes) = silent_server();
    let client = Tiebreak::open(config(&local, server.address())).await.expect("opens");
    let note = client.create(&json!({})).await.expect("made");
    let waiting = tokio::spawn({
        let note = note.clone();
        async move { note.wait_for_upload(Duration::from_secs(3600)).await }
    });
    until_status(&client, "the connection", |status| status.state == ConnectionState::Connected).await;
    client.close().await;
    let ended = tokio::time::timeout(SOON, waiting).await.expect("the wait ends").expect("no panic");
    assert_eq!(ended, Err(WaitError::Closed));

    let other = folder();
    let strict = ScriptedServer::start(|_| Answer::Close(4403));
    let client = Tiebreak::open(config(&other, strict.address())).await.expect("opens");
    let note = client.create(&json!({})).await.expect("made");
    let wait = note.wait_for_upload(Duration::from_secs(3600));
    let ended = tokio::time::timeout(SOON, wait).await.expect("the wait ends");
    assert!(matches!(ended, Err(WaitError::Stopped { .. })), "{ended:?}");
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_everything_was_last_in_step_outlives_a_restart_and_counts_for_its_server_alone() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let client = Tiebreak::open(config(&local, server.address())).await.expect("opens");
    assert_eq!(client.status().last_synced_at, None);
    client.create(&json!({})).await.expect("made");
    client.sync_once(SOON).await.expect("in step");
    client.close().await;
    let before = client.status().last_synced_at.expect("it was in step");

    let again = Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens again");
    let kept = again.status().last_synced_at.expect("it is kept");
    assert!(again.status().has_synced());
    // To the millisecond.
    assert_eq!(before.duration_since(kept).expect("not later").as_millis(), 0);
    again.close().await;

    let elsewhere = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let other = Tiebreak::open(config(&local, elsewhere).offline()).await.expect("opens");
    assert_eq!(other.status().last_synced_at, None);
    other.close().await;
}
