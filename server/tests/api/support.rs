//! What the tests share: a server on a free port, a caller of HTTP, a caller of the command line.

use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ROOT};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;
use tiebreak_tests::server_process::ServerProcess;

pub(crate) const JSON: &str = "content-type: application/json";
pub(crate) const FILE: &str = "content-type: application/octet-stream";

/// A running server with a data directory of its own.
pub(crate) struct Api {
    pub(crate) server: ServerProcess,
    pub(crate) data: TempDir,
}

impl Api {
    pub(crate) fn start(flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self { server: ServerProcess::start(data.path(), flags), data }
    }

    /// Stops the server properly and starts another one on the same data.
    pub(crate) fn restart(mut self) -> Self {
        self.server.terminate();
        assert!(self.server.wait().success());
        Self { server: ServerProcess::start(self.data.path(), &[]), data: self.data }
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Reply {
        request(self.server.address(), method, path, headers, body)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.request("GET", path, &[], b"")
    }

    /// Makes a document from JSON and answers its address.
    pub(crate) fn create(&self, json: &str) -> String {
        self.request("POST", "/v1/documents", &[JSON], json.as_bytes())
            .expect(201)
            .header("location")
            .to_owned()
    }

    /// Makes a document from a file and answers its address.
    pub(crate) fn create_from(&self, file: &[u8]) -> String {
        self.request("POST", "/v1/documents", &[FILE], file).expect(201).header("location").to_owned()
    }

    pub(crate) fn import(&self, location: &str, file: &[u8]) -> Reply {
        self.request("POST", &format!("{location}/import"), &[FILE], file)
    }

    /// The document as a file.
    pub(crate) fn file(&self, location: &str) -> Vec<u8> {
        self.request("GET", location, &["accept: application/octet-stream"], b"").expect(200).body
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of a problem, after a look at its form.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(
            !problem["detail"].as_str().unwrap().is_empty() && !problem["title"].as_str().unwrap().is_empty()
        );
        problem["code"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn request(address: SocketAddr, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|header| header.starts_with("host:")) {
        head.push_str(&format!("host: {address}\r\n"));
    }
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    if !headers.iter().any(|header| header.starts_with("connection:")) {
        head.push_str("connection: close\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    read(&mut stream)
}

fn read(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the answer ends in its head: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..read]);
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
        // A header that stands twice means its values one behind the other.
        let header = headers.entry(name.to_lowercase()).or_default();
        let separator = if header.is_empty() { "" } else { ", " };
        *header = format!("{header}{separator}{value}");
    }
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = bytes[head_end + 4..].to_vec();
    // A stream has no length, and only its head is read.
    let missing = length.saturating_sub(body.len());
    let mut rest = vec![0; missing];
    stream.read_exact(&mut rest).unwrap();
    body.extend(rest);
    Reply { status, headers, body }
}

/// A device's document, by a fixed actor.
pub(crate) fn device(actor: u8) -> AutoCommit {
    AutoCommit::new().with_actor(ActorId::from([actor; 16].as_slice()))
}

/// Writes a number as a change of its own.
pub(crate) fn write(document: &mut AutoCommit, key: &str, value: i64) {
    document.put(ROOT, key, value).unwrap();
    document.commit();
}

/// The command line, without the settings that the environment of the tests may have.
pub(crate) fn tiebreak(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tiebreak"));
    command.args(arguments);
    for (name, _value) in std::env::vars().filter(|(name, _)| name.starts_with("TIEBREAK_")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command that must succeed, and answers what it printed.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The same for a command that prints JSON.
#[track_caller]
pub(crate) fn json_output(command: &mut Command) -> Value {
    serde_json::from_str(&output(command)).unwrap()
}

/// Runs a command that must fail, and answers what it complained of.
#[track_caller]
pub(crate) fn complaint(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        stderr(&output)
    );
    stderr(&output)
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
