//! What the tests share: a store in a directory of its own, and the same test run in a child process.

use rusqlite::Connection;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;
use tiebreak_storage::{SqliteOptions, SqliteStore};

/// A directory that goes away with the test.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Opens a store with default options.
pub(crate) fn open(directory: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(directory, &SqliteOptions::default()).unwrap())
}

/// Opens the database file past the store.
pub(crate) fn database(directory: &Path) -> Connection {
    Connection::open(directory.join("tiebreak.sqlite")).unwrap()
}

/// A command that runs one test of this binary with these words before it, such as a tracer.
pub(crate) fn rerun(wrapper: &[&str], test: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut words = wrapper.iter().map(std::ffi::OsString::from).collect::<Vec<_>>();
    words.push(this.into());
    let mut command = Command::new(words.remove(0));
    command.args(words).args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command
}
