//! Durable before told, as the kernel sees it.

use std::process::Command;
use std::time::Duration;
use tiebreak_protocol::DocumentId;
use tiebreak_tests::peer::Peer;
use tiebreak_tests::server_process::{ServerProcess, binary, signal};
use tiebreak_tests::wait::until;

const DOCUMENT: DocumentId = DocumentId::from_bytes([1; 16]);

/// One system call that matters, in the order in which the kernel finished them.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    WritesToDisk(String),
    Syncs,
    WritesToSocket(String),
}

#[test]
fn the_fdatasync_of_a_commit_precedes_every_frame_that_tells_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("trace");
    let mut command = Command::new("strace");
    command
        .args([
            "-f",
            "-xx",
            "-s",
            "20000",
            "-e",
            "trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg",
        ])
        .args(["-e", "signal=none", "-y", "-o"])
        .arg(&trace)
        .arg(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(directory.path().join("data"));
    let server = ServerProcess::launch(command);
    let mut reader = Peer::connect(server.address(), "reader");
    reader.ask(DOCUMENT).unwrap();
    let mut writer = Peer::connect(server.address(), "writer");
    let mut changes = Vec::new();
    for n in 0..10 {
        let change = writer.write(DOCUMENT, "key", n).unwrap();
        writer.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
        reader.until("the change", |peer| peer.has(DOCUMENT, change)).unwrap();
        // The first one is named by the server before it has it: it asks for it.
        if n > 0 {
            changes.push(change);
        }
    }
    // strace passes the signal on and writes its last lines when the server has gone.
    let server_pid = until("the traced process", || child_of(server.pid()));
    signal(server_pid, "TERM");
    let mut server = server;
    server.wait();
    let calls = parse(&std::fs::read_to_string(&trace).unwrap());
    for change in changes {
        let bytes = hexadecimal(&change.0);
        let position = |wanted: &dyn Fn(&Call) -> bool| calls.iter().position(wanted);
        let written = position(&|call| matches!(call, Call::WritesToDisk(data) if data.contains(&bytes)));
        let told = position(&|call| matches!(call, Call::WritesToSocket(data) if data.contains(&bytes)));
        let written = written.unwrap_or_else(|| panic!("{change} was never written to disk"));
        let told = told.unwrap_or_else(|| panic!("{change} was never told"));
        let synced = calls[written..].iter().position(|call| *call == Call::Syncs).map(|at| at + written);
        assert!(
            synced.is_some_and(|synced| synced < told),
            "{change}: written {written}, synced {synced:?}, told {told}"
        );
    }
}

fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// A socket write counts from its start, a sync from its end: the strictest reading of the order.
fn parse(trace: &str) -> Vec<Call> {
    let database = hexadecimal(b"sqlite");
    let mut calls = Vec::new();
    for line in trace.lines() {
        let is = |name: &str| {
            line.contains(&format!(" {name}(")) || line.contains(&format!("<... {name} resumed>"))
        };
        let begins = !line.contains("resumed>");
        if is("fdatasync") || is("fsync") {
            if line.trim_end().ends_with("= 0") {
                calls.push(Call::Syncs);
            }
        } else if begins && line.contains(&database) {
            calls.push(Call::WritesToDisk(line.to_owned()));
        } else if begins && ["sendto", "sendmsg", "write", "writev"].into_iter().any(is) {
            calls.push(Call::WritesToSocket(line.to_owned()));
        }
    }
    calls
}

/// Bytes as strace spells them.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

#[test]
fn a_server_answers_again_within_seconds_of_a_crash() {
    let data = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data.path(), &[]);
    let mut writer = Peer::connect(server.address(), "writer");
    let change = writer.write(DOCUMENT, "key", 1).unwrap();
    writer.until("the answer", |peer| peer.is_acknowledged(DOCUMENT)).unwrap();
    server.kill();
    let server = ServerProcess::start(data.path(), &[]);
    let mut reader = Peer::connect(server.address(), "reader");
    reader.ask(DOCUMENT).unwrap();
    reader.until("the change", |peer| peer.has(DOCUMENT, change)).unwrap();
    assert!(reader.receive(Duration::from_millis(50)).is_ok());
}
