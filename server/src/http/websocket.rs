//! `GET /automerge` and `GET /`: where devices connect, and what people see who come with a browser.

use super::peer_address::Remote;
use super::problem::{Fault, UpgradeProblems};
use crate::access::Principal;
use crate::doors::automerge::{self, Door};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, UPGRADE};
use axum::response::{Html, IntoResponse, Response};

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

const TEXT: &str = "\
Tiebreak: local-first sync with a referee.

Devices connect here with automerge-repo:
  new WebSocketClientAdapter(\"ws://…/automerge\")

For programs and people:
  /v1/documents      all documents
  /v1/openapi.json   what else there is
  /healthz           whether the server runs
";

const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Tiebreak</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 10vh auto; padding: 0 1rem }
</style>
<h1>Tiebreak</h1>
<p>Local-first sync with a referee. The server runs; devices connect to it with automerge-repo:</p>
<pre><code>new WebSocketClientAdapter(\"ws://…/automerge\")</code></pre>
<ul>
  <li><a href=\"/v1/documents\">/v1/documents</a>: all documents</li>
  <li><a href=\"/v1/openapi.json\">/v1/openapi.json</a>: what else there is</li>
  <li><a href=\"/healthz\">/healthz</a>: whether the server runs</li>
</ul>
</html>
";

/// Connect a device
///
/// Speaks the automerge-repo WebSocket protocol.
#[utoipa::path(
    get,
    path = "/automerge",
    tag = "sync",
    responses((status = SWITCHING_PROTOCOLS, description = "The conversation begins"), UpgradeProblems)
)]
pub(super) async fn connect(
    door: State<Door>,
    principal: Extension<Principal>,
    remote: Option<Extension<Remote>>,
    upgrade: Upgrade,
) -> Response {
    match upgrade {
        Ok(upgrade) => automerge::open(door, principal, remote, upgrade).await,
        Err(_) => Fault::UpgradeRequired.into_response(),
    }
}

/// Find out what this is
///
/// Stock sync servers listen at the root; devices configured for them find this one here too.
#[utoipa::path(
    get,
    path = "/",
    tag = "sync",
    responses(
        (status = OK, description = "A page for people", content_type = "text/html", body = String),
        (status = SWITCHING_PROTOCOLS, description = "The conversation begins"),
        UpgradeProblems,
    )
)]
pub(super) async fn welcome(
    door: State<Door>,
    principal: Extension<Principal>,
    remote: Option<Extension<Remote>>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    if headers.contains_key(UPGRADE) {
        return connect(door, principal, remote, upgrade).await;
    }
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        ([(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'")], Html(PAGE))
            .into_response()
    } else {
        TEXT.into_response()
    }
}
