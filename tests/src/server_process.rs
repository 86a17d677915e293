//! The built server as a child process on a free port.

use crate::wait::until;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
}

/// The binary under test, built beside the test's own.
///
/// # Panics
/// When it was not built.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a running test knows itself");
    let directory =
        test.ancestors().find(|path| path.join("deps").is_dir()).expect("tests run from a target folder");
    let binary = directory.join("tiebreak");
    assert!(
        binary.exists(),
        "{} is missing; build it with: cargo build -p tiebreak-server",
        binary.display()
    );
    binary
}

impl ServerProcess {
    /// Starts on a free port and waits until it listens.
    pub fn start(data: &Path, flags: &[&str]) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), data, flags)
    }

    /// Starts where another has been, for clients that come back there.
    pub fn start_at(address: SocketAddr, data: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.arg("serve").arg("--listen").arg(address.to_string()).arg("--data").arg(data).args(flags);
        Self::launch(command)
    }

    /// Starts any command that ends up as the server and prints its address.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn launch(mut command: Command) -> Self {
        let mut child =
            command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the server starts");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let collected = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                collected.lock().unwrap_or_else(PoisonError::into_inner).push_str(&format!("{line}\n"));
            }
        });
        let address = until("the server to listen", || {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the server exited with {status}: {log}");
            }
            let (_, rest) = log.split_once("listening on http")?;
            let (_, rest) = rest.split_once("://")?;
            rest.lines().next()?.trim().parse().ok()
        });
        Self { child, address, log }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// SIGKILL, as a crash would have it.
    pub fn kill(mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server ends");
    }

    /// SIGTERM; the server stops by itself.
    pub fn terminate(&self) {
        signal(self.pid(), "TERM");
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        until("the server to exit", || self.child.try_wait().expect("a child can be waited for"))
    }

    /// The body of an HTTP answer to a plain GET.
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("the server accepts");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .expect("a request is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer is read");
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }

    /// The value of a metric, labels included in the name; 0 when it is not there.
    pub fn metric(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics");
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_default()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sends a signal by name.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()), "could not send SIG{name}");
}
