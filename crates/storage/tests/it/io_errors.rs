//! I/O errors while committing: the store stops for good, and opening again finds everything that was answered.
//! A child process runs under a tracer that makes its Nth system call fail; the tests fail without `strace`.

use crate::support::{directory, open, rerun};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::path::Path;
use tiebreak_storage::conformance::{change, document, heads};
use tiebreak_storage::{Append, ChangeRow, DocumentStore, SqliteOptions, SqliteStore, StorageError};

const CHILD_DIRECTORY: &str = "TIEBREAK_TEST_FAILING_DIRECTORY";
const CHILD: &str = "io_errors::the_failing_child_appends_until_it_fails";
const APPENDS: u64 = 24;
/// Large enough that the log is checkpointed several times on the way.
const CHANGE_BYTES: usize = 1024 * 1024;

/// How the child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    RefusedToOpen,
    Finished,
    Full,
    Fatal,
}

fn append(number: u64) -> Append {
    let row = ChangeRow { hash: change(number).hash, bytes: Bytes::from(vec![number as u8; CHANGE_BYTES]) };
    Append::new(document("failing"), vec![row], heads(number), 0)
}

#[tokio::test]
async fn the_failing_child_appends_until_it_fails() {
    let Some(directory) = std::env::var_os(CHILD_DIRECTORY) else { return };
    let end = match SqliteStore::open(directory.as_ref(), &SqliteOptions::default()) {
        Ok(store) => append_until_failure(&store).await,
        Err(_) => End::RefusedToOpen,
    };
    println!("\nend {end:?}");
}

async fn append_until_failure(store: &SqliteStore) -> End {
    for number in 1..=APPENDS {
        match store.append(append(number)).await {
            Ok(committed) => println!("\nanswered {}", committed.through),
            Err(StorageError::Full) => return End::Full,
            Err(error @ StorageError::Fatal(_)) => {
                assert_eq!(store.append(append(number)).await, Err(error.clone()));
                assert_eq!(store.load(document("failing")).await, Err(error.clone()));
                assert_eq!(store.probe().await, Err(error.clone()));
                assert_eq!(store.failure(), Some(error.clone()));
                assert_eq!(store.failed().await, error, "whoever waits for the end hears of it");
                return End::Fatal;
            }
            Err(other) => panic!("{other}"),
        }
    }
    // A failed checkpoint stops the store after its answers.
    match store.close().await {
        Ok(()) => End::Finished,
        Err(_) => End::Fatal,
    }
}

/// Runs the child, then opens its directory undisturbed: what was answered is there, in order and whole.
async fn run(wrapper: &[&str]) -> End {
    let directory = directory();
    let output = rerun(wrapper, CHILD).env(CHILD_DIRECTORY, directory.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let ends = [End::RefusedToOpen, End::Finished, End::Full, End::Fatal];
    let end = ends.into_iter().find(|end| text.contains(&format!("end {end:?}")));
    let end = end.unwrap_or_else(|| panic!("{wrapper:?}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let answered = text.lines().filter_map(|line| line.strip_prefix("answered ")?.parse().ok()).max();
    expect_answered(directory.path(), answered.unwrap_or(0), wrapper).await;
    end
}

async fn expect_answered(directory: &Path, answered: u64, wrapper: &[&str]) {
    let store = open(directory);
    let stored = store.load(document("failing")).await.unwrap();
    let there = stored.as_ref().map_or(0, |stored| stored.through);
    assert!(there >= answered, "{wrapper:?}: {there} of {answered} answered appends are there");
    for (stored, number) in stored.iter().flat_map(|stored| &stored.changes).zip(1..) {
        assert_eq!(*stored, append(number).changes[0]);
    }
    assert!(store.check(|_progress| {}).unwrap().is_clean());
    assert_eq!(store.append(append(there + 1)).await.map(|committed| committed.through), Ok(there + 1));
}

/// Fails each of the chosen calls of every thread, one run for each.
async fn sweep(call: &str, error: &str, calls: impl Iterator<Item = u64>) -> BTreeSet<End> {
    let mut ends = BTreeSet::new();
    for nth in calls {
        let inject = format!("inject={call}:error={error}:when={nth}");
        let trace = format!("trace={call}");
        let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        ends.insert(run(&wrapper).await);
    }
    ends
}

#[tokio::test]
async fn without_a_failure_the_child_finishes() {
    assert_eq!(run(&["env"]).await, End::Finished);
}

#[tokio::test]
async fn a_failed_fsync_stops_the_store_whichever_it_is() {
    // A whole run of the child makes more than 30 of them.
    let ends = sweep("fdatasync,fsync", "EIO", (1..=12).chain((15..=30).step_by(5))).await;
    assert_eq!(ends, BTreeSet::from([End::RefusedToOpen, End::Fatal]));
}

#[tokio::test]
async fn a_failed_write_stops_the_store_whichever_it_is() {
    let ends = sweep("pwrite64", "EIO", (1..=30).step_by(3).chain((50..6_000).step_by(700))).await;
    assert_eq!(ends, BTreeSet::from([End::RefusedToOpen, End::Fatal]));
}

#[tokio::test]
async fn a_write_that_finds_no_space_never_stops_the_store() {
    let ends = sweep("pwrite64", "ENOSPC", (300..6_000).step_by(900)).await;
    assert_eq!(ends, BTreeSet::from([End::Finished]));
}

#[tokio::test]
async fn a_file_that_may_not_grow_stops_the_store() {
    let limited = "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\"";
    assert_eq!(run(&["sh", "-c", limited]).await, End::Fatal);
}
