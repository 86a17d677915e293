//! `--auth jwt`: who brings a token of the identity provider.

use super::refused_connection;
use crate::support::{Api, JSON, Reply, complaint, text, tiebreak};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tiebreak_protocol::{DocumentId, ExtensionFrame, Frame, Secret};
use tiebreak_tests::peer::{Ended, Peer};
use tiebreak_tests::wait::until;

/// How long a token is taken past its end, since clocks differ.
const SKEW_S: i64 = 60;

const ISSUER: &str = "https://id.example";

/// An identity provider with one key, which it publishes in a file.
struct Provider {
    key: Ed25519KeyPair,
    directory: TempDir,
}

impl Provider {
    fn new() -> Self {
        let provider = Self {
            key: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
            directory: tempfile::tempdir().unwrap(),
        };
        let x = URL_SAFE_NO_PAD.encode(provider.key.public_key());
        let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": x }] });
        std::fs::write(provider.directory.path().join("jwks.json"), jwks.to_string()).unwrap();
        provider
    }

    fn flags(&self) -> Vec<String> {
        let keys = format!("--jwt-jwks={}", text(&self.directory.path().join("jwks.json")));
        vec!["--auth=jwt".to_owned(), format!("--jwt-issuer={ISSUER}"), "--jwt-audience=app".to_owned(), keys]
    }

    fn serves(&self) -> Api {
        Api::start(&self.flags().iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A token for somebody, for so many seconds from now.
    fn token(&self, subject: &str, seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expires = i64::try_from(now).unwrap() + seconds;
        let claims = json!({ "iss": ISSUER, "aud": "app", "sub": subject, "exp": expires, "name": subject });
        let header = json!({ "alg": "EdDSA", "kid": "one", "typ": "JWT" });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = self.key.sign(format!("{header}.{claims}").as_bytes());
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signed))
    }
}

fn ask(api: &Api, request: (&str, &str), token: &str, body: &[u8]) -> Reply {
    api.request(request.0, request.1, &[&format!("authorization: Bearer {token}"), JSON], body)
}

#[test]
fn whom_the_provider_vouches_for_owns_documents_and_shares_them() {
    let provider = Provider::new();
    let api = provider.serves();
    let (ann, bob) = (provider.token("ann", 600), provider.token("bob", 600));
    let made = ask(&api, ("POST", "/v1/documents"), &ann, b"{}").expect(201);
    let location = made.header("location");
    ask(&api, ("GET", location), &ann, b"").expect(200);
    ask(&api, ("GET", location), &provider.token("ann", 300), b"").expect(200);
    assert_eq!(ask(&api, ("GET", location), &bob, b"").expect(404).code(), "document_not_found");

    let invitation = ask(&api, ("POST", &format!("{location}/invitations")), &ann, br#"{"role":"viewer"}"#);
    let secret = invitation.expect(201).json()["secret"].as_str().unwrap().to_owned();
    let redeemed = json!({ "secret": secret }).to_string();
    ask(&api, ("POST", "/v1/invitations/redeem"), &bob, redeemed.as_bytes()).expect(200);
    ask(&api, ("GET", location), &bob, b"").expect(200);
    assert_eq!(ask(&api, ("DELETE", location), &bob, b"").expect(403).code(), "access_denied");
    assert!(Peer::connect_with_token(api.server.address(), "bob", &bob).is_ok());
}

#[test]
fn nobody_else_comes_in() {
    let provider = Provider::new();
    let api = provider.serves();
    assert_eq!(api.get("/v1/documents").expect(401).code(), "unauthorized");
    let over = provider.token("ann", -120);
    assert_eq!(ask(&api, ("GET", "/v1/documents"), &over, b"").expect(401).code(), "token_expired");
    refused_connection(&api, &over);
    let mut forged = provider.token("ann", 600);
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    assert_eq!(ask(&api, ("GET", "/v1/documents"), &forged, b"").expect(401).code(), "unauthorized");
    refused_connection(&api, &forged);
    let sign_up = br#"{"username":"ann","password":"a password that nobody guesses"}"#;
    let signed_up = api.request("POST", "/v1/accounts", &[JSON], sign_up).expect(404);
    assert_eq!(signed_up.code(), "accounts_off");
}

#[test]
fn a_connection_whose_token_runs_out_is_asked_for_another_and_ends_without() {
    let provider = Provider::new();
    let api = provider.serves();
    let short = || provider.token("ann", 4 - SKEW_S);
    let mut asked = Peer::connect_with_token(api.server.address(), "asked", &short()).unwrap();
    let mut silent = Peer::connect_with_token(api.server.address(), "silent", &short()).unwrap();
    let (sender, target) = until("the question", || {
        let frame = asked.receive(Duration::from_millis(100)).unwrap()?;
        let Frame::Extension { sender, target, frame: ExtensionFrame::TokenWanted { .. } } = frame else {
            return None;
        };
        Some((target, sender))
    });
    let token = Secret::new(provider.token("ann", 600));
    asked.send(&Frame::Extension { sender, target, frame: ExtensionFrame::Token { token } }).unwrap();
    assert_eq!(silent.until_end(), Ended::Closed(Some(4401)));
    let document = DocumentId::from_bytes([7; 16]);
    asked.write(document, "key", 1).unwrap();
    asked.until("the answer", |peer| peer.is_acknowledged(document)).unwrap();
}

#[test]
fn a_server_that_could_let_nobody_in_says_so_at_once() {
    let provider = Provider::new();
    let data = provider.directory.path().join("data");
    std::fs::write(provider.directory.path().join("jwks.json"), "{}").unwrap();
    let mut command = tiebreak(&["serve", "--listen=127.0.0.1:0", "--data", text(&data)]);
    let said = complaint(command.args(provider.flags()));
    assert!(said.contains("jwks.json") && said.contains("--jwt-jwks"), "{said}");
}
