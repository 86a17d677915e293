//! Signing up, in and out.

use super::{PASSWORD, Person, login, operator, post, start};
use crate::support::{JSON, request};
use serde_json::json;
use std::sync::Arc;
use tiebreak_storage::{AccountStore, SqliteOptions, SqliteStore};
use tiebreak_tests::server_process::ServerProcess;
use tiebreak_tests::wait::until;

#[test]
fn of_a_thousand_who_want_one_name_at_once_one_gets_it() {
    let api = start();
    let address = api.server.address();
    let body = json!({ "username": "ann", "password": PASSWORD }).to_string();
    let register = |_: usize| {
        let reply = request(address, "POST", "/v1/accounts", &[JSON], body.as_bytes());
        if reply.status == 201 { "made".to_owned() } else { reply.code() }
    };
    let answers: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..50).map(|n| scope.spawn(move || (0..20).map(|_| register(n)).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| *answer == "made").count(), 1);
    assert_eq!(answers.iter().filter(|answer| *answer == "username_taken").count(), 999);
}

#[test]
fn a_registration_that_is_repeated_with_its_key_is_one_registration() {
    let api = start();
    let register = |name: &str, key: &str| {
        let body = json!({ "username": name, "password": PASSWORD }).to_string();
        api.request("POST", "/v1/accounts", &[JSON, &format!("idempotency-key: {key}")], body.as_bytes())
    };
    let first = register("ann", "one").expect(201).json();
    assert_eq!(register("ann", "one").expect(201).json(), first);
    assert_eq!(register("bob", "one").expect(422).code(), "idempotency_key_reused");
    assert_eq!(register("ann", "two").expect(409).code(), "username_taken");
    assert_eq!(register("bob", "").expect(400).code(), "invalid_idempotency_key");
}

#[test]
fn a_wrong_password_and_an_unknown_name_get_one_answer() {
    let api = start();
    Person::new(&api, "ann");
    let wrong = login(&api, "ann", "another password");
    let unknown = login(&api, "nobody", "another password");
    let impossible = login(&api, "no\u{0}body", "another password");
    assert_eq!(wrong.status, 401);
    assert_eq!((wrong.status, &wrong.body), (unknown.status, &unknown.body));
    assert_eq!((wrong.status, &wrong.body), (impossible.status, &impossible.body));
}

#[test]
fn a_refresh_token_is_used_once_and_may_be_repeated_until_its_successor_is_used() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let refresh = |token: &str| post(&api, "/v1/sessions/refresh", &json!({ "refresh_token": token }));
    let of = |reply: crate::support::Reply| Person::of("ann", &reply.expect(200).json());
    let _lost = of(refresh(&ann.refresh_token));
    let second = of(refresh(&ann.refresh_token));
    let third = of(refresh(&second.refresh_token));
    third.asks(&api, "GET", "/v1/account").expect(200);
    // The first again, after its successor was used: two have it, and nobody can tell who is who.
    assert_eq!(refresh(&ann.refresh_token).expect(401).code(), "session_over");
    assert_eq!(refresh(&third.refresh_token).expect(401).code(), "session_over");
    assert_eq!(third.asks(&api, "GET", "/v1/account").expect(401).code(), "signed_out");
}

#[test]
fn a_device_comes_back_with_its_key() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let back = post(&api, "/v1/sessions", &json!({ "device_key": ann.device_key })).expect(201).json();
    assert_eq!((&back["device"], &back["device_key"]), (&json!(ann.device), &json!(null)));
    let refresh = post(&api, "/v1/sessions/refresh", &json!({ "refresh_token": ann.refresh_token }));
    refresh.expect(401);
}

#[test]
fn another_password_signs_all_other_devices_out() {
    let api = start();
    let (phone, laptop) = (Person::new(&api, "ann"), Person::on_another_device(&api, "ann"));
    let change = |old: &str| {
        phone.sends(
            &api,
            "PUT",
            "/v1/account/password",
            &json!({ "old": old, "new": "quite another password" }),
        )
    };
    assert_eq!(change("not it, I think").expect(401).code(), "invalid_credentials");
    change(PASSWORD).expect(204);
    assert_eq!(laptop.asks(&api, "GET", "/v1/account").expect(401).code(), "signed_out");
    phone.asks(&api, "GET", "/v1/account").expect(200);
    login(&api, "ann", PASSWORD).expect(401);
    login(&api, "ann", "quite another password").expect(201);
}

#[test]
fn an_account_goes_with_what_only_it_has_and_leaves_nobody_without_an_owner() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let (alone, shared) = (ann.creates(&api), ann.creates(&api));
    ann.gives(&api, shared, &bob, "editor");
    assert_eq!(ann.asks(&api, "DELETE", "/v1/account").expect(409).code(), "sole_owner");
    ann.gives(&api, shared, &bob, "owner");
    ann.asks(&api, "DELETE", "/v1/account").expect(204);
    assert_eq!(ann.asks(&api, "GET", "/v1/account").expect(401).code(), "signed_out");
    bob.asks(&api, "GET", &format!("/v1/documents/{shared}")).expect(200);
    bob.asks(&api, "GET", &format!("/v1/documents/{alone}")).expect(404);
    // The name is free again.
    Person::new(&api, "ann");
}

#[test]
fn what_is_kept_of_an_account_can_be_taken_along() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let document = ann.creates(&api);
    let export = ann.asks(&api, "GET", "/v1/account/export").expect(200).json();
    assert_eq!(export["account"]["username"], "ann");
    assert_eq!(export["devices"][0]["id"], json!(ann.device));
    assert_eq!(export["documents"], json!([{ "id": document.to_string(), "role": "owner" }]));
    assert!(!export.to_string().contains("argon2"), "and no hash");
}

#[test]
fn what_a_crash_left_of_a_deleted_account_goes_with_the_next_start() {
    let mut api = start();
    let ann = Person::new(&api, "ann");
    let document = ann.creates(&api);
    api.server.terminate();
    api.server.wait();
    // As far as a server comes that is killed right behind the deletion.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(api.data.path(), &SqliteOptions::default()).unwrap();
        let accounts = AccountStore::new(Arc::new(store));
        accounts.delete_account(ann.account.parse().unwrap(), None, 0).await.unwrap();
    });
    api.server = ServerProcess::start(api.data.path(), &["--auth", "accounts"]);
    let look = || api.request("GET", &format!("/v1/documents/{document}"), &[&operator(&api)], b"");
    until("the document to be gone", || (look().status == 410).then_some(()));
}
