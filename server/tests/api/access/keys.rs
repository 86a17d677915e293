//! Credentials of programs.

use super::{Person, start, start_with};
use crate::support::{Api, JSON, Reply, request};
use serde_json::{Value, json};
use tiebreak_tests::peer::{Ended, Peer};

fn make(api: &Api, who: &Person, body: &Value) -> (String, String) {
    let made = who.sends(api, "POST", "/v1/keys", body).expect(201).json();
    (made["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

fn with_key(api: &Api, key: &str, method: &str, path: &str) -> Reply {
    api.request(method, path, &[&format!("authorization: Bearer {key}"), JSON], b"{}")
}

#[test]
fn a_key_opens_what_it_says_and_no_more() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let (one, other) = (ann.creates(&api), ann.creates(&api));
    let body = json!({ "name": "backend", "role": "viewer", "documents": [one.to_string()] });
    let (id, key) = make(&api, &ann, &body);
    with_key(&api, &key, "GET", &format!("/v1/documents/{one}")).expect(200);
    with_key(&api, &key, "GET", &format!("/v1/documents/{other}")).expect(404);
    with_key(&api, &key, "DELETE", &format!("/v1/documents/{one}")).expect(403);
    with_key(&api, &key, "POST", "/v1/documents").expect(403);
    with_key(&api, &key, "GET", "/v1/account").expect(403);
    with_key(&api, &key, "POST", "/v1/keys").expect(403);
    let listed = ann.asks(&api, "GET", "/v1/keys").expect(200);
    assert_eq!(listed.json()["items"][0]["name"], "backend");
    assert!(!String::from_utf8(listed.body).unwrap().contains(&key));
    let mut peer = Peer::connect_with_token(api.server.address(), "backend", &key).unwrap();
    peer.ask(one).unwrap();
    peer.until("the document", |peer| peer.is_acknowledged(one)).unwrap();
    ann.asks(&api, "DELETE", &format!("/v1/keys/{id}")).expect(204);
    assert_eq!(peer.until_end(), Ended::Closed(Some(4401)));
    with_key(&api, &key, "GET", &format!("/v1/documents/{one}")).expect(401);
}

#[test]
fn a_key_ends_with_the_right_of_who_made_it() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "editor");
    let (_, key) = make(&api, &bob, &json!({ "name": "his", "role": "owner" }));
    with_key(&api, &key, "GET", &format!("/v1/documents/{document}")).expect(200);
    ann.takes(&api, document, &bob);
    with_key(&api, &key, "GET", &format!("/v1/documents/{document}")).expect(404);
}

#[test]
fn a_key_stands_in_an_address_only_where_operator_and_maker_say_so() {
    let upgrade = |api: &Api, key: &str| {
        let headers = [
            "connection: Upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
        ];
        request(api.server.address(), "GET", &format!("/automerge?key={key}"), &headers, b"").status
    };
    let keys = |api: &Api| {
        let ann = Person::new(api, "ann");
        let document = ann.creates(api).to_string();
        let body = |in_address| json!({ "name": "stock", "role": "editor", "documents": [document], "in_address": in_address });
        let everywhere = json!({ "name": "all", "role": "viewer", "in_address": true });
        let refused = ann.sends(api, "POST", "/v1/keys", &everywhere);
        assert_eq!(refused.expect(400).code(), "invalid_parameter");
        (make(api, &ann, &body(true)).1, make(api, &ann, &body(false)).1)
    };
    let strict = start();
    let (for_addresses, _) = keys(&strict);
    assert_eq!(upgrade(&strict, &for_addresses), 401);
    let lenient = start_with(&["--allow-url-keys"]);
    let (for_addresses, for_headers) = keys(&lenient);
    assert_eq!((upgrade(&lenient, &for_addresses), upgrade(&lenient, &for_headers)), (101, 401));
    assert!(!lenient.server.log().contains(&for_addresses), "no log shows a key");
}
