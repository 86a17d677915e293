//! Conflicts on SQLite.

use crate::support::{directory, open};
use std::sync::Arc;
use tiebreak_storage::conformance::conflicts::{self, conflict};
use tiebreak_storage::conformance::{batch, document};
use tiebreak_storage::{Append, ConflictStore, DocumentStore, MemoryStore, SqliteStore, StorageError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_keep_their_contract_on_sqlite() {
    let directory = directory();
    conflicts::run_all(open(directory.path())).await;
}

#[tokio::test]
async fn conflicts_outlive_a_restart_and_are_in_a_backup() {
    let (directory, backup) = (directory(), directory());
    let store = open(directory.path());
    let (id, conflicts) = (document("kept"), ConflictStore::new(Arc::<SqliteStore>::clone(&store)));
    let row = conflict(id, "kept");
    let append = Append { beside: conflicts.statements(&row), ..batch(id, 1..=1, 0) };
    store.append(append).await.unwrap();
    store.backup(&backup.path().join("tiebreak.sqlite"), |_progress| {}).unwrap();
    drop((conflicts, store));
    for directory in [&directory, &backup] {
        let conflicts = ConflictStore::new(open(directory.path()));
        assert_eq!(conflicts.find(row.id).await, Ok(Some(row.clone())));
    }
}

#[tokio::test]
async fn a_store_in_memory_refuses_rows_beside_changes_and_keeps_neither() {
    let (memory, directory) = (MemoryStore::new(), directory());
    let (id, conflicts) = (document("in memory"), ConflictStore::new(open(directory.path())));
    let beside = conflicts.statements(&conflict(id, "in memory"));
    let refused = memory.append(Append { beside, ..batch(id, 1..=1, 0) }).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert_eq!(memory.load(id).await, Ok(None));
}
