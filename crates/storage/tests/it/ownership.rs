//! Opening: one server per directory, known schemas only, and what closing leaves behind.

use crate::support::{database, directory, open, rerun};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use tiebreak_storage::conformance::{batch, document};
use tiebreak_storage::{DocumentStore, OpenError, QuickCheck, SqliteOptions, SqliteStore, StorageError};

const CHILD_DIRECTORY: &str = "TIEBREAK_TEST_OWNED_DIRECTORY";

#[test]
fn a_second_open_of_the_same_directory_is_refused_and_names_it() {
    let directory = directory();
    let first = open(directory.path());
    let refused = SqliteStore::open(directory.path(), &SqliteOptions::default()).unwrap_err();
    assert!(matches!(&refused, OpenError::InUse { directory: named } if named == directory.path()));
    assert!(refused.to_string().contains(&directory.path().display().to_string()));
    block_on(first.close()).unwrap();
    open(directory.path());
}

#[test]
fn the_directory_of_a_killed_server_is_free_and_its_answered_appends_are_there() {
    if let Some(owned) = std::env::var_os(CHILD_DIRECTORY) {
        return own_and_append_until_killed(owned.as_ref());
    }
    let directory = directory();
    let test = "ownership::the_directory_of_a_killed_server_is_free_and_its_answered_appends_are_there";
    let mut command = rerun(&[], test);
    let mut child = command.env(CHILD_DIRECTORY, directory.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answered =
        || lines.by_ref().map(Result::unwrap).find_map(|line| line.parse::<u64>().ok()).unwrap();
    while answered() < 50 {}
    let refused = SqliteStore::open(directory.path(), &SqliteOptions::default());
    assert!(matches!(refused, Err(OpenError::InUse { .. })));
    child.kill().unwrap();
    child.wait().unwrap();
    let answered = lines.map_while(Result::ok).filter_map(|line| line.parse().ok()).last().unwrap_or(50);
    let store = open(directory.path());
    let stored = block_on(store.load(document("killed"))).unwrap().unwrap();
    assert!(stored.through >= answered, "{} of {answered} answered appends are there", stored.through);
    assert!(stored.damaged.is_empty());
}

fn own_and_append_until_killed(directory: &std::path::Path) {
    let store = open(directory);
    for number in 1.. {
        let committed = block_on(store.append(batch(document("killed"), number..=number, 0))).unwrap();
        assert_eq!(committed.through, number);
        println!("\n{number}");
    }
}

#[test]
fn a_store_opened_again_has_everything_that_was_answered() {
    let directory = directory();
    let peer: tiebreak_protocol::StorageId = "peer".parse().unwrap();
    let id = document("kept");
    let store = open(directory.path());
    block_on(store.append(batch(id, 1..=3, 0))).unwrap();
    let heads = tiebreak_storage::conformance::heads(2);
    block_on(store.remember_shared_heads(peer.clone(), id, heads.clone())).unwrap();
    let own = block_on(store.own_storage_id("mine".parse().unwrap())).unwrap();
    let before = block_on(store.load(id)).unwrap();
    drop(store);
    let store = open(directory.path());
    assert_eq!(block_on(store.load(id)).unwrap(), before);
    assert_eq!(block_on(store.shared_heads(peer, id)).unwrap(), Some(heads), "flushed when closing");
    assert_eq!(block_on(store.own_storage_id("other".parse().unwrap())).unwrap(), own);
}

#[test]
fn shared_heads_that_nobody_renewed_are_forgotten_when_the_writer_is_idle() {
    let directory = directory();
    let id = document("remembered");
    let peer = |name: &str| -> tiebreak_protocol::StorageId { name.parse().unwrap() };
    let store = open(directory.path());
    block_on(store.append(batch(id, 1..=1, 0))).unwrap();
    let heads = tiebreak_storage::conformance::heads(1);
    for name in ["fresh", "old"] {
        block_on(store.remember_shared_heads(peer(name), id, heads.clone())).unwrap();
    }
    drop(store);
    let age = "UPDATE sync_states SET seen_ms = seen_ms - 91 * 24 * 3600 * 1000 WHERE storage_id = 'old'";
    database(directory.path()).execute(age, ()).unwrap();
    let store = open(directory.path());
    let is_there = |name| block_on(store.shared_heads(peer(name), id)).unwrap().is_some();
    for _ in 0..1_000 {
        if !is_there("old") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(!is_there("old") && is_there("fresh"));
}

#[test]
fn a_closed_store_answers_unavailable() {
    let directory = directory();
    let store = open(directory.path());
    block_on(store.close()).unwrap();
    let closed = StorageError::Unavailable("the store is closed".to_owned());
    assert_eq!(block_on(store.append(batch(document("closed"), 1..=1, 0))), Err(closed.clone()));
    assert_eq!(block_on(store.load(document("closed"))), Err(closed));
}

#[test]
fn a_server_whose_data_another_one_took_over_writes_nothing_more() {
    let directory = directory();
    let first = open(directory.path());
    let id = document("taken over");
    block_on(first.append(batch(id, 1..=1, 0))).unwrap();
    // Somebody removes the lock file of a server that hangs and starts another one.
    std::fs::remove_file(directory.path().join("tiebreak.lock")).unwrap();
    let second = open(directory.path());
    let fenced = block_on(first.append(batch(id, 2..=2, 0)));
    assert!(matches!(fenced, Err(StorageError::Fatal(_))), "{fenced:?}");
    assert!(matches!(block_on(first.load(id)), Err(StorageError::Fatal(_))));
    assert_eq!(block_on(second.append(batch(id, 2..=2, 0))).unwrap().through, 2);
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = directory();
    drop(open(directory.path()));
    database(directory.path())
        .execute("INSERT INTO schema_migrations (version, name, applied_ms) VALUES (9999, 'later', 0)", ())
        .unwrap();
    let refused = SqliteStore::open(directory.path(), &SqliteOptions::default()).unwrap_err();
    assert!(matches!(refused, OpenError::SchemaTooNew { found: 9999, .. }), "{refused}");
}

#[test]
fn a_quick_check_refuses_a_file_with_a_broken_page() {
    let directory = directory();
    let store = open(directory.path());
    block_on(store.append(batch(document("checked"), 1..=500, 0))).unwrap();
    drop(store);
    crate::damage::overwrite_pages(directory.path(), 5..9);
    let options = SqliteOptions { quick_check: QuickCheck::Run, ..SqliteOptions::default() };
    let refused = SqliteStore::open(directory.path(), &options).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged { .. } | OpenError::Sqlite(_)), "{refused}");
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
