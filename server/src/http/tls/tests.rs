use super::*;
use crate::config::Proxy;
use crate::http::listener::{Patience, serve};
use crate::http::strangers::Strangers;
use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

/// A directory with a certificate for `localhost`.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn names(&self) -> TlsFiles {
        let path = |name| self.directory.path().join(name);
        TlsFiles { certificate: path("cert.pem"), key: path("key.pem") }
    }

    /// Puts a fresh pair into the files, and answers the certificate.
    fn renew(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let pem = |label: &str, der: &[u8]| {
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
        };
        std::fs::write(self.names().certificate, pem("CERTIFICATE", cert.der())).unwrap();
        std::fs::write(self.names().key, pem("PRIVATE KEY", &signing_key.serialize_der())).unwrap();
        cert.der().clone()
    }
}

/// Serves until the test is over.
async fn listen(tls: Tls) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(async || "sealed"));
    let time = Duration::from_secs(60);
    let strangers = Strangers::bounded(10, None);
    let patience = Patience { head_time_max: time, write_time_max: time, proxy: Proxy::None, strangers };
    tokio::spawn(serve(listener, router, patience, Some(tls), CancellationToken::new()));
    address
}

/// What the server says to somebody who trusts this certificate only.
async fn ask(address: SocketAddr, trusted: &CertificateDer<'static>) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let files = Files::new();
    let first = files.renew();
    let tls = Tls::open(files.names()).await.unwrap();
    let address = listen(tls.clone()).await;
    assert!(ask(address, &first).await.unwrap().ends_with("sealed"));
    assert_eq!(tls.renew().await.unwrap(), Renewal::Unchanged);

    let second = files.renew();
    assert_eq!(tls.renew().await.unwrap(), Renewal::Renewed);
    assert!(ask(address, &second).await.unwrap().ends_with("sealed"));
    assert!(ask(address, &first).await.is_err());
}

#[tokio::test]
async fn a_pair_that_is_half_written_is_complained_of_once_and_the_one_before_shown() {
    let files = Files::new();
    let first = files.renew();
    let tls = Tls::open(files.names()).await.unwrap();
    let address = listen(tls.clone()).await;
    let old_key = std::fs::read(files.names().key).unwrap();
    let second = files.renew();
    let new_key = std::fs::read(files.names().key).unwrap();

    std::fs::write(files.names().key, old_key).unwrap();
    assert!(matches!(tls.renew().await, Err(TlsError::Refused(_))));
    assert_eq!(tls.renew().await.unwrap(), Renewal::Unchanged);
    assert!(ask(address, &first).await.unwrap().ends_with("sealed"));

    std::fs::write(files.names().key, new_key).unwrap();
    assert_eq!(tls.renew().await.unwrap(), Renewal::Renewed);
    assert!(ask(address, &second).await.unwrap().ends_with("sealed"));
}

#[tokio::test]
async fn who_speaks_no_tls_gets_no_answer() {
    let files = Files::new();
    files.renew();
    let address = listen(Tls::open(files.names()).await.unwrap()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The alert of a broken handshake, or a closed connection.
    stream.read_to_end(&mut answer).await.ok();
    assert!(!answer.starts_with(b"HTTP"));
}

#[tokio::test]
async fn files_that_are_none_are_named() {
    let files = Files::new();
    let missing = Tls::open(files.names()).await.unwrap_err();
    assert!(missing.to_string().contains("cert.pem"), "{missing}");
    files.renew();
    for (path, flag) in [(files.names().certificate, "--tls-cert"), (files.names().key, "--tls-key")] {
        let before = std::fs::read(&path).unwrap();
        std::fs::write(&path, "nothing").unwrap();
        let said = Tls::open(files.names()).await.unwrap_err().to_string();
        assert!(said.contains(flag) && said.contains(path.to_str().unwrap()), "{said}");
        std::fs::write(&path, before).unwrap();
    }
    assert!(Tls::open(files.names()).await.is_ok());
}
