//! Session behaviour, by exact effects.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one effect among all")]

mod access;

use super::*;
use crate::checked::REFUSALS_TOLD_MAX;
use crate::room::Received;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{EXTENSION, Ephemeral, PeerMetadata, SyncFrame};

const NOW: Moment = Moment { elapsed: Duration::ZERO, unix_ms: 0 };
const DOCUMENT: DocumentId = DocumentId::from_bytes([1; 16]);

fn name(text: &str) -> PeerId {
    text.parse().unwrap()
}

fn session_with(limits: Limits) -> Session {
    admitted(limits, Admission::Open)
}

fn admitted(limits: Limits, admission: Admission) -> Session {
    let server = ServerIdentity { peer: name("server"), storage: "storage".parse().unwrap() };
    Session::new(SessionId(1), Arc::new(server), Arc::new(limits), admission, NOW)
}

fn join(extensions: &[&str]) -> Frame {
    let extensions = extensions.iter().map(|name| (*name).to_owned()).collect();
    Frame::Join(Join::new(name("ann"), PeerMetadata { extensions, ..PeerMetadata::default() }))
}

fn joined(limits: Limits, extensions: &[&str]) -> Session {
    let mut session = session_with(limits);
    session.handle(NOW, Input::Binary(join(extensions).encode()));
    session
}

fn sync(document: DocumentId) -> Frame {
    let data = SyncMessage::default().encode();
    Frame::Sync(SyncFrame { document, sender: name("ann"), target: name("server"), data })
}

fn sync_with(changes: Vec<Bytes>) -> Frame {
    let data = SyncMessage { changes, ..SyncMessage::default() }.encode();
    Frame::Sync(SyncFrame { document: DOCUMENT, sender: name("ann"), target: name("server"), data })
}

fn received(effects: &[Effect]) -> &Received {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::ToRoom { input: room::Input::Received(received), .. } => Some(received),
        _other => None,
    });
    found.unwrap()
}

fn sent(effects: &[Effect]) -> Vec<Frame> {
    let frame = |effect: &Effect| match effect {
        Effect::Send(bytes) => Some(Frame::decode(bytes).unwrap()),
        _other => None,
    };
    effects.iter().filter_map(frame).collect()
}

fn closed_with(effects: &[Effect]) -> Option<Refusal> {
    effects.iter().find_map(|effect| if let Effect::Close(refusal) = effect { Some(*refusal) } else { None })
}

#[test]
fn a_join_is_answered_with_a_stable_storage_id_and_no_extension_that_was_not_asked_for() {
    let effects = session_with(Limits::default()).handle(NOW, Input::Binary(join(&[]).encode()));
    let Some(Frame::Peer(peer)) = sent(&effects).pop() else { panic!("no peer message") };
    let expected = PeerMetadata { storage_id: "storage".parse().ok(), ..PeerMetadata::default() };
    assert_eq!((peer.target, peer.metadata), (name("ann"), expected));
}

#[test]
fn the_extension_is_granted_to_a_peer_that_asks() {
    let effects =
        session_with(Limits::default()).handle(NOW, Input::Binary(join(&["x/9", EXTENSION]).encode()));
    let Some(Frame::Peer(peer)) = sent(&effects).pop() else { panic!("no peer message") };
    assert_eq!(peer.metadata.extensions, [EXTENSION]);
}

#[test]
fn extension_messages_reach_only_peers_that_asked() {
    let told = |extensions: &[&str]| {
        let mut session = joined(Limits::default(), extensions);
        session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
        let notice = Notice::Durable(Default::default());
        session.handle(NOW, Input::FromRoom { document: DOCUMENT, notice })
    };
    assert_eq!(told(&[]), []);
    let effects = told(&[EXTENSION]);
    assert!(matches!(sent(&effects)[..], [Frame::Extension { .. }]));
}

#[test]
fn an_unknown_version_is_told_and_closed() {
    let mut offer = Join::new(name("ann"), PeerMetadata::default());
    offer.versions = vec!["2".to_owned()];
    let effects = session_with(Limits::default()).handle(NOW, Input::Binary(Frame::Join(offer).encode()));
    assert!(
        matches!(&sent(&effects)[..], [Frame::Error { message, .. }] if message.starts_with("unsupported_version"))
    );
    assert_eq!(closed_with(&effects), Some(Refusal::UnsupportedVersion));
}

#[test]
fn anything_before_the_join_and_a_second_join_end_the_connection() {
    let effects = session_with(Limits::default()).handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
    assert_eq!(closed_with(&effects), Some(Refusal::HandshakeExpected));
    let effects = joined(Limits::default(), &[]).handle(NOW, Input::Binary(join(&[]).encode()));
    assert_eq!(closed_with(&effects), Some(Refusal::HandshakeRepeated));
}

#[test]
fn a_join_that_does_not_come_in_time_or_is_too_large_ends_the_connection() {
    let mut session = session_with(Limits::default());
    assert_eq!(session.deadline(), Some(Limits::default().handshake_time));
    let late = Moment { elapsed: Limits::default().handshake_time, ..NOW };
    assert_eq!(closed_with(&session.handle(late, Input::DeadlinePassed)), Some(Refusal::HandshakeTimedOut));
    let limits = Limits { handshake_bytes_max: join(&[]).encode().len(), ..Limits::default() };
    assert_eq!(
        closed_with(&session_with(limits.clone()).handle(NOW, Input::Binary(join(&[]).encode()))),
        None
    );
    let effects = session_with(limits).handle(NOW, Input::Binary(join(&["a"]).encode()));
    assert_eq!(closed_with(&effects), Some(Refusal::MessageTooLarge));
}

#[test]
fn text_and_garbage_end_the_connection_and_unknown_types_do_not() {
    let mut session = joined(Limits::default(), &[]);
    assert_eq!(session.handle(NOW, Input::Binary(Frame::Unknown { kind: "new".to_owned() }.encode())), []);
    assert_eq!(closed_with(&session.handle(NOW, Input::Text)), Some(Refusal::MalformedMessage));
    let effects = joined(Limits::default(), &[]).handle(NOW, Input::Binary(Bytes::from_static(b"\xff")));
    assert_eq!(closed_with(&effects), Some(Refusal::MalformedMessage));
}

#[test]
fn one_document_past_the_limit_is_unavailable_and_the_others_go_on() {
    let mut session = joined(Limits { documents_per_connection_max: 2, ..Limits::default() }, &[]);
    for n in [1, 2, 1, 2] {
        let effects = session.handle(NOW, Input::Binary(sync(DocumentId::from_bytes([n; 16])).encode()));
        assert_eq!(closed_with(&effects), None);
    }
    let effects = session.handle(NOW, Input::Binary(sync(DocumentId::from_bytes([3; 16])).encode()));
    assert!(matches!(sent(&effects)[..], [Frame::DocUnavailable { .. }]));
    assert!(effects.contains(&Effect::Refused(Refusal::TooManyDocuments)));
    assert!(matches!(
        session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()))[..],
        [Effect::ToRoom { .. }]
    ));
    assert_eq!(session.documents().count(), 2);
}

#[test]
fn surplus_ephemeral_messages_are_dropped_and_counted() {
    let mut session = joined(Limits { ephemeral_per_second: 2, ..Limits::default() }, &[]);
    session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
    let mut send = |count, now| {
        let ephemeral = Ephemeral {
            document: DOCUMENT,
            sender: name("ann"),
            target: name("server"),
            count,
            session: "s".parse().unwrap(),
            data: Bytes::from_static(b"x"),
        };
        session.handle(now, Input::Binary(Frame::Ephemeral(ephemeral).encode()))
    };
    assert!(matches!(send(1, NOW)[..], [Effect::ToRoom { .. }]));
    assert!(matches!(send(2, NOW)[..], [Effect::ToRoom { .. }]));
    assert_eq!(send(3, NOW), [Effect::Refused(Refusal::RateExceeded)]);
    let later = Moment { elapsed: Duration::from_secs(1), ..NOW };
    assert!(matches!(send(4, later)[..], [Effect::ToRoom { .. }]));
}

#[test]
fn a_change_that_fails_the_gatekeeper_is_refused_alone() {
    let mut session = joined(Limits::default(), &[EXTENSION]);
    let good = good_change();
    let mut bad = good.to_vec();
    bad[4] ^= 1;
    let data = SyncMessage { changes: vec![bad.into(), good], ..SyncMessage::default() }.encode();
    let frame =
        Frame::Sync(SyncFrame { document: DOCUMENT, sender: name("ann"), target: name("server"), data });
    let effects = session.handle(NOW, Input::Binary(frame.encode()));
    assert_eq!(effects[0], Effect::Refused(Refusal::ChecksumMismatch));
    assert!(matches!(sent(&effects)[..], [Frame::Extension { .. }]));
    let Some(Effect::ToRoom { input: room::Input::Received(received), .. }) = effects.last() else {
        panic!("nothing for the room")
    };
    assert_eq!(received.changes.len(), 1);
}

#[test]
fn a_run_that_does_not_split_into_changes_is_refused_alone() {
    let mut session = joined(Limits::default(), &[EXTENSION]);
    let good = good_change();
    let cut = good.slice(..good.len() - 1);
    let effects = session.handle(NOW, Input::Binary(sync_with(vec![cut, good]).encode()));
    assert_eq!(closed_with(&effects), None);
    assert_eq!(effects[0], Effect::Refused(Refusal::MalformedChange));
    assert_eq!(received(&effects).changes.len(), 1);
}

#[test]
fn the_changes_of_a_message_share_one_budget_and_those_past_it_are_refused() {
    let limits = Limits { message_operations_max: 3, ..Limits::default() };
    let mut session = joined(limits, &[EXTENSION]);
    let effects = session.handle(NOW, Input::Binary(sync_with(vec![good_change(); 5]).encode()));
    assert_eq!(closed_with(&effects), None);
    assert_eq!(received(&effects).changes.len(), 3);
    let refused = effects.iter().filter(|effect| **effect == Effect::Refused(Refusal::MessageTooLarge));
    assert_eq!(refused.count(), 2);
}

#[test]
fn a_message_full_of_broken_changes_is_answered_in_bounds() {
    let mut session = joined(Limits::default(), &[EXTENSION]);
    let effects =
        session.handle(NOW, Input::Binary(sync_with(vec![Bytes::from_static(b"x"); 10_000]).encode()));
    assert!(effects.len() <= 2 * REFUSALS_TOLD_MAX + 2, "{}", effects.len());
    assert!(matches!(effects.last(), Some(Effect::Pause(_))));
}

#[test]
fn a_sync_message_before_the_join_is_not_even_read() {
    let data = Bytes::from_static(b"no sync message");
    let frame = |kind: fn(SyncFrame) -> Frame| {
        kind(SyncFrame {
            document: DOCUMENT,
            sender: name("ann"),
            target: name("server"),
            data: data.clone(),
        })
    };
    for frame in [frame(Frame::Sync), frame(Frame::Request)] {
        let effects = session_with(Limits::default()).handle(NOW, Input::Binary(frame.encode()));
        assert_eq!(closed_with(&effects), Some(Refusal::HandshakeExpected));
    }
}

#[test]
fn rooms_get_the_changes_of_a_message_once() {
    let mut session = joined(Limits::default(), &[]);
    let effects = session.handle(NOW, Input::Binary(sync_with(vec![good_change()]).encode()));
    let received = received(&effects);
    assert_eq!((received.message.changes.len(), received.changes.len()), (0, 1));
}

#[test]
fn a_peer_that_sends_faster_than_its_budget_is_read_more_slowly() {
    let limits = Limits { changes_per_second: 1, changes_burst: 1, ..Limits::default() };
    let mut session = joined(limits, &[]);
    let data = SyncMessage { changes: vec![good_change(); 3], ..SyncMessage::default() }.encode();
    let frame =
        Frame::Sync(SyncFrame { document: DOCUMENT, sender: name("ann"), target: name("server"), data });
    let effects = session.handle(NOW, Input::Binary(frame.encode()));
    assert_eq!(effects.last(), Some(&Effect::Pause(Duration::from_secs(2))));
}

fn good_change() -> Bytes {
    use automerge::transaction::Transactable;
    let mut document = automerge::AutoCommit::new();
    document.put(automerge::ROOT, "key", 1).unwrap();
    document.commit().unwrap();
    document.get_last_local_change().unwrap().raw_bytes().to_vec().into()
}

fn extension(frame: ExtensionFrame) -> Input {
    Input::Binary(Frame::Extension { sender: name("ann"), target: name("server"), frame }.encode())
}

#[test]
fn a_ping_is_answered_with_its_number() {
    let mut session = joined(Limits::default(), &[EXTENSION]);
    let effects = session.handle(NOW, extension(ExtensionFrame::Ping { nonce: 9 }));
    let pong = Frame::Extension {
        sender: name("server"),
        target: name("ann"),
        frame: ExtensionFrame::Pong { nonce: 9 },
    };
    assert_eq!(sent(&effects), [pong]);
}

#[test]
fn a_closed_document_leaves_its_room_and_its_place_on_the_connection() {
    let limits = Limits { documents_per_connection_max: 1, ..Limits::default() };
    let mut session = joined(limits, &[EXTENSION]);
    session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
    let close = || extension(ExtensionFrame::Close { document: DOCUMENT });
    let left = Effect::ToRoom { document: DOCUMENT, input: room::Input::Left(SessionId(1)) };
    assert_eq!(session.handle(NOW, close()), [left]);
    assert_eq!(session.handle(NOW, close()), [], "who has left cannot leave");
    let another = DocumentId::from_bytes([2; 16]);
    let effects = session.handle(NOW, Input::Binary(sync(another).encode()));
    assert!(matches!(effects[..], [Effect::ToRoom { document, .. }] if document == another));
}
