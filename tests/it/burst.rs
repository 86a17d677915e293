//! Many messages at once.

use automerge::transaction::Transactable;
use automerge::{AutoCommit, ROOT};
use bytes::Bytes;
use tiebreak_protocol::{ChangeHash, DocumentId};
use tiebreak_tests::peer::Peer;
use tiebreak_tests::server_process::{ServerProcess, signal};

const DOCUMENT: DocumentId = DocumentId::from_bytes([1; 16]);

#[test]
fn every_message_of_a_burst_counts_though_all_of_them_wait_in_the_socket() {
    let data = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data.path(), &["--changes-per-second", "1000000"]);
    let mut author = AutoCommit::new();
    let mut changes = Vec::new();
    for n in 0..1_000 {
        author.put(ROOT, "key", n).unwrap();
        author.commit().unwrap();
        changes.push(author.get_last_local_change().unwrap());
    }
    let mut writer = Peer::connect(server.address(), "writer");
    signal(server.pid(), "STOP");
    for change in &changes {
        let chunk = Bytes::copy_from_slice(change.raw_bytes());
        writer.send(&writer.carrying(DOCUMENT, vec![chunk])).unwrap();
    }
    signal(server.pid(), "CONT");
    let mut reader = Peer::connect(server.address(), "reader");
    let last = ChangeHash(changes[999].hash().0);
    reader.ask(DOCUMENT).unwrap();
    reader.until("the last change", |peer| peer.has(DOCUMENT, last)).unwrap();
}
