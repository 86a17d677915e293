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
