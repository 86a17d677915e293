//! A server that means no good, or does not know better.

use super::*;
use crate::replica::Said;
use tiebreak_document::Have;
use tiebreak_protocol::{ChangeHash, Refusal};

/// A well-formed message with this many heads.
fn heads_message(count: u32) -> SyncMessage {
    let hash = |n: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        ChangeHash(bytes)
    };
    let heads = (0..count).map(hash).collect();
    SyncMessage { heads, have: vec![Have::everything_up_to(&[])], ..SyncMessage::default() }
}

#[test]
fn garbage_ends_the_connection_and_the_client_comes_back_later() {
    for mut link in [TestLink::handshaking(), TestLink::live()] {
        let effects = link.input(binary(Bytes::from_static(b"\x00garbage")));
        assert_eq!(effects[0], Effect::Drop);
        assert!(effects.contains(&troubled("the server sent something that is not of this protocol")));
        assert!(matches!(link.link.state(), ConnectionState::Waiting { .. }));
    }
}

#[test]
fn a_sync_message_that_is_none_ends_the_connection() {
    let mut link = TestLink::live();
    let effects = link.input(sync(document(1), Bytes::from_static(b"\x42\xff")));
    assert_eq!(effects[..2], [Effect::Drop, Effect::Disconnected]);
}

#[test]
fn nothing_reaches_a_replica_before_the_handshake() {
    let mut link = TestLink::handshaking();
    let durable = ExtensionFrame::Durable { document: document(1), heads: Default::default() };
    assert_eq!(link.input(extension(durable)), []);
    assert_eq!(link.input(sync(document(1), heads_message(1).encode())), []);
    let (sender, target) = (server(), client());
    let unavailable = Frame::DocUnavailable { document: document(1), sender, target };
    assert_eq!(link.input(binary(unavailable.encode())), []);
    assert_eq!(link.input(welcome()), [Effect::Connected(info(1)), Effect::StateChanged]);
}

#[test]
fn a_second_welcome_changes_nothing() {
    let mut link = TestLink::live();
    assert_eq!(link.input(welcome_with(&[])), []);
    assert_eq!(link.link.state(), ConnectionState::Connected);
}

#[test]
fn words_say_by_which_connection_they_came() {
    let mut link = TestLink::live();
    link.input(broken());
    link.come_back();
    let heads = || tiebreak_protocol::Heads::default();
    let durable = ExtensionFrame::Durable { document: document(9), heads: heads() };
    let word = Word { from: SessionId(2), said: Said::Durable(heads()) };
    assert_eq!(link.input(extension(durable)), [Effect::ToReplica { document: document(9), word }]);
}

#[test]
fn what_a_server_says_of_any_document_goes_to_its_replica_if_there_is_one() {
    let mut link = TestLink::live();
    let message = heads_message(2);
    let received = Received {
        access: crate::access::Access::Writes,
        from: info(1),
        message: message.clone(),
        changes: Vec::new(),
    };
    let word = Word { from: SessionId(1), said: Said::Sync(Box::new(received)) };
    let effects = link.input(sync(document(77), message.encode()));
    assert_eq!(effects, [Effect::ToReplica { document: document(77), word }]);
}

#[test]
fn changes_that_do_not_pass_the_gatekeeper_are_named_and_left_out() {
    let mut link = TestLink::live();
    let changes = vec![Bytes::from_static(b"not a change")];
    let effects = link.input(sync(document(1), SyncMessage { changes, ..heads_message(1) }.encode()));
    let said: Vec<_> = effects
        .into_iter()
        .map(|effect| match effect {
            Effect::ToReplica { word, .. } => word.said,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said[0], Said::Unfit(Refusal::MalformedChange));
    assert!(matches!(&said[1], Said::Sync(received) if received.changes.is_empty()));
}

#[test]
fn more_heads_than_any_document_has_end_the_connection() {
    let mut link = TestLink::live();
    let effects = link.input(sync(document(1), heads_message(100_001).encode()));
    assert_eq!(effects[..2], [Effect::Drop, Effect::Disconnected]);
}

#[test]
fn an_error_of_the_server_is_shown_to_the_app() {
    let mut link = TestLink::live();
    let message = "too bad".to_owned();
    let error = Frame::Error { sender: server(), target: client(), message };
    assert_eq!(link.input(binary(error.encode())), [troubled("too bad")]);
}

#[test]
fn documents_are_spoken_of_on_a_live_connection_alone_and_closed_where_that_is_understood() {
    let close = || Input::Close(document(1));
    for (phase, mut link) in TestLink::in_every_phase() {
        let tell = Input::Tell { document: document(1), notice: Notice::Sync(heads_message(0).encode()) };
        let sent = if phase == "live" { 1 } else { 0 };
        assert_eq!(link.input(tell).len(), sent, "{phase}");
        assert_eq!(link.input(close()).len(), sent, "{phase}");
    }
    let mut link = TestLink::handshaking();
    link.input(welcome_with(&[]));
    assert_eq!(link.input(close()), []);
}
