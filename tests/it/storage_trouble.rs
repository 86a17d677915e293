//! The disk is full, or lies: what is served, what is refused, and what comes back by itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use tiebreak_protocol::DocumentId;
use tiebreak_tests::peer::{Ended, Peer};
use tiebreak_tests::server_process::{ServerProcess, binary};
use tiebreak_tests::wait::until;

const DOCUMENT: DocumentId = DocumentId::from_bytes([1; 16]);

/// A small file system in memory, gone when dropped.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    pub(crate) fn new(size: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(directory.path())
            .status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "this test mounts a small file system: run it through tests/as-root"
        );
        Self(directory)
    }

    pub(crate) fn path(&self) -> &Path {
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

/// A server whose storage writer cannot sync its file from the thirtieth time on: by then it has started.
fn failing_server(data: &Path) -> ServerProcess {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"]);
    command.args(["-e", "inject=fdatasync,fsync:error=EIO:when=30+"]).arg(binary());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    ServerProcess::launch(command)
}

fn expect_that_it_stopped_by_itself(mut server: ServerProcess) {
    let status = server.wait();
    assert!(!status.success(), "{status}: {}", server.log());
    assert!(server.log().contains("the store failed"), "{}", server.log());
}

#[test]
fn an_io_error_that_only_a_health_probe_meets_stops_the_process() {
    let data = tempfile::tempdir().unwrap();
    let server = failing_server(data.path());
    until("the failure", || {
        let Ok(mut stream) = TcpStream::connect(server.address()) else { return Some(()) };
        // The server may go away in the middle of it.
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok();
        (!answer.starts_with("HTTP/1.1 200")).then_some(())
    });
    expect_that_it_stopped_by_itself(server);
}

#[test]
fn an_io_error_in_a_commit_is_not_acknowledged_and_stops_the_process() {
    let data = tempfile::tempdir().unwrap();
    let server = failing_server(data.path());
    let mut writer = Peer::connect(server.address(), "writer");
    let mut acknowledged = Vec::new();
    for n in 0..100 {
        let Ok(change) = writer.write(DOCUMENT, "key", n) else { break };
        if writer.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).is_err() {
            break;
        }
        acknowledged.push(change);
    }
    assert!(acknowledged.len() < 100, "nothing failed");
    expect_that_it_stopped_by_itself(server);
    let server = ServerProcess::start(data.path(), &[]);
    let mut reader = Peer::connect(server.address(), "reader");
    reader.ask(DOCUMENT).unwrap();
    reader
        .until("what was acknowledged", |peer| acknowledged.iter().all(|one| peer.has(DOCUMENT, *one)))
        .unwrap();
}

fn writer_copy(server: &ServerProcess) -> automerge::Automerge {
    let mut copier = Peer::connect(server.address(), "copier");
    copier.ask(DOCUMENT).unwrap();
    copier.until("the document", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    copier.content(DOCUMENT).unwrap().clone()
}
