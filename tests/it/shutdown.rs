//! Stopping in order.

use tiebreak_protocol::DocumentId;
use tiebreak_tests::peer::{Ended, Peer};
use tiebreak_tests::server_process::ServerProcess;

const DOCUMENT: DocumentId = DocumentId::from_bytes([1; 16]);

#[test]
fn a_terminated_server_says_goodbye_with_1012_and_exits_cleanly() {
    let data = tempfile::tempdir().unwrap();
    let mut server = ServerProcess::start(data.path(), &[]);
    let mut peer = Peer::connect(server.address(), "peer");
    peer.write(DOCUMENT, "key", 1).unwrap();
    peer.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    server.terminate();
    assert_eq!(peer.until_end(), Ended::Closed(Some(1012)));
    assert!(server.wait().success(), "{}", server.log());
    assert!(Peer::try_connect(server.address(), "late").is_err());
}

#[test]
fn a_peer_that_does_not_read_does_not_hold_the_stop_up() {
    let data = tempfile::tempdir().unwrap();
    let mut server = ServerProcess::start(data.path(), &["--changes-per-second", "1000000"]);
    let mut lazy = Peer::connect(server.address(), "lazy");
    lazy.ask(DOCUMENT).unwrap();
    let mut writer = Peer::connect(server.address(), "writer");
    let filler = "x".repeat(500_000);
    // More than the kernel takes for a peer that does not read, less than its outbox holds.
    for n in 0..14 {
        writer.write_text(DOCUMENT, "key", &format!("{n}{filler}")).unwrap();
        writer.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    }
    server.terminate();
    assert_eq!(writer.until_end(), Ended::Closed(Some(1012)));
    assert!(server.wait().success(), "{}", server.log());
    assert!(!server.log().contains("grace ran out"), "{}", server.log());
    drop(lazy);
}

#[test]
fn half_a_request_does_not_hold_the_stop_up() {
    let data = tempfile::tempdir().unwrap();
    let mut server = ServerProcess::start(data.path(), &[]);
    let mut slow = std::net::TcpStream::connect(server.address()).unwrap();
    std::io::Write::write_all(&mut slow, b"GET /healthz HTTP/1.1\r\nHost: loc").unwrap();
    // Answered on another connection, so the server has seen the first one.
    assert_eq!(server.get("/healthz"), "ok\n");
    server.terminate();
    assert!(server.wait().success(), "{}", server.log());
    assert!(!server.log().contains("grace ran out"), "{}", server.log());
}
