//! Who may do what, at every door of the built server.

mod attempts;
mod audit;
mod connections;
mod grants;
mod identity_provider;
mod keys;
mod matrix;
mod messages;
mod operators;
mod revocations;
mod secrets;
mod sessions;
mod sharing;
mod strangers;

use crate::support::{Api, JSON, Reply, text, tiebreak};
use serde_json::{Value, json};
use std::process::Command;
use tiebreak_protocol::DocumentId;
use tiebreak_tests::peer::{Ended, Peer};

/// A server that asks who comes.
pub(crate) fn start() -> Api {
    start_with(&[])
}

pub(crate) fn start_with(flags: &[&str]) -> Api {
    Api::start(&[&["--auth", "accounts"], flags].concat())
}

/// Somebody with an account, signed in on a device.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) device: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) device_key: Option<String>,
}

pub(crate) const PASSWORD: &str = "a password that nobody guesses";

impl Person {
    /// Signs up and in.
    pub(crate) fn new(api: &Api, name: &str) -> Self {
        let body = json!({ "username": name, "password": PASSWORD });
        post(api, "/v1/accounts", &body).expect(201);
        Self::on_another_device(api, name)
    }

    /// Signs in on a new device.
    pub(crate) fn on_another_device(api: &Api, name: &str) -> Self {
        Self::of(name, &login(api, name, PASSWORD).expect(201).json())
    }

    pub(crate) fn of(name: &str, session: &Value) -> Self {
        let text = |key: &str| session[key].as_str().map(str::to_owned);
        Self {
            name: name.to_owned(),
            account: text("account").unwrap(),
            device: text("device").unwrap(),
            access_token: text("access_token").unwrap(),
            refresh_token: text("refresh_token").unwrap(),
            device_key: text("device_key"),
        }
    }

    pub(crate) fn bearer(&self) -> String {
        format!("authorization: Bearer {}", self.access_token)
    }

    pub(crate) fn asks(&self, api: &Api, method: &str, path: &str) -> Reply {
        api.request(method, path, &[&self.bearer()], b"")
    }

    pub(crate) fn sends(&self, api: &Api, method: &str, path: &str, body: &Value) -> Reply {
        api.request(method, path, &[&self.bearer(), JSON], body.to_string().as_bytes())
    }

    /// Makes a document and answers its id.
    pub(crate) fn creates(&self, api: &Api) -> DocumentId {
        let made = self.sends(api, "POST", "/v1/documents", &json!({ "made": true })).expect(201).json();
        made["id"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn gives(&self, api: &Api, document: DocumentId, to: &Self, role: &str) {
        let path = format!("/v1/documents/{document}/grants/{}", to.account);
        self.sends(api, "PUT", &path, &json!({ "role": role })).expect(204);
    }

    pub(crate) fn takes(&self, api: &Api, document: DocumentId, from: &Self) {
        self.asks(api, "DELETE", &format!("/v1/documents/{document}/grants/{}", from.account)).expect(204);
    }

    pub(crate) fn connects(&self, api: &Api) -> Peer {
        Peer::connect_with_token(api.server.address(), &self.name, &self.access_token).unwrap()
    }
}

pub(crate) fn post(api: &Api, path: &str, body: &Value) -> Reply {
    api.request("POST", path, &[JSON], body.to_string().as_bytes())
}

pub(crate) fn login(api: &Api, name: &str, password: &str) -> Reply {
    post(
        api,
        "/v1/sessions",
        &json!({ "username": name, "password": password, "device": { "name": "phone" } }),
    )
}

/// The command line of the operator, on the server's machine.
pub(crate) fn operate(api: &Api, arguments: &[&str]) -> Command {
    let mut command = tiebreak(arguments);
    command.args(["--data", text(api.data.path())]);
    command
}

/// The secret of the operator, as a header: whoever may read the data directory may read it.
pub(crate) fn operator(api: &Api) -> String {
    let left = std::fs::read_to_string(api.data.path().join("tiebreak.address")).unwrap();
    format!("authorization: Bearer {}", left.lines().nth(2).unwrap())
}

/// How a connection that brings this token ends.
#[track_caller]
pub(crate) fn refused_connection(api: &Api, token: &str) -> Ended {
    Peer::connect_with_token(api.server.address(), "somebody", token).unwrap_err()
}
