//! What a connection may do, and how long.

use super::{Person, refused_connection, start, start_with};
use crate::support::{JSON, request};
use serde_json::json;
use tiebreak_protocol::{DocumentId, Frame, Join, PeerMetadata};
use tiebreak_tests::peer::{Ended, Peer, open};
use tungstenite::Message;

pub(super) const NEW: DocumentId = DocumentId::from_bytes([7; 16]);

/// Has a document open, with all that there is of it.
pub(super) fn opens(peer: &mut Peer, document: DocumentId) {
    peer.ask(document).unwrap();
    peer.until("the document", |peer| peer.is_acknowledged(document)).unwrap();
}

#[test]
fn a_connection_without_a_token_or_with_one_that_is_none_ends_with_4401() {
    let api = start();
    let without = Peer::try_connect(api.server.address(), "nobody").unwrap_err();
    assert_eq!(without, Ended::Closed(Some(4401)));
    for token in ["", "x", "tbk_nonsense", "a.b.c", &"t".repeat(4096)] {
        assert_eq!(refused_connection(&api, token), Ended::Closed(Some(4401)), "{token}");
    }
}

#[test]
fn who_writes_first_owns_the_document_and_others_do_not_see_it() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let (mut hers, mut his) = (ann.connects(&api), bob.connects(&api));
    hers.write(NEW, "key", 1).unwrap();
    hers.until("the answer", |peer| peer.is_acknowledged(NEW)).unwrap();
    let grants = ann.asks(&api, "GET", &format!("/v1/documents/{NEW}/grants")).expect(200).json();
    assert_eq!(
        (&grants["items"][0]["account"], &grants["items"][0]["role"]),
        (&json!(ann.account), &json!("owner"))
    );
    his.ask(NEW).unwrap();
    his.until("an answer", |peer| peer.is_unavailable(NEW)).unwrap();
    // What he writes into it is refused, and told so.
    his.write(NEW, "key", 2).unwrap();
    his.until("a refusal", |peer| peer.is_refused(NEW, "access_denied")).unwrap();
    assert_eq!(
        ann.asks(&api, "GET", &format!("/v1/documents/{NEW}")).expect(200).json(),
        json!({ "key": 1 })
    );
}

#[test]
fn another_accounts_actor_is_refused() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let (mut hers, mut his) = (ann.connects(&api), bob.connects(&api));
    hers.write(NEW, "key", 1).unwrap();
    hers.until("the answer", |peer| peer.is_acknowledged(NEW)).unwrap();
    ann.gives(&api, NEW, &bob, "editor");
    his.write_as("ann");
    his.ask(NEW).unwrap();
    his.until("the document", |peer| peer.value(NEW, "key") == Some(1)).unwrap();
    his.hold(NEW, his.content(NEW).unwrap().clone());
    his.write(NEW, "forged", 1).unwrap();
    his.until("a refusal", |peer| peer.is_refused(NEW, "actor_taken")).unwrap();
    assert_eq!(
        ann.asks(&api, "GET", &format!("/v1/documents/{NEW}")).expect(200).json(),
        json!({ "key": 1 })
    );
}

#[test]
fn a_ticket_lets_one_connection_in_and_a_token_in_the_address_none() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let ticket =
        ann.asks(&api, "POST", "/v1/tickets").expect(201).json()["ticket"].as_str().unwrap().to_owned();
    let upgrade = |query: &str| {
        let headers = [
            "connection: Upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
        ];
        request(api.server.address(), "GET", &format!("/automerge?{query}"), &headers, b"")
    };
    upgrade(&format!("ticket={ticket}")).expect(101);
    assert_eq!(upgrade(&format!("ticket={ticket}")).expect(401).code(), "unauthorized");
    for name in ["token", "access_token", "key"] {
        let reply = upgrade(&format!("{name}={}", ann.access_token));
        assert_eq!(reply.expect(401).code(), "unauthorized", "{name}");
    }
    assert!(!api.server.log().contains(&ann.access_token), "no log shows a token");
}

#[test]
fn who_says_nothing_or_too_much_before_it_is_known_is_sent_away() {
    let api = start_with(&["--handshake-seconds", "1"]);
    let mut silent = open(api.server.address()).unwrap();
    let ended = loop {
        match silent.read() {
            Ok(Message::Close(frame)) => break frame.map(|frame| u16::from(frame.code)),
            Ok(_other) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(ended, Some(4508));
    let mut loud = open(api.server.address()).unwrap();
    let name = "loud".parse().unwrap();
    let extensions = vec!["x".repeat(20_000)];
    let join = Frame::Join(Join::new(name, PeerMetadata { extensions, ..PeerMetadata::default() }));
    loud.send(Message::Binary(join.encode())).unwrap();
    let Ok(Message::Close(Some(frame))) = loud.read() else { panic!("not sent away") };
    assert_eq!(u16::from(frame.code), 4413);
}

#[test]
fn a_token_in_a_header_lets_a_connection_in() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let headers = [
        "connection: Upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
        &ann.bearer(),
    ];
    request(api.server.address(), "GET", "/automerge", &headers, b"").expect(101);
    let bad = [&headers[..4], &["authorization: Bearer x", JSON]].concat();
    request(api.server.address(), "GET", "/automerge", &bad, b"").expect(401);
}

#[test]
fn a_credential_in_an_address_is_taken_from_a_websocket_alone() {
    let api = start_with(&["--allow-url-keys"]);
    let ann = Person::new(&api, "ann");
    let document = ann.creates(&api);
    let wanted = json!({
        "name": "stock", "role": "viewer", "documents": [document.to_string()], "in_address": true,
    });
    let made = ann.sends(&api, "POST", "/v1/keys", &wanted).expect(201).json();
    let key = made["secret"].as_str().unwrap();
    for path in [format!("/v1/documents/{document}"), "/v1/documents".to_owned(), "/healthz".to_owned()] {
        assert_eq!(api.get(&format!("{path}?key={key}")).expect(401).code(), "unauthorized", "{path}");
    }
    let ticket = ann.asks(&api, "POST", "/v1/tickets").expect(201).json();
    let ticket = ticket["ticket"].as_str().unwrap();
    let account = api.get(&format!("/v1/account?ticket={ticket}"));
    assert_eq!(account.expect(401).code(), "unauthorized");
}

#[test]
fn a_token_of_another_reach_does_not_renew_a_connection() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let (first, second) = (ann.creates(&api), ann.creates(&api));
    let key = |documents: &[DocumentId]| {
        let documents: Vec<_> = documents.iter().map(ToString::to_string).collect();
        let wanted = json!({ "name": "backend", "role": "viewer", "documents": documents });
        let made = ann.sends(&api, "POST", "/v1/keys", &wanted).expect(201).json();
        made["secret"].as_str().unwrap().to_owned()
    };
    let (wide, narrow) = (key(&[first, second]), key(&[first]));
    let mut backend = Peer::connect_with_token(api.server.address(), "backend", &wide).unwrap();
    let Frame::Ephemeral(address) = backend.shouting(first, 0) else { unreachable!("shouting is ephemeral") };
    let token = |token: &str| Frame::Extension {
        sender: address.sender.clone(),
        target: address.target.clone(),
        frame: tiebreak_protocol::ExtensionFrame::Token {
            token: tiebreak_protocol::Secret::new(token.to_owned()),
        },
    };
    backend.send(&token(&wide)).unwrap();
    backend.ask(second).unwrap();
    backend.until("the document", |peer| peer.is_acknowledged(second)).unwrap();
    backend.send(&token(&narrow)).unwrap();
    assert_eq!(backend.until_end(), Ended::Closed(Some(4401)));
}
