//! A hostile server can neither crash the device nor fill it, and nothing of it is stored that the gatekeeper
//! refuses.

use super::{SOON, config, folder, until_status};
use bytes::Bytes;
use serde_json::json;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tiebreak_client::{
    ConnectionState, Doc, Limits, RefusedBy, SyncError, SyncStatus, Tiebreak, TiebreakConfig,
};
use tiebreak_document::{SyncMessage, check_change, split_chunks};
use tiebreak_protocol::{ChangeHash, DocumentId, Frame, Refusal};
use tiebreak_tests::dice::Dice;
use tiebreak_tests::hostile_changes::{Endless, corpus, orphans};
use tiebreak_tests::scripted_server::{Answer, Conversation, ScriptedServer};
use tungstenite::Message;

/// What a server says in a conversation.
type Script = Arc<dyn Fn(&mut Conversation) + Send + Sync>;

/// A client with one document that nobody else has, at the mercy of a server.
struct Victim {
    local: tempfile::TempDir,
    client: Tiebreak,
    note: Doc,
    _server: ScriptedServer,
}

impl Victim {
    async fn of(script: impl Fn(&mut Conversation) + Send + Sync + 'static) -> Self {
        Self::with_limits(Limits::default(), script).await
    }

    async fn with_limits(limits: Limits, script: impl Fn(&mut Conversation) + Send + Sync + 'static) -> Self {
        let (local, script) = (folder(), Arc::new(script));
        let server = ScriptedServer::start(move |_| {
            let script = Arc::clone(&script);
            Answer::talk(move |conversation| script(conversation))
        });
        let config = config(&local, server.address()).limits(limits).offline();
        let client = Tiebreak::open(config).await.expect("opens");
        let note = client.create(&json!({ "mine": 0 })).await.expect("made");
        client.connect();
        Self { local, client, note, _server: server }
    }

    async fn until_error(&self, what: &str, is_it: impl Fn(&SyncError) -> bool) -> SyncStatus {
        until_status(&self.client, what, |status| status.last_error.as_ref().is_some_and(&is_it)).await
    }

    /// It works as if nothing had been, and what it has is its own.
    async fn stays_unharmed(self) {
        for n in 1..=3 {
            self.note.change(|edit| edit.put("mine", n)).await.expect("changed");
        }
        assert_eq!(self.note.to_json().await.expect("readable"), json!({ "mine": 3 }));
        assert_eq!(self.client.status().pending_changes, 4, "it never reached a server's disk");
        tokio::time::timeout(SOON, self.client.close()).await.expect("closes");
        let again = Tiebreak::open(TiebreakConfig::new(self.local.path())).await.expect("opens again");
        assert_eq!(again.list().await.expect("listed"), [self.note.id()]);
        let note = again.find(self.note.id()).await.expect("here");
        assert_eq!(note.to_json().await.expect("readable"), json!({ "mine": 3 }));
        assert_eq!(again.status().pending_changes, 4);
        again.close().await;
    }
}

/// The code with which a run of chunks is refused; `None` if there is something good in it: what is bad as one change
/// may be several good ones in a row.
fn code_of(run: &Bytes) -> Option<&'static str> {
    let Ok(chunks) = split_chunks(run.clone()) else { return Some("malformed_change") };
    let codes = chunks.into_iter().map(|chunk| check_change(chunk, &Limits::default()).err());
    codes.reduce(|one, other| one.and(other)).flatten().map(Refusal::code)
}

fn is_connection(error: &SyncError) -> bool {
    matches!(error, SyncError::Connection { .. })
}

fn is_refused(error: &SyncError) -> bool {
    matches!(error, SyncError::Refused { refused, .. } if refused.by == RefusedBy::Device)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_none_end_the_connection_and_nothing_else() {
    let mut dice = Dice::new(1);
    let garbage: Bytes = (0..1000).map(|_| dice.roll().to_le_bytes()[0]).collect();
    let truncated = |conversation: &mut Conversation| {
        if let Some((document, message)) = conversation.hear_sync() {
            let whole = Frame::DocUnavailable {
                document,
                sender: "the-server".parse().unwrap(),
                target: "a-device".parse().unwrap(),
            };
            let whole = whole.encode();
            conversation.say_data(document, message.encode().slice(..10));
            conversation.say_raw(whole.slice(..whole.len() / 2));
        }
    };
    let scripts: [Script; 4] = [
        Arc::new(move |conversation| {
            conversation.say_raw(garbage.clone());
        }),
        Arc::new(|conversation| {
            conversation.say_raw(Bytes::new());
        }),
        Arc::new(truncated),
        Arc::new(|conversation| {
            if let Some((document, _)) = conversation.hear_sync() {
                conversation.say_data(document, Bytes::from_static(b"B garbage"));
            }
        }),
    ];
    for script in scripts {
        let victim = Victim::of(move |conversation| script(conversation)).await;
        victim.until_error("the connection to be given up", is_connection).await;
        victim.stays_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_over_the_size_limit_ends_the_connection() {
    let limits = Limits { message_bytes_max: 64 * 1024, ..Limits::default() };
    let victim = Victim::with_limits(limits, |conversation| {
        conversation.say_message(Message::Binary(vec![0; 65 * 1024].into()));
    })
    .await;
    victim.until_error("the connection to be given up", is_connection).await;
    victim.stays_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_change_of_the_corpus_is_refused_with_its_code_and_changes_nothing() {
    for (code, run) in corpus().into_iter().filter_map(|(_, run)| Some((code_of(&run)?, run))) {
        let victim = Victim::of(move |conversation| {
            let Some((document, _)) = conversation.hear_sync() else { return };
            // Many times over: one that inflates does so for each.
            let changes = vec![run.clone(); 50];
            conversation.say_sync(document, &SyncMessage { changes, ..SyncMessage::default() });
        })
        .await;
        let status = victim.until_error(code, |_| true).await;
        match status.last_error.expect("waited for") {
            SyncError::Refused { refused, .. } => assert_eq!(refused.code, code),
            // So little of a change that it is not even part of a message.
            error @ (SyncError::Connection { .. } | SyncError::Storage { .. } | _) => {
                assert_eq!((code, is_connection(&error)), ("malformed_change", true));
            }
        }
        victim.stays_unharmed().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_nobody_asked_for_are_not_kept() {
    let said = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&said);
    let victim = Victim::of(move |conversation| {
        for n in 0..2_000_u128 {
            let document = DocumentId::from_bytes((n + 1).to_be_bytes());
            let change = Endless::new(1, 1000).next_change();
            let message =
                SyncMessage { heads: vec![change.0], changes: vec![change.1], ..SyncMessage::default() };
            if !conversation.say_sync(document, &message) {
                return;
            }
            counted.fetch_add(1, Ordering::Relaxed);
        }
    })
    .await;
    let all_said = async {
        while said.load(Ordering::Relaxed) < 2_000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, all_said).await.expect("the client listens all the time");
    assert_eq!(victim.client.status().state, ConnectionState::Connected);
    victim.stays_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_grows_to_its_limit_and_no_further() {
    let limit = 256 * 1024;
    let limits = Limits { document_bytes_max: limit, ..Limits::default() };
    let victim = Victim::with_limits(limits, |conversation| {
        let Some((document, _)) = conversation.hear_sync() else { return };
        let mut endless = Endless::new(2, 8 * 1024);
        for _ in 0..200 {
            let (hash, bytes) = endless.next_change();
            let message = SyncMessage { heads: vec![hash], changes: vec![bytes], ..SyncMessage::default() };
            if !conversation.say_sync(document, &message) {
                return;
            }
        }
    })
    .await;
    let status = victim.until_error("the limit", is_refused).await;
    let Some(SyncError::Refused { refused, .. }) = status.last_error else { unreachable!("waited for") };
    // What follows from a change that is not taken lacks it.
    assert!(["document_too_large", "missing_dependencies"].contains(&refused.code.as_str()), "{refused}");
    let text = victim.note.get("text").await.expect("readable").expect("it got something");
    assert_eq!(text.as_str().map(str::len), Some(8 * 1024));
    let other = victim.client.create(&json!({ "other": true })).await.expect("but in others");
    assert_eq!(other.get("other").await.expect("readable"), Some(json!(true)));
    victim.client.close().await;
    assert!(bytes_in(victim.local.path()) < 40 * limit, "{} bytes", bytes_in(victim.local.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_whose_beginning_never_comes_are_let_go_of() {
    let victim = Victim::of(|conversation| {
        let Some((document, _)) = conversation.hear_sync() else { return };
        for (hash, bytes) in orphans(200, 1024) {
            let message = SyncMessage { heads: vec![hash], changes: vec![bytes], ..SyncMessage::default() };
            if !conversation.say_sync(document, &message) {
                return;
            }
        }
    })
    .await;
    victim.until_error("more to wait than there is place for", is_refused).await;
    victim.stays_unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_never_end_do_not_keep_the_app_from_working() {
    let rounds = Arc::new(Mutex::new(0_u64));
    let counted = Arc::clone(&rounds);
    let victim = Victim::of(move |conversation| {
        let mut dice = Dice::new(3);
        // Always something new that it has, and never brings.
        while let Some((document, _)) = conversation.hear_sync() {
            let mut head = [0; 32];
            head.fill_with(|| dice.roll().to_le_bytes()[0]);
            let heads = vec![ChangeHash(head)];
            conversation.say_sync(document, &SyncMessage { heads, ..SyncMessage::default() });
            *counted.lock().unwrap() += 1;
        }
    })
    .await;
    let many = async {
        while *rounds.lock().unwrap() < 500 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, many).await.expect("the conversation goes on");
    assert!(victim.client.status().downloading, "it says that it is not in step");
    victim.stays_unharmed().await;
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("readable");
    entries.map(|entry| entry.expect("readable").metadata().expect("readable").len()).sum()
}
