//! Budgets, at the limit and one past it, over a real socket.

use automerge::transaction::Transactable;
use automerge::{AutoCommit, ROOT};
use bytes::Bytes;
use std::time::Duration;
use tiebreak_document::check_change;
use tiebreak_protocol::{DocumentId, Frame, Limits};
use tiebreak_tests::peer::{Ended, Peer, open};
use tiebreak_tests::server_process::ServerProcess;
use tiebreak_tests::wait::until;
use tungstenite::Message;

const DOCUMENT: DocumentId = DocumentId::from_bytes([1; 16]);

fn server(flags: &[&str]) -> (ServerProcess, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    (ServerProcess::start(data.path(), flags), data)
}

fn refusals(server: &ServerProcess, code: &str) -> f64 {
    server.metric(&format!("tiebreak_refusals_total{{code=\"{code}\"}}"))
}

/// One change that puts a string of this length under a key.
fn change_with_string(length: usize) -> Bytes {
    let mut document = AutoCommit::new();
    let noise: String = (0..length).map(|n| char::from(b'!' + (n * 7919 % 89) as u8)).collect();
    document.put(ROOT, "key", noise).unwrap();
    document.commit().unwrap();
    let mut change = document.get_last_local_change().unwrap();
    Bytes::from(change.bytes().into_owned())
}

#[test]
fn a_message_at_the_limit_passes_and_one_byte_more_closes_the_connection() {
    let (server, _data) = server(&["--message-bytes-max", "5000"]);
    let padded = |length: usize| {
        let bare = Frame::Unknown { kind: String::new() }.encode().len() + 2;
        Frame::Unknown { kind: "x".repeat(length - bare) }.encode()
    };
    let mut peer = Peer::connect(server.address(), "peer");
    let at_limit = padded(5_000);
    assert_eq!(at_limit.len(), 5_000);
    peer.send_raw(at_limit).unwrap();
    peer.write(DOCUMENT, "key", 1).unwrap();
    peer.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    // The close may overtake the write of the rest.
    peer.send_raw(padded(5_001)).ok();
    assert_eq!(peer.until_end(), Ended::Closed(Some(4413)));
    until("the count", || (refusals(&server, "message_too_large") == 1.0).then_some(()));
}

#[test]
fn a_change_past_the_limit_is_refused_and_the_connection_goes_on() {
    let inflated = check_change(change_with_string(3_000), &Limits::default()).unwrap();
    // The limit counts the body: the chunk without magic, checksum, type and its length.
    const HEADER: usize = 4 + 4 + 1 + 2;
    let limit = inflated.plain_bytes().len() - HEADER;
    let (server, _data) = server(&["--change-bytes-max", &limit.to_string()]);
    let mut peer = Peer::connect(server.address(), "peer");
    peer.send(&peer.carrying(DOCUMENT, vec![change_with_string(3_001)])).unwrap();
    until("the refusal", || (refusals(&server, "change_too_large") == 1.0).then_some(()));
    peer.send(&peer.carrying(DOCUMENT, vec![change_with_string(3_000)])).unwrap();
    let mut reader = Peer::connect(server.address(), "reader");
    let has_content =
        |peer: &Peer| peer.content(DOCUMENT).is_some_and(|content| !content.get_heads().is_empty());
    reader.ask(DOCUMENT).unwrap();
    reader.until("the document", has_content).unwrap();
    assert_eq!(refusals(&server, "change_too_large"), 1.0);
}

#[test]
fn a_connection_that_says_nothing_is_closed_after_the_handshake_time() {
    let (server, _data) = server(&["--handshake-seconds", "1"]);
    let mut socket = open(server.address()).unwrap();
    let closed = until("the close", || match socket.read() {
        Ok(Message::Close(frame)) => Some(frame.map(|frame| u16::from(frame.code))),
        Ok(_other) => None,
        Err(error) => panic!("{error}"),
    });
    assert_eq!(closed, Some(4508));
}

#[test]
fn a_peer_that_does_not_read_is_closed_and_others_are_not_held_up() {
    let (server, _data) = server(&["--outbox-messages-max", "50", "--changes-per-second", "1000000"]);
    let mut lazy = Peer::connect(server.address(), "lazy");
    lazy.ask(DOCUMENT).unwrap();
    let mut writer = Peer::connect(server.address(), "writer");
    let filler = "x".repeat(200_000);
    until("the slow reader's end", || {
        for n in 0..20 {
            writer.write(DOCUMENT, &format!("key {filler}"), n).unwrap();
            writer
                .until("the answer", |peer| peer.is_acknowledged(DOCUMENT))
                .unwrap_or_else(|e| panic!("{e:?} at {n}: {}", server.log()));
        }
        (server.metric("tiebreak_connections") == 1.0).then_some(())
    });
    let mut again = Peer::connect(server.address(), "lazy");
    again.ask(DOCUMENT).unwrap();
    let last = writer.value(DOCUMENT, &format!("key {filler}"));
    again.until("everything", |peer| peer.value(DOCUMENT, &format!("key {filler}")) == last).unwrap();
}

#[test]
fn a_server_near_its_memory_cap_says_busy_instead_of_growing() {
    // No process is smaller than this cap, so the server is under pressure from its first look on.
    let (server, _data) = server(&["--memory-max-mib", "1"]);
    let refused = until("the pressure", || {
        let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
        let upgrade = "GET /automerge HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        std::io::Write::write_all(&mut stream, upgrade.as_bytes()).unwrap();
        let mut answer = vec![0; 2_000];
        let read = std::io::Read::read(&mut stream, &mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).to_lowercase();
        answer.starts_with("http/1.1 503").then_some(answer)
    });
    assert!(refused.contains("retry-after: "), "{refused}");
    assert!(refused.contains("\"busy\""), "{refused}");
    // Operators still get in.
    assert_eq!(server.get("/healthz"), "ok\n");
}

#[test]
fn one_connection_past_the_limit_is_told_to_come_back_and_the_others_stay() {
    let (server, _data) = server(&["--connections-max", "2"]);
    let mut ann = Peer::connect(server.address(), "ann");
    let bob = Peer::connect(server.address(), "bob");
    assert!(Peer::try_connect(server.address(), "eve").is_err());
    ann.write(DOCUMENT, "key", 1).unwrap();
    ann.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    drop(bob);
    until("the free place", || Peer::try_connect(server.address(), "eve").ok());
}

#[test]
fn a_peer_that_stays_silent_is_given_up_and_one_that_answers_pings_stays() {
    let (server, _data) = server(&["--silence-seconds", "1"]);
    let mut ann = Peer::connect(server.address(), "ann");
    // Who does not read answers no pings.
    let _silent = Peer::connect(server.address(), "silent");
    until("the silent one to be given up", || {
        ann.receive(Duration::from_millis(50)).unwrap();
        (server.metric("tiebreak_connections") == 1.0).then_some(())
    });
    assert_eq!(server.metric("tiebreak_silent_connections_total"), 1.0);
    ann.write(DOCUMENT, "key", 1).unwrap();
    ann.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
}

#[test]
fn one_document_past_the_limit_is_unavailable_and_the_others_go_on() {
    let (server, _data) = server(&["--documents-per-connection-max", "2"]);
    let document = |n| DocumentId::from_bytes([n; 16]);
    let mut peer = Peer::connect(server.address(), "peer");
    for n in [1, 2] {
        peer.write(document(n), "key", 1).unwrap();
        peer.until("the answer", |peer| peer.is_acknowledged(document(n))).unwrap();
    }
    assert_eq!(refusals(&server, "too_many_documents"), 0.0);
    peer.write(document(3), "key", 1).unwrap();
    peer.until("the refusal", |peer| peer.is_unavailable(document(3))).unwrap();
    assert_eq!(refusals(&server, "too_many_documents"), 1.0);
    peer.write(document(1), "key", 2).unwrap();
    peer.until("the answer", |peer| peer.is_acknowledged(document(1))).unwrap();
}

#[test]
fn a_sender_past_its_rate_is_read_more_slowly_and_loses_nothing() {
    let (server, _data) = server(&["--changes-per-second", "2", "--changes-burst", "3"]);
    let mut peer = Peer::connect(server.address(), "peer");
    let mut write = |n| {
        peer.write(DOCUMENT, "key", n).unwrap();
        peer.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
        server.metric("tiebreak_reading_paused_total")
    };
    assert_eq!([write(1), write(2), write(3)], [0.0; 3]);
    // Time gives back some of the burst while we write, but less than a change costs a fast writer.
    until("a pause", || (write(4) + write(5) + write(6) > 0.0).then_some(()));
}

#[test]
fn surplus_ephemeral_messages_are_dropped_and_counted() {
    let (server, _data) = server(&["--ephemeral-per-second", "1"]);
    let mut ann = Peer::connect(server.address(), "ann");
    ann.write(DOCUMENT, "key", 1).unwrap();
    ann.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    let mut count = 0;
    let mut shout = || {
        count += 1;
        let frame = ann.shouting(DOCUMENT, count);
        ann.send(&frame).unwrap();
    };
    shout();
    // The first may be followed by another after a second, not before.
    until("a refusal", || {
        shout();
        shout();
        (refusals(&server, "rate_exceeded") >= 1.0).then_some(())
    });
}

#[test]
fn a_change_whose_dependencies_do_not_come_waits_its_time_and_is_refused() {
    let (server, _data) = server(&["--waiting-seconds", "1"]);
    let mut author = AutoCommit::new();
    let mut write = |value| {
        author.put(ROOT, "key", value).unwrap();
        author.commit().unwrap();
        Bytes::from(author.get_last_local_change().unwrap().raw_bytes().to_vec())
    };
    let (first, second) = (write(1), write(2));
    let mut peer = Peer::connect(server.address(), "peer");
    peer.send(&peer.carrying(DOCUMENT, vec![second.clone()])).unwrap();
    until("the refusal", || (refusals(&server, "missing_dependencies") == 1.0).then_some(()));
    assert_eq!(server.metric("tiebreak_changes_appended_total"), 0.0);
    peer.send(&peer.carrying(DOCUMENT, vec![first, second])).unwrap();
    until("both", || (server.metric("tiebreak_changes_appended_total") == 2.0).then_some(()));
}

#[test]
fn a_document_at_its_limit_takes_no_more_and_is_still_served() {
    let (server, _data) = server(&["--document-bytes-max", "20000"]);
    let mut peer = Peer::connect(server.address(), "peer");
    let mut taken = 0;
    until("the refusal", || {
        let value = char::from(b'a' + (taken % 26) as u8).to_string().repeat(5_000);
        peer.write_text(DOCUMENT, &format!("key {taken}"), &value).unwrap();
        taken += 1;
        until("a verdict", || {
            peer.receive(Duration::from_millis(20)).unwrap();
            let is_refused = refusals(&server, "document_too_large") == 1.0;
            (is_refused || peer.is_acknowledged(DOCUMENT)).then_some(())
        });
        (refusals(&server, "document_too_large") == 1.0).then_some(())
    });
    assert!((2..=4).contains(&taken), "{taken} changes of 5 kB for 20 kB");
    let mut reader = Peer::connect(server.address(), "reader");
    reader.ask(DOCUMENT).unwrap();
    reader
        .until("the rest", |peer| peer.content(DOCUMENT).is_some_and(|c| !c.get_heads().is_empty()))
        .unwrap();
}
