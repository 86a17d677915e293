//! Nothing that lets somebody in is ever shown: not in a log, not in a metric, not in an answer to somebody else's
//! request or to a wrong one.

use super::{PASSWORD, Person, login, operator, post, refused_connection, start_with};
use crate::support::{Api, JSON, Reply};
use serde_json::{Value, json};

/// Something secret, and where it is from.
type Canary = (&'static str, String);

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap().to_owned()
}

/// Everything that the server gives out and somebody keeps.
fn canaries(api: &Api, ann: &Person) -> Vec<Canary> {
    let document = ann.creates(api);
    let sends = |path: &str, body: Value| ann.sends(api, "POST", path, &body).expect(201).json();
    let key = sends("/v1/keys", json!({ "name": "backend", "role": "viewer" }));
    let in_address = json!({
        "name": "stock", "role": "viewer", "documents": [document.to_string()], "in_address": true,
    });
    let url_key = sends("/v1/keys", in_address);
    let invitation = sends(&format!("/v1/documents/{document}/invitations"), json!({ "role": "viewer" }));
    let ticket = ann.asks(api, "POST", "/v1/tickets").expect(201).json();
    let operator = operator(api).rsplit(' ').next().unwrap().to_owned();
    vec![
        ("password", PASSWORD.to_owned()),
        ("access token", ann.access_token.clone()),
        ("refresh token", ann.refresh_token.clone()),
        ("device key", ann.device_key.clone().unwrap()),
        ("key", text(&key, "secret")),
        ("key for addresses", text(&url_key, "secret")),
        ("invitation", text(&invitation, "secret")),
        ("ticket", text(&ticket, "ticket")),
        ("operator secret", operator),
    ]
}

/// Shows a secret wherever it has no business, and answers what came back.
fn misplaced(api: &Api, bob: &Person, secret: &str) -> Vec<Reply> {
    let broken = format!(r#"{{"username":"ann","password":"{secret}""#);
    let wrong_type = json!({ "username": { "it": secret }, "password": [secret], "device": secret });
    let unknown_field = json!({ "username": "ann", "password": "x", secret: 1, "device": { "name": "x" } });
    let named = json!({ "username": secret, "password": secret });
    let encoded: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    vec![
        api.request("POST", "/v1/sessions", &[JSON], broken.as_bytes()),
        post(api, "/v1/sessions", &wrong_type),
        post(api, "/v1/sessions", &unknown_field),
        post(api, "/v1/accounts", &named),
        login(api, secret, secret),
        login(api, &bob.name, &format!("{secret}x")),
        post(api, "/v1/sessions", &json!({ "device_key": format!("{secret}x") })),
        post(api, "/v1/sessions/refresh", &json!({ "refresh_token": format!("{secret}x") })),
        bob.sends(api, "POST", "/v1/invitations/redeem", &json!({ "secret": format!("{secret}x") })),
        bob.sends(api, "PUT", "/v1/account/password", &json!({ "old": format!("{secret}x"), "new": "y" })),
        api.request("GET", "/v1/account", &[&format!("authorization: Bearer {secret}x")], b""),
        api.request("GET", "/v1/account", &[&format!("authorization: Basic {secret}")], b""),
        api.request("GET", &format!("/automerge?token={encoded}"), &[], b""),
        api.request("GET", &format!("/automerge?ticket={encoded}x"), &[], b""),
        api.request("GET", &format!("/v1/documents?key={encoded}"), &[], b""),
        api.request("GET", &format!("/v1/documents?after={encoded}"), &[&bob.bearer()], b""),
        api.request("GET", &format!("/v1/documents/{encoded}"), &[&bob.bearer()], b""),
        api.request("GET", &format!("/no/such/{encoded}"), &[], b""),
        api.request("POST", "/v1/sessions", &[JSON, &format!("origin: https://{}.example", "x")], b"{}"),
    ]
}

#[test]
fn no_log_no_metric_and_no_problem_shows_what_lets_somebody_in() {
    // The most that an operator can ask of the log, of this server's own lines and of every library's.
    let api = start_with(&["--log", "trace", "--allow-url-keys"]);
    let ann = Person::new(&api, "ann");
    let canaries = canaries(&api, &ann);
    let mut shown = Vec::new();
    for (number, (whose, secret)) in canaries.iter().enumerate() {
        // Each of them by somebody else: who guesses too often has to wait.
        let bob = Person::new(&api, &format!("bob-{number}"));
        for reply in misplaced(&api, &bob, secret) {
            let all = format!("{:?} {}", reply.headers, String::from_utf8_lossy(&reply.body));
            // Whoever asked knows what it has sent; nobody else is to read it in a page or a log of answers.
            if all.contains(secret.as_str()) {
                shown.push(format!("an answer ({}) shows the {whose}: {all}", reply.status));
            }
        }
        refused_connection(&api, &format!("{secret}x"));
    }
    // And where they belong.
    for (whose, secret) in &canaries {
        match *whose {
            "password" => drop(login(&api, "ann", secret).expect(201)),
            "refresh token" => {
                drop(post(&api, "/v1/sessions/refresh", &json!({ "refresh_token": secret })).expect(200));
            }
            "device key" => drop(post(&api, "/v1/sessions", &json!({ "device_key": secret })).expect(201)),
            "access token" | "key" | "operator secret" => {
                let bearer = format!("authorization: Bearer {secret}");
                api.request("GET", "/v1/documents", &[&bearer], b"").expect(200);
            }
            "key for addresses" | "ticket" => {
                let name = if *whose == "ticket" { "ticket" } else { "key" };
                let upgrade = [
                    "connection: Upgrade",
                    "upgrade: websocket",
                    "sec-websocket-version: 13",
                    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
                ];
                api.request("GET", &format!("/automerge?{name}={secret}"), &upgrade, b"").expect(101);
            }
            _other => {}
        }
    }
    let metrics = api.request("GET", "/metrics", &[&operator(&api)], b"").expect(200);
    let (metrics, log) = (String::from_utf8(metrics.body).unwrap(), api.server.log());
    assert!(log.contains("TRACE"), "the log says all it can");
    for (whose, secret) in &canaries {
        let encoded: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for (place, text) in [("the log", &log), ("a metric", &metrics)] {
            for secret in [secret, &encoded] {
                if let Some(at) = text.find(secret.as_str()) {
                    let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
                    let line: String = text[line_start..].chars().take(300).collect();
                    shown.push(format!("{place} shows the {whose}: {line}"));
                }
            }
        }
    }
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}
