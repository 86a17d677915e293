//! What the server will never take: the waits end with a word, nothing is lost, and nothing else is held back.

use super::{SOON, config, folder, until_status};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tiebreak_client::{ChangeHash, ConnectionState, DocumentId, Tiebreak, WaitError};
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{ExtensionFrame, Frame, Refusal};
use tiebreak_tests::scripted_server::{Answer, Conversation, ScriptedServer};
use tiebreak_tests::server_process::ServerProcess;

fn delete_on(server: &ServerProcess, document: DocumentId) {
    let mut stream = TcpStream::connect(server.address()).expect("the server accepts");
    let request =
        format!("DELETE /v1/documents/{document} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

fn code_of(answer: &Result<(), WaitError>) -> Option<(DocumentId, &'static str)> {
    if let Err(WaitError::Refused { document, code, .. }) = answer { Some((*document, code)) } else { None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_beyond_the_servers_limit_ends_the_waits_once_everything_else_is_up() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &["--change-bytes-max", "10000"]);
    let client = Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens");
    let good = client.create(&json!({ "title": "small" })).await.expect("made");
    let bad = client.create(&json!({ "title": "small" })).await.expect("made");
    bad.change(|edit| edit.put("text", "x".repeat(20_000))).await.expect("this device takes it");
    bad.change(|edit| edit.put("title", "behind it")).await.expect("changed");

    let refused = Some((bad.id(), "change_too_large"));
    let synced = client.sync_once(SOON).await.map(drop);
    assert_eq!(code_of(&synced), refused, "{synced:?}");
    client.connect();
    let all = client.wait_for_upload(SOON).await;
    assert_eq!(code_of(&all), refused, "{all:?}");
    let one = bad.wait_for_upload(SOON).await;
    assert_eq!(code_of(&one), refused, "{one:?}");
    assert_eq!(good.wait_for_upload(SOON).await, Ok(()));

    let status = client.status();
    assert_eq!((status.pending_documents, status.pending_changes), (1, 2), "the count stays true");
    assert!(!status.has_synced(), "not everything was ever in step");
    assert_eq!(server.get(&format!("/v1/documents/{}", good.id())).trim(), r#"{"title":"small"}"#);
    assert_eq!(server.get(&format!("/v1/documents/{}", bad.id())).trim(), r#"{"title":"small"}"#);
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_deleted_on_the_server_ends_the_waits_and_stays_readable_here() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let client = Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens");
    let note = client.create(&json!({ "n": 0 })).await.expect("made");
    client.sync_once(SOON).await.expect("uploaded");
    delete_on(&server, note.id());
    note.change(|edit| edit.put("n", 1)).await.expect("changed");
    for round in 0..2 {
        let synced = client.sync_once(SOON).await.map(drop);
        assert_eq!(code_of(&synced), Some((note.id(), "document_deleted")), "round {round}: {synced:?}");
    }
    assert!(note.pending_changes() > 0);
    assert_eq!(note.get("n").await.expect("readable"), Some(json!(1)));

    // The person copies what is left, and lets go of the rest.
    let copy = client.create(&note.to_json().await.expect("readable")).await.expect("made");
    client.delete(note.id()).await.expect("deleted");
    client.sync_once(SOON).await.expect("nothing is left that is refused");
    assert_eq!(server.get(&format!("/v1/documents/{}", copy.id())).trim(), r#"{"n":1}"#);
    client.close().await;
}

/// Refuses every change that comes, with this code.
fn refuse_all(conversation: &mut Conversation, refusal: Refusal) {
    while let Some((document, message)) = conversation.hear_sync() {
        if message.changes.is_empty() {
            conversation.say_sync(document, &SyncMessage::default());
            continue;
        }
        let change = message.heads.first().map(|head| ChangeHash(head.0));
        let (code, detail) = (refusal.code().to_owned(), refusal.to_string());
        let frame = ExtensionFrame::Refused { document, change, code, detail, path: None };
        let (sender, target) = ("the-server".parse().expect("a name"), "a-device".parse().expect("a name"));
        conversation.say(&Frame::Extension { sender, target, frame });
    }
}

async fn leave(client: &Tiebreak) {
    client.disconnect();
    until_status(client, "the goodbye", |status| status.state == ConnectionState::Offline).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_may_pass_is_waited_for_and_one_of_an_old_connection_counts_no_more() {
    let local = folder();
    let server = ScriptedServer::start(|visit| {
        let number = visit.number;
        Answer::talk(move |conversation| match number {
            0 => refuse_all(conversation, Refusal::StorageFull),
            1 => refuse_all(conversation, Refusal::DocumentTooLarge),
            _ => {
                while let Some((document, message)) = conversation.hear_sync() {
                    // It has everything by now.
                    conversation
                        .say_sync(document, &SyncMessage { heads: message.heads, ..SyncMessage::default() });
                }
            }
        })
    });
    let client = Tiebreak::open(config(&local, server.address()).offline()).await.expect("opens");
    let note = client.create(&json!({})).await.expect("made");
    client.connect();
    until_status(&client, "the refusal", |status| status.last_error.is_some()).await;
    let timeout = Err(WaitError::Timeout { pending_changes: 1, last_error: None });
    assert_eq!(client.wait_for_upload(Duration::from_millis(100)).await, timeout);
    leave(&client).await;
    client.connect();
    let answer = client.wait_for_upload(SOON).await;
    assert_eq!(code_of(&answer), Some((note.id(), "document_too_large")), "{answer:?}");
    leave(&client).await;
    client.connect();
    until_status(&client, "everything to be uploaded", |status| status.pending_changes == 0).await;
    client.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_deleted_here_while_the_app_holds_it_keeps_nobody_from_getting_in_step() {
    let (data, local) = (folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let config = config(&local, server.address()).documents_in_sync_max(1);
    let client = Tiebreak::open(config).await.expect("opens");
    let held = client.create(&json!({})).await.expect("made");
    client.wait_for_upload(SOON).await.expect("uploaded");
    client.delete(held.id()).await.expect("deleted");
    let other = client.create(&json!({ "other": true })).await.expect("made");
    let report = client.sync_once(SOON).await.expect("in step");
    assert_eq!(report.status.last_error, None, "to delete is no failure");
    assert_eq!(server.get(&format!("/v1/documents/{}", other.id())).trim(), r#"{"other":true}"#);
    assert_eq!(held.heads(), Default::default(), "the handle is still there");
    client.close().await;
}
