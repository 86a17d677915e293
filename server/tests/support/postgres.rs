//! A PostgreSQL cluster of a test's own: Debian's server, as an unprivileged user, in a directory that goes
//! away, on a free port of the loopback. It fails loudly where PostgreSQL is not installed.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Where Debian puts the versions it has.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Users that may run it when the test is root, whom PostgreSQL refuses.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// A running server; stopped and removed on drop.
pub(crate) struct Cluster {
    directory: TempDir,
    programs: PathBuf,
    user: User,
    port: u16,
    server: Child,
}

/// Who runs the server, whom PostgreSQL does not let be root.
#[derive(Debug, Clone, Copy)]
enum User {
    /// The test's own user.
    Own,
    /// Another one, whose are the files.
    Other(u32, u32),
    /// Root of a user namespace that knows nobody else: the server gets one of its own, in which it is not root.
    Renamed,
}

impl Cluster {
    /// Starts with durable settings.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts with these settings instead of the defaults, as `name=value`.
    pub(crate) async fn start_with(settings: &[&str]) -> Self {
        let (programs, user) = (programs(), unprivileged_user());
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let data = directory.path().join("data");
        fs::create_dir(&data).unwrap();
        give(&data, user);
        let initdb = ["-U", "tiebreak", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"];
        let output = command(&programs, "initdb", user).args(initdb).arg(&data).output().unwrap();
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = serve(&programs, user, &data, port, settings);
        let cluster = Self { directory, programs, user, port, server };
        cluster.wait_until_ready().await;
        cluster
    }

    pub(crate) fn url(&self) -> String {
        self.url_through(self.port)
    }

    /// The same database behind a proxy.
    pub(crate) fn url_through(&self, port: u16) -> String {
        format!("postgres://tiebreak@127.0.0.1:{port}/postgres")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A connection past the store.
    pub(crate) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Stops at once, like a crash, and starts again.
    pub(crate) async fn crash_and_restart(&mut self) {
        self.crash();
        self.start_again().await;
    }

    pub(crate) fn crash(&mut self) {
        self.stop();
    }

    pub(crate) async fn start_again(&mut self) {
        self.server = serve(&self.programs, self.user, &self.data(), self.port, &[]);
        self.wait_until_ready().await;
    }

    /// A directory that the server may write to.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::create_dir_all(&path).unwrap();
        give(&path, self.user);
        path
    }

    /// Lets the server use a directory made elsewhere.
    pub(crate) fn give(&self, path: &Path) {
        give(path, self.user);
    }

    async fn wait_until_ready(&self) {
        for _ in 0..600 {
            if let Ok((client, connection)) = tokio_postgres::connect(&self.url(), NoTls).await {
                tokio::spawn(connection);
                client.batch_execute("SELECT 1").await.unwrap();
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = fs::read_to_string(self.data().with_extension("log")).unwrap_or_default();
        panic!("PostgreSQL did not start in time: {log}");
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn stop(&mut self) {
        let stop = ["stop", "--mode=immediate", "--silent", "-D"];
        let stopped = command(&self.programs, "pg_ctl", self.user).args(stop).arg(self.data()).status();
        if !stopped.is_ok_and(|status| status.success()) {
            // It may have been stopped before.
            self.server.kill().ok();
        }
        self.server.wait().unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(programs: &Path, user: User, data: &Path, port: u16, settings: &[&str]) -> Child {
    let log = fs::File::options().create(true).append(true).open(data.with_extension("log")).unwrap();
    let mut server = command(programs, "postgres", user);
    server.arg("-D").arg(data).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    server.args(["-c", "unix_socket_directories=", "-c", "shared_buffers=16MB"]);
    for setting in settings {
        server.args(["-c", setting]);
    }
    server.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn command(programs: &Path, name: &str, user: User) -> Command {
    let program = programs.join(name);
    let mut command = match user {
        User::Own | User::Other(..) => Command::new(program),
        User::Renamed => {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-user=1000", "--map-group=1000"]).arg(program);
            command
        }
    };
    if let User::Other(uid, gid) = user {
        command.uid(uid).gid(gid);
    }
    // The working directory of the test may be closed to that user.
    command.current_dir("/");
    command
}

/// The newest version that is installed.
fn programs() -> PathBuf {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().filter_map(Result::ok);
    let newest = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse::<u32>().ok()?, version.path())))
        .filter(|(_, path)| path.join("bin/postgres").exists())
        .max();
    let (_, path) = newest.expect("these tests start a PostgreSQL server: install the package `postgresql`");
    path.join("bin")
}

fn unprivileged_user() -> User {
    let me = Command::new("id").arg("-u").output().unwrap();
    if String::from_utf8_lossy(&me.stdout).trim() != "0" {
        return User::Own;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let user = UNPRIVILEGED.iter().find_map(|name| {
        let fields: Vec<_> = passwd
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields[0] == *name)?;
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    });
    let (uid, gid) =
        user.expect("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`");
    if is_known_here(uid) { User::Other(uid, gid) } else { User::Renamed }
}

/// A user namespace knows the users that are mapped into it.
fn is_known_here(uid: u32) -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().unwrap());
        let (first, length) = (numbers.next().unwrap(), numbers.nth(1).unwrap());
        (first..first + length).contains(&u64::from(uid))
    })
}

fn give(path: &Path, user: User) {
    if let User::Other(uid, gid) = user {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}
