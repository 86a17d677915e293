//! Grants and invitations.

use super::{Person, start};
use automerge::transaction::Transactable;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn the_last_owner_cannot_leave_without_handing_over() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    let leave = |who: &Person| who.asks(&api, "DELETE", &format!("/v1/documents/{document}/grants/own"));
    assert_eq!(leave(&ann).expect(409).code(), "last_owner");
    let lower = ann.sends(
        &api,
        "PUT",
        &format!("/v1/documents/{document}/grants/{}", ann.account),
        &json!({ "role": "editor" }),
    );
    assert_eq!(lower.expect(409).code(), "last_owner");
    ann.gives(&api, document, &bob, "owner");
    leave(&ann).expect(204);
    ann.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(404);
    bob.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(200);
}

#[test]
fn an_account_is_named_by_its_id_or_by_its_name() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    let put = |whose: &str| {
        let path = format!("/v1/documents/{document}/grants/{whose}");
        ann.sends(&api, "PUT", &path, &json!({ "role": "viewer" }))
    };
    put("@BOB").expect(204);
    bob.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(200);
    assert_eq!(put("@nobody").expect(404).code(), "account_not_found");
    assert_eq!(put("nonsense").expect(400).code(), "invalid_parameter");
}

#[test]
fn an_invitation_lets_in_as_many_as_it_says() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let document = ann.creates(&api);
    let path = format!("/v1/documents/{document}/invitations");
    let made = ann.sends(&api, "POST", &path, &json!({ "role": "editor", "uses": 2 })).expect(201).json();
    let redeem = |who: &Person| {
        who.sends(&api, "POST", "/v1/invitations/redeem", &json!({ "secret": made["secret"] }))
    };
    let [bob, eve, mallory] = ["bob", "eve", "mallory"].map(|name| Person::new(&api, name));
    let taken = redeem(&bob).expect(200).json();
    assert_eq!(taken, json!({ "document": document.to_string(), "role": "editor" }));
    redeem(&bob).expect(200);
    redeem(&eve).expect(200);
    assert_eq!(redeem(&mallory).expect(410).code(), "invitation_invalid");
    let listed = ann.asks(&api, "GET", &path).expect(200);
    assert_eq!(listed.json()["items"][0]["uses_left"], 0);
    assert!(!String::from_utf8(listed.body).unwrap().contains(made["secret"].as_str().unwrap()));
}

#[test]
fn an_invitation_that_is_taken_back_lets_nobody_in() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    let path = format!("/v1/documents/{document}/invitations");
    let made = ann.sends(&api, "POST", &path, &json!({ "role": "viewer" })).expect(201).json();
    ann.asks(&api, "DELETE", &format!("{path}/{}", made["id"].as_str().unwrap())).expect(204);
    let redeem = bob.sends(&api, "POST", "/v1/invitations/redeem", &json!({ "secret": made["secret"] }));
    assert_eq!(redeem.expect(410).code(), "invitation_invalid");
    for (role, expires_in, uses) in
        [("god", 1, 1), ("viewer", 0, 1), ("viewer", 1, 0), ("viewer", 2_592_001, 1)]
    {
        let body = json!({ "role": role, "expires_in": expires_in, "uses": uses });
        assert_eq!(ann.sends(&api, "POST", &path, &body).expect(400).code(), "invalid_parameter");
    }
}

#[test]
fn who_owns_a_document_no_more_does_not_come_back_by_an_own_invitation() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "owner");
    let path = format!("/v1/documents/{document}/invitations");
    let made = bob.sends(&api, "POST", &path, &json!({ "role": "owner", "uses": 9 })).expect(201).json();
    ann.asks(&api, "DELETE", &format!("/v1/documents/{document}/grants/{}", bob.account)).expect(204);
    let redeem = bob.sends(&api, "POST", "/v1/invitations/redeem", &json!({ "secret": made["secret"] }));
    assert_eq!(redeem.expect(410).code(), "invitation_invalid");
    assert_eq!(ann.asks(&api, "GET", &path).expect(200).json()["items"], json!([]));
}

#[test]
fn a_list_shows_the_documents_that_one_may_see() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let (shared, _hers, his) = (ann.creates(&api), ann.creates(&api), bob.creates(&api));
    ann.gives(&api, shared, &bob, "viewer");
    let listed = |who: &Person| {
        let list = who.asks(&api, "GET", "/v1/documents").expect(200).json();
        let mut ids: Vec<_> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let mut expected = vec![shared.to_string(), his.to_string()];
    expected.sort();
    assert_eq!(listed(&bob), expected);
    assert_eq!(listed(&ann).len(), 2);
}

#[test]
fn a_right_that_goes_while_a_file_is_on_its_way_does_not_let_it_in() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "editor");
    let mut file = crate::support::device(7);
    // More than is read of a body before its request takes a place.
    Transactable::put(&mut file, automerge::ROOT, "his", noise(200_000)).unwrap();
    let file = file.save();
    let mut stream = TcpStream::connect(api.server.address()).unwrap();
    let head = format!(
        "POST /v1/documents/{document}/import HTTP/1.1\r\nhost: localhost\r\n{}\r\n\
         content-type: application/octet-stream\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        bob.bearer(),
        file.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&file[..file.len() - 1]).unwrap();
    // By the time that others have been answered so often, it has been looked at whether he may.
    for _ in 0..50 {
        ann.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(200);
    }
    ann.takes(&api, document, &bob);
    stream.write_all(&file[file.len() - 1..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let seen = ann.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(200).json();
    assert_eq!(seen, json!({ "made": true }));
}

/// Bytes that no compression makes fewer.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}
