use super::*;
use crate::jwt::token::tests::{AUDIENCE, ISSUER, Provider};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;
use tiebreak_storage::{SqliteOptions, SqliteStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const NOW_MS: i64 = 1_700_000_000_000;

/// So many seconds after the server started.
fn at(seconds: u64) -> Moment {
    Moment { elapsed: Duration::from_secs(seconds), unix_ms: NOW_MS + 1000 * seconds as i64 }
}

fn store(directory: &TempDir) -> AccountStore {
    AccountStore::new(Arc::new(SqliteStore::open(directory.path(), &SqliteOptions::default()).unwrap()))
}

fn config(keys: KeySource) -> IdentityProviderConfig {
    IdentityProviderConfig { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned(), keys }
}

/// A set whose keys are these of the provider's.
fn only(jwks: &Value, kid: &str) -> String {
    let keys: Vec<_> = jwks["keys"].as_array().unwrap().iter().filter(|key| key["kid"] == kid).collect();
    json!({ "keys": keys }).to_string()
}

async fn of_file(path: &Path, store: AccountStore) -> Result<IdentityProvider, OpenError> {
    IdentityProvider::open(&config(KeySource::File(path.to_owned())), store, at(0)).await
}

#[tokio::test]
async fn a_stranger_gets_an_account_and_comes_back_to_it() {
    let (directory, provider) = (tempfile::tempdir().unwrap(), Provider::new());
    let path = directory.path().join("jwks.json");
    std::fs::write(&path, provider.jwks().to_string()).unwrap();
    let store = store(&directory);
    let identity = of_file(&path, store.clone()).await.unwrap();
    let ann = identity.identify(&provider.good_token("ann", NOW_MS), at(1)).await.unwrap();
    assert_eq!(
        identity.identify(&provider.good_token("ann", NOW_MS), at(2)).await.unwrap().account,
        ann.account
    );
    assert!(store.account(ann.account).await.unwrap().unwrap().is_live());
    let bob = identity.identify(&provider.good_token("bob", NOW_MS), at(3)).await.unwrap();
    assert_ne!(bob.account, ann.account);
    assert_eq!(identity.identify("nonsense", at(4)).await, Err(TokenError::Refused));

    store.delete_account(ann.account, None, NOW_MS).await.unwrap();
    let deleted = identity.identify(&provider.good_token("ann", NOW_MS), at(5)).await;
    assert_eq!(deleted, Err(TokenError::AccountDeleted));
}

#[tokio::test]
async fn an_unknown_key_makes_the_keys_be_read_again_but_not_at_every_token() {
    let (directory, provider) = (tempfile::tempdir().unwrap(), Provider::new());
    let path = directory.path().join("jwks.json");
    std::fs::write(&path, only(&provider.jwks(), "other")).unwrap();
    let identity = of_file(&path, store(&directory)).await.unwrap();
    let token = provider.good_token("ann", NOW_MS);
    std::fs::write(&path, provider.jwks().to_string()).unwrap();
    assert_eq!(identity.identify(&token, at(29)).await, Err(TokenError::UnknownKey), "they were just read");
    assert!(identity.identify(&token, at(30)).await.is_ok());
}

#[tokio::test]
async fn keys_that_cannot_be_read_leave_those_that_are_there() {
    let (directory, provider) = (tempfile::tempdir().unwrap(), Provider::new());
    let path = directory.path().join("jwks.json");
    let store = store(&directory);
    assert!(matches!(of_file(&path, store.clone()).await, Err(OpenError::File { .. })));
    std::fs::write(&path, "{}").unwrap();
    assert!(matches!(of_file(&path, store.clone()).await, Err(OpenError::Invalid { .. })));
    std::fs::write(&path, provider.jwks().to_string()).unwrap();
    let identity = of_file(&path, store).await.unwrap();
    std::fs::write(&path, "<html>maintenance</html>").unwrap();
    assert!(matches!(identity.refresh(Duration::from_secs(60)).await, Err(OpenError::Invalid { .. })));
    assert!(identity.identify(&provider.good_token("ann", NOW_MS), at(61)).await.is_ok());
}

/// What the keys' server answers to the next request.
#[derive(Clone, Copy)]
enum Answer {
    Keys,
    NotModified,
    Redirection,
    TooMuch,
    Nothing,
}

/// A server of keys that answers each request as the test says.
struct KeyServer {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    certificate: CertificateDer<'static>,
    jwks: String,
}

impl KeyServer {
    async fn new(provider: &Provider) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        Self { listener, acceptor, certificate: cert.der().clone(), jwks: provider.jwks().to_string() }
    }

    fn config(&self) -> IdentityProviderConfig {
        let port = self.listener.local_addr().unwrap().port();
        config(format!("https://localhost:{port}/keys?v=1").parse().unwrap())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }

    /// Answers one request, and tells its head.
    async fn answer(&self, answer: Answer) -> String {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut stream = self.acceptor.accept(stream).await.unwrap();
        let head = read_head(&mut stream).await;
        let text = match answer {
            Answer::Keys => ok(&self.jwks),
            Answer::NotModified => "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned(),
            Answer::Redirection => {
                "HTTP/1.1 302 Found\r\nlocation: http://localhost/\r\ncontent-length: 0\r\n\r\n".to_owned()
            }
            Answer::TooMuch => ok(&" ".repeat(super::super::keys::KEYS_BYTES_MAX + 1)),
            Answer::Nothing => String::new(),
        };
        // Who has heard enough hangs up.
        stream.write_all(text.as_bytes()).await.ok();
        stream.shutdown().await.ok();
        head
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

async fn read_head(stream: &mut TlsStream<TcpStream>) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

#[tokio::test]
async fn keys_are_fetched_over_https_and_asked_for_again_only_if_they_changed() {
    let (directory, provider) = (tempfile::tempdir().unwrap(), Provider::new());
    let server = KeyServer::new(&provider).await;
    let config = server.config();
    let opening = IdentityProvider::trusting(&config, store(&directory), at(0), server.roots());
    let (identity, head) = tokio::join!(opening, server.answer(Answer::Keys));
    let identity = identity.unwrap();
    assert!(head.starts_with("get /keys?v=1 http/1.1\r\n") && head.contains("host: localhost:"), "{head}");
    assert!(!head.contains("if-none-match"), "{head}");

    let (refreshed, head) =
        tokio::join!(identity.refresh(Duration::from_secs(60)), server.answer(Answer::NotModified));
    refreshed.unwrap();
    assert!(head.contains("if-none-match: \"v1\"\r\n"), "{head}");
    assert!(identity.identify(&provider.good_token("ann", NOW_MS), at(61)).await.is_ok());
}

#[tokio::test]
async fn an_address_that_answers_with_anything_else_gives_no_keys() {
    let (directory, provider) = (tempfile::tempdir().unwrap(), Provider::new());
    let (server, store) = (KeyServer::new(&provider).await, store(&directory));
    let config = server.config();
    let open = async |answer| {
        let opening = IdentityProvider::trusting(&config, store.clone(), at(0), server.roots());
        match tokio::join!(opening, server.answer(answer)).0 {
            Err(OpenError::Fetch { source, .. }) => source,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(open(Answer::Redirection).await, FetchError::Status(status) if status.as_u16() == 302));
    assert!(matches!(open(Answer::TooMuch).await, FetchError::Body(_)));
    assert!(matches!(open(Answer::Nothing).await, FetchError::Http(_)));
}

#[tokio::test]
async fn an_address_whose_certificate_nobody_vouches_for_gives_no_keys() {
    let (directory, provider) = (tempfile::tempdir().unwrap(), Provider::new());
    let server = KeyServer::new(&provider).await;
    let config = server.config();
    let opening = IdentityProvider::open(&config, store(&directory), at(0));
    let accepting = async {
        let (stream, _) = server.listener.accept().await.unwrap();
        server.acceptor.accept(stream).await.is_err()
    };
    let (opened, was_refused) = tokio::join!(opening, accepting);
    assert!(matches!(opened, Err(OpenError::Fetch { source: FetchError::Connect(_), .. })));
    assert!(was_refused);
}
