//! `wss://`, through a terminator in front of the built server.

use super::{SOON, folder, until_status};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_client::{ConnectionState, OpenError, Tiebreak, TiebreakConfig};
use tiebreak_tests::server_process::ServerProcess;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Unwraps TLS for `upstream` until the test is over. Answers its port, and the certificate that it shows for
/// `localhost`.
async fn terminator(upstream: SocketAddr) -> (u16, Vec<u8>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let shown = cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![shown.clone()], key)
        .expect("a certificate with its key");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who does not trust the certificate goes again.
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = TcpStream::connect(upstream).await.expect("the server accepts");
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok();
            });
        }
    });
    (port, shown.to_vec())
}

fn config(folder: &tempfile::TempDir, url: String) -> TiebreakConfig {
    TiebreakConfig::new(folder.path()).url(url).backoff(Duration::from_millis(20), Duration::from_millis(50))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_the_app_trusts_is_accepted_and_no_other() {
    let (data, trusting, strict) = (folder(), folder(), folder());
    let server = ServerProcess::start(data.path(), &[]);
    let (port, certificate) = terminator(server.address()).await;
    let url = format!("wss://localhost:{port}/automerge");

    let with_root = config(&trusting, url.clone()).trust_root(certificate.clone());
    let client = Tiebreak::open(with_root).await.expect("opens");
    let note = client.create(&json!({ "sent": "under seal" })).await.expect("made");
    client.wait_for_upload(SOON).await.expect("uploaded");
    assert_eq!(server.get(&format!("/v1/documents/{}", note.id())).trim(), r#"{"sent":"under seal"}"#);
    client.close().await;

    let client = Tiebreak::open(config(&strict, url)).await.expect("opens");
    let status = until_status(&client, "a word about it", |status| status.last_error.is_some()).await;
    let error = status.last_error.expect("waited for").to_string();
    assert!(error.contains("certificate"), "{error}");
    assert_ne!(client.status().state, ConnectionState::Connected);
    client.create(&json!({ "kept": "here" })).await.expect("it works offline");
    client.close().await;

    // The right certificate under another name.
    let other = folder();
    let misnamed = config(&other, format!("wss://127.0.0.1:{port}/automerge")).trust_root(certificate);
    let client = Tiebreak::open(misnamed).await.expect("opens");
    until_status(&client, "a word about it", |status| status.last_error.is_some()).await;
    assert_ne!(client.status().state, ConnectionState::Connected);
    client.close().await;
}

#[tokio::test]
async fn what_is_no_certificate_or_no_address_is_refused_at_once() {
    let local = folder();
    let url = "wss://localhost/automerge";
    let odd = config(&local, url.to_owned()).trust_root(b"no certificate".to_vec());
    assert!(matches!(Tiebreak::open(odd).await, Err(OpenError::Certificate { .. })));
    for url in ["", "localhost", "http://localhost/automerge", "wss://", "ws://[::1", "ws://local host/"] {
        let opened = Tiebreak::open(config(&local, url.to_owned())).await;
        assert!(matches!(opened, Err(OpenError::Url { .. })), "{url:?}: {opened:?}");
    }
}
