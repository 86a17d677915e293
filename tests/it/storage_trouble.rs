//! The disk is full, or lies: what is served, what is refused, and what comes back by itself.

use std::path::Path;
use std::process::Command;
use tiebreak_protocol::DocumentId;
use tiebreak_tests::peer::{Ended, Peer};
use tiebreak_tests::server_process::ServerProcess;
use tiebreak_tests::wait::until;

const DOCUMENT: DocumentId = DocumentId::from_bytes([1; 16]);

/// A small file system in memory, gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(size: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(directory.path())
            .status();
        assert!(mounted.is_ok_and(|status| status.success()), "mounting a small disk takes root");
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).status().ok();
    }
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_recovers_without_a_restart() {
    let disk = SmallDisk::new("24m");
    let server = ServerProcess::start(&disk.path().join("data"), &[]);
    let mut writer = Peer::connect(server.address(), "writer");
    let kept = writer.write(DOCUMENT, "kept", 1).unwrap();
    writer.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    let ballast = disk.path().join("ballast");
    Command::new("dd")
        .args(["if=/dev/zero", "bs=64k"])
        .arg(format!("of={}", ballast.display()))
        .output()
        .unwrap();
    // Something fits into what the database had reserved; in the end nothing does.
    let refused = until("a refusal", || {
        let mut writer = Peer::try_connect(server.address(), "filler").ok()?;
        writer.hold(DOCUMENT, writer_copy(&server));
        for n in 0..200 {
            let sent = writer.write(DOCUMENT, &format!("fill {n} {}", "x".repeat(2_000)), n);
            if let Some(ended) =
                sent.and_then(|_| writer.until("an answer", |p| p.is_acknowledged(DOCUMENT))).err()
            {
                return Some(ended);
            }
        }
        None
    });
    assert_eq!(refused, Ended::Closed(Some(4507)), "{}", server.log());
    let mut reader = Peer::connect(server.address(), "reader");
    reader.ask(DOCUMENT).unwrap();
    reader.until("the document", |peer| peer.has(DOCUMENT, kept)).unwrap();
    std::fs::remove_file(&ballast).unwrap();
    let change = reader.write(DOCUMENT, "after", 1).unwrap();
    reader.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    let mut other = Peer::connect(server.address(), "other");
    other.ask(DOCUMENT).unwrap();
    other.until("the change", |peer| peer.has(DOCUMENT, change)).unwrap();
}

fn writer_copy(server: &ServerProcess) -> automerge::Automerge {
    let mut copier = Peer::connect(server.address(), "copier");
    copier.ask(DOCUMENT).unwrap();
    copier.until("the document", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    copier.content(DOCUMENT).unwrap().clone()
}
