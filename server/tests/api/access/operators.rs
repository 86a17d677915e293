//! Operators at everybody's accounts, over HTTP and on the command line.

use super::{PASSWORD, Person, login, operate, operator, start};
use crate::support::{Api, JSON, Reply, complaint, json_output, output};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output, Stdio};
use tiebreak_protocol::DocumentId;
use tiebreak_tests::peer::{Ended, Peer};
use tiebreak_tests::server_process::ServerProcess;

fn asks(api: &Api, method: &str, path: &str, body: &Value) -> Reply {
    api.request(method, path, &[&operator(api), JSON], body.to_string().as_bytes())
}

/// Runs a command that reads a password from its standard input.
fn typing(mut command: Command, password: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn told(api: &Api, action: &str) -> Value {
    let log = json_output(&mut operate(api, &["audit", "list", "--json"]));
    let mut rows = log["items"].as_array().unwrap().iter();
    rows.rfind(|row| row["action"] == action).cloned().unwrap_or_default()
}

#[test]
fn an_operator_lists_shows_and_deletes_accounts() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let listed = json_output(&mut operate(&api, &["accounts", "list", "--json"]));
    let mut names: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| item["username"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["ann", "bob"]);
    let first = json_output(&mut operate(&api, &["accounts", "list", "--limit", "1", "--json"]));
    let after = first["next"].as_str().unwrap();
    let rest = json_output(&mut operate(&api, &["accounts", "list", "--after", after, "--json"]));
    assert_eq!((&rest["items"][0], &rest["next"]), (&listed["items"][1], &Value::Null));
    let shown = json_output(&mut operate(&api, &["accounts", "show", "ANN", "--json"]));
    assert_eq!((&shown["id"], &shown["kind"]), (&json!(ann.account), &json!("person")));
    let document = ann.creates(&api);
    ann.gives(&api, document, &bob, "editor");
    let said = complaint(&mut operate(&api, &["accounts", "delete", "ann", "--yes"]));
    assert!(said.contains(&document.to_string()) && said.contains("sole_owner"), "{said}");
    ann.gives(&api, document, &bob, "owner");
    let mut peer = ann.connects(&api);
    assert!(complaint(&mut operate(&api, &["accounts", "delete", "ann"])).contains("--yes"));
    output(&mut operate(&api, &["accounts", "delete", "ann", "--yes"]));
    assert_eq!(peer.until_end(), Ended::Closed(Some(4401)));
    ann.asks(&api, "GET", "/v1/account").expect(401);
    assert_eq!(told(&api, "account.deleted")["actor"], "operator");
    let gone = asks(&api, "GET", &format!("/v1/accounts/{}", ann.account), &json!({})).expect(200).json();
    assert!(gone["ended_at"].is_string() && gone["username"].is_null());
    let twice = asks(&api, "DELETE", &format!("/v1/accounts/{}", ann.account), &json!({}));
    assert_eq!(twice.expect(404).code(), "account_not_found");
}

#[test]
fn an_operator_signs_one_device_or_all_of_them_out() {
    let api = start();
    let phone = Person::new(&api, "ann");
    let laptop = Person::on_another_device(&api, "ann");
    let (mut on_phone, mut on_laptop) = (phone.connects(&api), laptop.connects(&api));
    assert!(output(&mut operate(&api, &["devices", "list", "ann"])).contains(&phone.device));
    output(&mut operate(&api, &["devices", "revoke", "ann", &phone.device]));
    assert_eq!(on_phone.until_end(), Ended::Closed(Some(4401)));
    phone.asks(&api, "GET", "/v1/account").expect(401);
    laptop.asks(&api, "GET", "/v1/account").expect(200);
    assert_eq!(told(&api, "device.revoked")["actor"], "operator");
    let again = complaint(&mut operate(&api, &["devices", "revoke", "ann", &phone.device]));
    assert!(again.contains("device_not_found"), "{again}");
    output(&mut operate(&api, &["accounts", "sign-out", "ann"]));
    assert_eq!(on_laptop.until_end(), Ended::Closed(Some(4401)));
    laptop.asks(&api, "GET", "/v1/account").expect(401);
    login(&api, "ann", PASSWORD).expect(201);
}

#[test]
fn who_forgot_the_password_gets_another_one() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let made_up = output(&mut operate(&api, &["accounts", "reset-password", "ann"]));
    ann.asks(&api, "GET", "/v1/account").expect(401);
    assert_eq!(login(&api, "ann", PASSWORD).expect(401).code(), "invalid_credentials");
    login(&api, "ann", made_up.trim_end()).expect(201);
    let read =
        typing(operate(&api, &["accounts", "reset-password", "ann", "--password-stdin"]), "from stdin!\n");
    assert!(read.status.success());
    login(&api, "ann", "from stdin!").expect(201);
    assert_eq!(told(&api, "password.reset")["actor"], "operator");
    let weak = typing(operate(&api, &["accounts", "reset-password", "ann", "--password-stdin"]), "short\n");
    assert_eq!(weak.status.code(), Some(1));
}

#[test]
fn a_service_reaches_every_document_with_a_key_that_only_an_operator_makes() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let document = ann.creates(&api);
    let service =
        output(&mut operate(&api, &["accounts", "create-service", "backend"])).trim_end().to_owned();
    let key = ["keys", "create", &service, "--name", "all", "--role", "editor", "--all-documents", "--json"];
    let made = json_output(&mut operate(&api, &key));
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let bearer = format!("authorization: Bearer {secret}");
    let path = format!("/v1/documents/{document}");
    let mut peer = Peer::connect_with_token(api.server.address(), "backend", secret).unwrap();
    api.request("GET", &path, &[&bearer], b"").expect(200);
    api.request("DELETE", &path, &[&bearer], b"").expect(403);
    assert!(output(&mut operate(&api, &["keys", "list", &service])).contains(id));
    output(&mut operate(&api, &["keys", "revoke", &service, id]));
    assert_eq!(peer.until_end(), Ended::Closed(Some(4401)));
    api.request("GET", &path, &[&bearer], b"").expect(401);
    assert_eq!(told(&api, "service_account.created")["actor"], "operator");
    assert_eq!(told(&api, "key.created")["actor"], "operator");
    let all = json!({ "name": "all", "role": "viewer", "all_documents": true });
    assert_eq!(ann.sends(&api, "POST", "/v1/keys", &all).expect(400).code(), "invalid_parameter");
    let of_person = asks(&api, "POST", "/v1/accounts/@ann/keys", &all);
    assert_eq!(of_person.expect(400).code(), "invalid_parameter");
    let reset = complaint(&mut operate(&api, &["accounts", "reset-password", &service]));
    assert!(reset.contains("no_password"), "{reset}");
}

#[test]
fn a_key_made_by_an_operator_opens_what_it_names_for_as_long_as_it_says() {
    let api = start();
    let ann = Person::new(&api, "ann");
    let (one, other) = (ann.creates(&api), ann.creates(&api));
    let named = one.to_string();
    let key = ["keys", "create", "ann", "--name", "one", "--role", "viewer", "--document", &named];
    let secret = output(&mut operate(&api, &[&key[..], &["--expires-in", "7"]].concat()));
    let status = |document: DocumentId| {
        let bearer = format!("authorization: Bearer {}", secret.trim_end());
        api.request("GET", &format!("/v1/documents/{document}"), &[&bearer], b"").status
    };
    assert_eq!((status(one), status(other)), (200, 404));
    let listed = json_output(&mut operate(&api, &["keys", "list", "ann", "--json"]));
    assert_eq!(listed["items"][0]["documents"], json!([named]));
    assert!(listed["items"][0]["expires_at"].is_string());
}

#[test]
fn an_operator_gives_and_takes_roles() {
    let api = start();
    let (ann, bob) = (Person::new(&api, "ann"), Person::new(&api, "bob"));
    let document = ann.creates(&api);
    let id = document.to_string();
    output(&mut operate(&api, &["grants", "give", &id, "bob", "editor"]));
    bob.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(200);
    let listed = json_output(&mut operate(&api, &["grants", "list", &id, "--json"]));
    let of_bob =
        listed["items"].as_array().unwrap().iter().find(|item| item["account"] == json!(bob.account));
    assert_eq!(of_bob.unwrap()["role"], "editor");
    output(&mut operate(&api, &["grants", "take", &id, &bob.account]));
    bob.asks(&api, "GET", &format!("/v1/documents/{document}")).expect(404);
    assert!(complaint(&mut operate(&api, &["grants", "take", &id, "ann"])).contains("last_owner"));
    let nothing = DocumentId::from_bytes([9; 16]).to_string();
    for command in [&["grants", "give", &nothing, "bob", "viewer"][..], &["grants", "list", &nothing]] {
        assert!(complaint(&mut operate(&api, command)).contains("document_not_found"), "{command:?}");
    }
}

#[test]
fn accounts_are_prepared_before_anybody_is_asked_who_they_are() {
    let mut api = Api::start(&[]);
    let location = api.create("{}");
    let id = location.rsplit('/').next().unwrap().to_owned();
    assert_eq!(api.get("/v1/accounts").expect(404).code(), "accounts_off");
    assert_eq!(api.get("/v1/audit").expect(404).code(), "accounts_off");
    let create = |api: &Api, name: &str| {
        let made = typing(operate(api, &["accounts", "create", name, "--password-stdin"]), PASSWORD);
        assert!(made.status.success());
    };
    create(&api, "ann");
    api.server.terminate();
    assert!(api.server.wait().success());
    create(&api, "bob");
    output(&mut operate(&api, &["grants", "give", &id, "ann", "owner"]));
    let refused = complaint(&mut operate(&api, &["accounts", "create", "eve"]));
    assert!(refused.contains("--password-stdin"), "{refused}");
    let api = Api { server: ServerProcess::start(api.data.path(), &["--auth", "accounts"]), data: api.data };
    let (ann, bob) = (Person::on_another_device(&api, "ann"), Person::on_another_device(&api, "bob"));
    ann.asks(&api, "GET", &location).expect(200);
    bob.asks(&api, "GET", &location).expect(404);
    assert_eq!(told(&api, "account.created")["actor"], "operator");
}
