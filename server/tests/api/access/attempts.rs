//! What was refused stands in the audit log: counted, bounded, and without what was typed.

use super::{PASSWORD, Person, login, operate, refused_connection, start};
use crate::support::{Api, json_output};
use serde_json::{Value, json};

/// The rows of this action once the server has stopped, and so has written them.
fn logged(mut api: Api, action: &str) -> (Vec<Value>, String) {
    api.server.terminate();
    assert!(api.server.wait().success());
    let log = json_output(&mut operate(&api, &["audit", "list", "--json"]));
    let rows = log["items"].as_array().unwrap().iter().filter(|row| row["action"] == action);
    (rows.cloned().collect(), log.to_string())
}

/// How many attempts the rows of this actor on this subject tell of, in whatever minutes.
fn count(rows: &[Value], actor: &str, subject: &str) -> u64 {
    let about = rows.iter().filter(|row| row["actor"] == actor && row["subject"] == subject);
    about.map(|row| row["detail"].as_str().unwrap().split(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn failed_logins_are_counted_and_never_tell_what_was_typed() {
    let api = start();
    let ann = Person::new(&api, "ann");
    for _ in 0..3 {
        login(&api, "ann", "not her password").expect(401);
    }
    for _ in 0..2 {
        login(&api, "my-secret-by-mistake", PASSWORD).expect(401);
    }
    let (rows, log) = logged(api, "login.failed");
    assert_eq!((count(&rows, "anonymous", &ann.account), count(&rows, "anonymous", "unknown")), (3, 2));
    assert!(rows[0]["detail"].as_str().unwrap().contains("from 127.0.0.0/24"), "{rows:?}");
    assert!(!log.contains("my-secret") && !log.contains("127.0.0.1"), "{log}");
}

#[test]
fn who_is_kept_waiting_is_counted_too() {
    let api = start();
    let ann = Person::new(&api, "ann");
    while login(&api, "ann", "not her password").status != 429 {}
    login(&api, "ann", "not her password").expect(429);
    let (rows, _) = logged(api, "login.throttled");
    assert!(count(&rows, "anonymous", &ann.account) >= 2, "{rows:?}");
}

#[test]
fn who_had_no_right_to_an_address_is_named_with_it() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "viewer");
    api.get("/v1/account").expect(401);
    bob.asks(&api, "GET", "/v1/audit").expect(403);
    bob.asks(&api, "DELETE", &format!("/v1/documents/{document}/grants/@ann")).expect(403);
    refused_connection(&api, "nonsense");
    let (rows, log) = logged(api, "access.refused");
    assert_eq!(count(&rows, "anonymous", "GET /v1/account"), 1);
    assert_eq!(count(&rows, &bob.account, "GET /v1/audit"), 1);
    assert_eq!(count(&rows, &bob.account, &format!("DELETE /v1/documents/{document}/grants/{{account}}")), 1);
    assert_eq!(count(&rows, "anonymous", "a connection"), 1);
    assert!(!log.contains("@ann"), "{log}");
}

#[test]
fn a_key_that_was_taken_back_and_is_still_used_is_named() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let made =
        ann.sends(&api, "POST", "/v1/keys", &json!({ "name": "old", "role": "viewer" })).expect(201).json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    ann.asks(&api, "DELETE", &format!("/v1/keys/{id}")).expect(204);
    for _ in 0..2 {
        api.request("GET", "/v1/documents", &[&format!("authorization: Bearer {secret}")], b"").expect(401);
    }
    let (rows, log) = logged(api, "key.refused");
    assert_eq!(count(&rows, &ann.account, id), 2);
    assert!(rows[0]["detail"].as_str().unwrap().ends_with("revoked") && !log.contains(secret), "{rows:?}");
}
