//! A server that speaks TLS itself.

use crate::support::{JSON, complaint, json_output, request, text, tiebreak};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tiebreak_tests::server_process::ServerProcess;

/// Writes a certificate for `localhost` and its key, and answers the flags that name them.
fn write_certificate(directory: &Path) -> (Vec<String>, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, label: &str, der: &[u8]| -> PathBuf {
        let path = directory.join(name);
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der));
        std::fs::write(&path, pem).unwrap();
        path
    };
    let certificate = write("cert.pem", "CERTIFICATE", cert.der());
    let key = write("key.pem", "PRIVATE KEY", &signing_key.serialize_der());
    let flags = vec![format!("--tls-cert={}", text(&certificate)), format!("--tls-key={}", text(&key))];
    (flags, cert.der().clone())
}

/// What is answered to a request over TLS.
fn ask(address: SocketAddr, trusted: &CertificateDer<'static>, request: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection =
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    write!(stream, "{request}\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn requests_come_sealed_and_commands_on_this_machine_come_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (flags, certificate) = write_certificate(directory.path());
    let server = ServerProcess::start(&data, &flags.iter().map(String::as_str).collect::<Vec<_>>());
    let answer = ask(server.address(), &certificate, "GET /healthz HTTP/1.1");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"), "{answer}");
    assert!(server.log().contains(&format!("wss://{}/automerge", server.address())), "{}", server.log());

    let listed = json_output(&mut tiebreak(&["doc", "list", "--json", "--data", text(&data)]));
    assert_eq!(listed["items"].as_array().unwrap().len(), 0);
    let address = std::fs::read_to_string(data.join("tiebreak.address")).unwrap();
    let local: SocketAddr = address.lines().next().unwrap().parse().unwrap();
    assert!(local.ip().is_loopback() && local != server.address());
    request(local, "POST", "/v1/documents", &[JSON], b"{}").expect(201);
}

#[test]
fn a_certificate_that_is_none_keeps_a_server_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let (flags, _certificate) = write_certificate(directory.path());
    let data = directory.path().join("data");
    let serve = || {
        let mut command = tiebreak(&["serve", "--listen", "127.0.0.1:0", "--data", text(&data)]);
        command.args(&flags);
        command
    };
    let key = directory.path().join("key.pem");
    std::fs::write(&key, "nothing").unwrap();
    let said = complaint(&mut serve());
    assert!(said.contains(text(&key)) && said.contains("--tls-key"), "{said}");
    std::fs::remove_file(&key).unwrap();
    let said = complaint(&mut serve());
    assert!(said.contains(text(&key)), "{said}");
    assert!(!data.exists(), "nothing was begun");
}
