//! However much a hostile server says, a device takes no more memory than its limits allow.

use super::config;
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ROOT};
use bytes::Bytes;
use serde_json::json;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tiebreak_client::Tiebreak;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{ChangeHash, DocumentId, ExtensionFrame, Frame, Heads};
use tiebreak_tests::hostile_changes::Endless;
use tiebreak_tests::scripted_server::{Answer, Conversation, ScriptedServer};
use tiebreak_tests::wait::until;
use tungstenite::Message;

/// The address of the server that a child process is to visit.
const SERVER: &str = "CONFINED_CLIENT_SERVER";

/// What a device may take at its peak: a message of 16 MiB that unfolds to 64, one such in each of the places where
/// they wait, and a document of 32 MiB with what the library makes of it.
const PEAK_KIB_MAX: u64 = 768 * 1024;

const MIB: usize = 1024 * 1024;

type Attack = fn(&mut Conversation, DocumentId);

const ATTACKS: [(&str, Attack); 6] = [
    ("bombs that unfold to a thousand times their size", bombs),
    ("giant messages of nothing", giants),
    ("documents that nobody asked for", strangers),
    ("parts without end", parts),
    ("heads and wishes without end", heads),
    ("control frames without end", pings),
];

fn sync(change: (ChangeHash, Bytes), times: usize) -> SyncMessage {
    SyncMessage { heads: vec![change.0], changes: vec![change.1; times], ..SyncMessage::default() }
}

fn bombs(conversation: &mut Conversation, document: DocumentId) {
    let mut author = AutoCommit::new().with_actor(ActorId::from(vec![7; 16]));
    let mut bomb = |letter: char| {
        let text: String = std::iter::repeat_n(letter, MIB - 2_000).collect();
        author.put(ROOT, "text", text).expect("writable");
        let hash = author.commit().expect("a change");
        let mut change = author.get_change_by_hash(&hash).expect("it was just made");
        (ChangeHash(hash.0), Bytes::from(change.bytes().into_owned()))
    };
    let (heads, bombs): (Vec<_>, Vec<_>) = ('a'..='z').cycle().take(40).map(&mut bomb).unzip();
    assert!(bombs.iter().all(|bomb| bomb.len() < 10_000), "they are small on the wire");
    let message = SyncMessage { heads, changes: vec![bombs; 20].concat(), ..SyncMessage::default() };
    for _ in 0..40 {
        if !conversation.say_sync(document, &message) {
            return;
        }
    }
}

fn giants(conversation: &mut Conversation, document: DocumentId) {
    let nothing: Bytes = vec![7; 15 * MIB].into();
    let message = SyncMessage { changes: vec![nothing], ..SyncMessage::default() };
    for _ in 0..10 {
        conversation.say_sync(document, &message);
    }
    conversation.say_message(Message::Binary(vec![0; 17 * MIB].into()));
}

fn strangers(conversation: &mut Conversation, _: DocumentId) {
    let change = Endless::new(1, 100_000).next_change();
    let message = sync(change, 1);
    for n in 1..=3_000_u128 {
        if !conversation.say_sync(DocumentId::from_bytes(n.to_be_bytes()), &message) {
            return;
        }
    }
}

fn parts(conversation: &mut Conversation, document: DocumentId) {
    let mut endless = Endless::new(9, MIB - 2_000);
    for _ in 0..40 {
        let change = endless.next_change();
        let heads: Heads = [change.0].into_iter().collect();
        let (sender, target) = ("the-server".parse().expect("a name"), "a-device".parse().expect("a name"));
        let frame = ExtensionFrame::More { document, heads };
        conversation.say(&Frame::Extension { sender, target, frame });
        if !conversation.say_sync(document, &sync(change, 8)) {
            return;
        }
    }
}

fn heads(conversation: &mut Conversation, document: DocumentId) {
    let many = |seed: u8| -> Vec<_> {
        let name = |n: u32| {
            let mut hash = [seed; 32];
            hash[..4].copy_from_slice(&n.to_be_bytes());
            ChangeHash(hash)
        };
        (0..200_000).map(name).collect()
    };
    for seed in 0..20 {
        let message = SyncMessage { heads: many(seed), need: many(seed + 1), ..SyncMessage::default() };
        if !conversation.say_sync(document, &message) {
            return;
        }
    }
}

fn pings(conversation: &mut Conversation, _: DocumentId) {
    for _ in 0..20_000 {
        if !conversation.say_message(Message::Ping(vec![1; 100].into())) {
            return;
        }
    }
}

#[test]
fn a_hostile_server_cannot_fill_the_memory_of_a_device() {
    let over = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&over);
    let server = ScriptedServer::start(move |visit| {
        let (number, counted) = (visit.number, Arc::clone(&counted));
        Answer::Talk(Box::new(move |conversation| {
            conversation.welcome();
            let asked = conversation.hear_sync();
            if let (Some((document, _)), Some((_, attack))) = (asked, ATTACKS.get(number)) {
                attack(conversation, document);
                counted.fetch_add(1, Ordering::Relaxed);
            }
            conversation.close(4503);
        }))
    });
    let mut child = Command::new(std::env::current_exe().expect("known"))
        .args(["--exact", "client::memory::a_client_that_is_watched", "--test-threads", "1"])
        .env(SERVER, server.address().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("started");
    for (number, (attack, _)) in ATTACKS.iter().enumerate() {
        until(attack, || (over.load(Ordering::Relaxed) > number).then_some(()));
    }
    let peak = peak_kib(child.id());
    // The end of what it hears from us tells it to come to an end.
    drop(child.stdin.take());
    let status = child.wait().expect("it ends");
    assert!(status.success(), "it does not work any more: {status}");
    assert!(peak < PEAK_KIB_MAX, "{} MiB", peak / 1024);
}

/// The most memory that a process has ever held.
fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it is alive");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Run by the test above in a process of its own; by itself it has no server to visit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_watched() {
    let Some(server) = std::env::var(SERVER).ok().and_then(|address| address.parse().ok()) else { return };
    let local = super::folder();
    let client = Tiebreak::open(config(&local, server).offline()).await.expect("opens");
    let note = client.create(&json!({ "mine": 0 })).await.expect("made");
    client.connect();
    let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    end.await.expect("no panic").expect("readable");
    note.change(|edit| edit.put("mine", 1)).await.expect("it works as ever");
    assert_eq!(note.get("mine").await.expect("readable"), Some(json!(1)));
    client.close().await;
}
