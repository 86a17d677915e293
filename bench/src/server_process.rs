//! A server under test: started on a free loopback port, stopped by its own process id and by no name.

use anyhow::{Context, bail, ensure};
use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// The name of this project's server among the targets.
pub(crate) const OWN: &str = "tiebreak";

const START_TIME_MAX: Duration = Duration::from_secs(30);
const STOP_TIME_MAX: Duration = Duration::from_secs(20);
const HASH_LIMIT_TIME_MAX: Duration = Duration::from_secs(30);

/// What the server does with what it receives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerKind {
    /// Speaks the sync protocol.
    Syncing,
    /// Relays edits to the others of a room and keeps nothing.
    Broadcasting,
}

/// A server that can be started any number of times.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// A shell command; `{port}` and `{data}` stand for what each start gets.
    pub(crate) command: String,
    pub(crate) path: &'static str,
    pub(crate) kind: ServerKind,
}

/// Where clients connect.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) port: u16,
    pub(crate) path: &'static str,
    pub(crate) kind: ServerKind,
}

/// Where servers run and what they leave behind.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// The first of two processors is theirs alone.
    pub(crate) is_pinned: bool,
    /// Logs and results; data directories while they are needed.
    pub(crate) directory: PathBuf,
}

impl Surroundings {
    /// How many processors servers have.
    pub(crate) fn server_processors(&self) -> usize {
        if self.is_pinned { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// A running server; killed when dropped.
pub(crate) struct ServerProcess {
    pub(crate) endpoint: Endpoint,
    pub(crate) pid: u32,
    child: Child,
}

impl ServerProcess {
    /// Starts the server on `data` and waits until it listens.
    pub(crate) async fn start(target: &Target, around: &Surroundings, data: &Path) -> anyhow::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let script = target
            .command
            .replace("{port}", &port.to_string())
            .replace("{data}", &data.display().to_string());
        // `exec` all the way, so that the process id is the server's own.
        let script = format!("exec {script}");
        let mut command = on_server_processors(around, "sh");
        command.args(["-c", &script]);
        let log = log_file(around, &target.name)?;
        command
            .env("PORT", port.to_string())
            .env("DATA_DIR", data)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let child = command.spawn().context("cannot start the server")?;
        let pid = child.id().context("the server ended at once")?;
        let endpoint = Endpoint { port, path: target.path, kind: target.kind };
        let mut server = Self { endpoint, pid, child };
        server.wait_until_it_listens(&target.name).await?;
        Ok(server)
    }

    async fn wait_until_it_listens(&mut self, name: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIME_MAX;
        loop {
            if tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.endpoint.port)).await.is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{name} ended at its start with {status}; see {name}.log");
            }
            if Instant::now() > deadline {
                bail!("{name} does not listen after {START_TIME_MAX:?}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it as an operator would, so that it can write what it holds.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.pid.to_string()]).status().await?;
        if timeout(STOP_TIME_MAX, self.child.wait()).await.is_err() {
            self.kill().await?;
        }
        Ok(())
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

/// A data directory of its own for each run of a scenario; removed when dropped.
pub(crate) struct DataDirectory(PathBuf);

impl DataDirectory {
    pub(crate) fn new(around: &Surroundings) -> anyhow::Result<Self> {
        let path =
            std::path::absolute(&around.directory)?.join(format!("data-{:016x}", crate::document::random()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        // What cannot be removed stays in the target directory, which is disposable.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What argon2 alone can do where servers run, with the parameters of this stored hash: hashes per second of
/// processor time.
pub(crate) async fn hash_limit(stored: &str, around: &Surroundings) -> anyhow::Result<f64> {
    let own = std::env::current_exe()?;
    let mut command = on_server_processors(around, &own.display().to_string());
    let output = command.args(["hash-limit", "--stored", stored]).kill_on_drop(true).output();
    let output = timeout(HASH_LIMIT_TIME_MAX, output).await.context("the hash limit takes too long")??;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cannot measure argon2 alone: {error}");
    String::from_utf8(output.stdout)?.trim().parse().context("the hash limit is a number")
}

fn on_server_processors(around: &Surroundings, program: &str) -> Command {
    if !around.is_pinned {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0", program]);
    command
}

fn log_file(around: &Surroundings, name: &str) -> anyhow::Result<File> {
    let path = around.directory.join(format!("{name}.log"));
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))
}
