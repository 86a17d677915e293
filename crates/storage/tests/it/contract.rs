//! Every store keeps the one contract.

use std::sync::Arc;
use tiebreak_storage::{DocumentStore, MemoryStore, SqliteOptions, SqliteStore, StorageError, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_store_keeps_the_contract() {
    conformance::run_all(Arc::new(MemoryStore::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sqlite_store_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), &SqliteOptions::default()).unwrap();
    conformance::run_all(Arc::new(store)).await;
}

#[tokio::test]
async fn a_memory_store_that_was_made_to_fail_fails_every_call_and_says_so() {
    let store = MemoryStore::new();
    let fatal = StorageError::Fatal("as a test wants it".to_owned());
    store.fail(fatal.clone());
    assert_eq!(store.failed().await, fatal);
    assert_eq!(store.probe().await, Err(fatal.clone()));
    assert_eq!(store.load(conformance::document("failed")).await, Err(fatal.clone()));
    assert_eq!(store.close().await, Err(fatal));
}
