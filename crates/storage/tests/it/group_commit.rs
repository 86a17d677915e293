//! Many callers share one commit, and one of them cannot spoil it for the others.

use crate::support::{database, directory, open};
use std::sync::Arc;
use tiebreak_storage::conformance::{batch, changes, document, heads};
use tiebreak_storage::{DocumentStore, SqliteStore, StorageError};

const CALLERS: u64 = 64;

/// Appends change 1 to one document a caller, all at the same time.
async fn append_at_once(store: &Arc<SqliteStore>, name: &str) -> Vec<Result<u64, StorageError>> {
    let tasks: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (store, id) = (Arc::clone(store), document(&format!("{name} {caller}")));
            tokio::spawn(
                async move { store.append(batch(id, 1..=1, 0)).await.map(|committed| committed.through) },
            )
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

#[tokio::test]
async fn sixty_four_appends_at_once_take_far_fewer_commits() {
    let directory = directory();
    let store = open(directory.path());
    let before = store.commits();
    let outcomes = append_at_once(&store, "grouped").await;
    assert!(outcomes.iter().all(|outcome| *outcome == Ok(1)));
    let commits = store.commits() - before;
    assert!((1..=8).contains(&commits), "{commits} commits for {CALLERS} appends");
}

#[tokio::test]
async fn an_append_to_a_tombstone_does_not_fail_the_others_of_its_group() {
    let directory = directory();
    let store = open(directory.path());
    let tombstone = document("mixed 7");
    store.append(batch(tombstone, 1..=1, 0)).await.unwrap();
    store.delete(tombstone).await.unwrap();
    let before = store.commits();
    let outcomes = append_at_once(&store, "mixed").await;
    for (caller, outcome) in outcomes.into_iter().enumerate() {
        let expected = if caller == 7 { Err(StorageError::Deleted) } else { Ok(1) };
        assert_eq!(outcome, expected, "caller {caller}");
    }
    assert!(store.commits() - before <= 8, "a refusal does not break the group up");
}

#[tokio::test]
async fn an_append_that_the_database_refuses_does_not_fail_the_others_of_its_group() {
    let directory = directory();
    drop(open(directory.path()));
    let poisoned = document("poisoned 7");
    let refuse = format!(
        "CREATE TRIGGER refuse BEFORE INSERT ON changes WHEN hex(NEW.document) = '{}' \
         BEGIN SELECT RAISE(ABORT, 'refused by a test'); END",
        poisoned.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect::<String>(),
    );
    database(directory.path()).execute_batch(&refuse).unwrap();
    let store = open(directory.path());
    let outcomes = append_at_once(&store, "poisoned").await;
    for (caller, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Err(StorageError::Damaged(_)) if caller == 7 => {}
            outcome => assert_eq!(outcome, Ok(1), "caller {caller}"),
        }
    }
    assert_eq!(store.load(poisoned).await, Ok(None));
    assert_eq!(store.load(document("poisoned 8")).await.unwrap().unwrap().changes, changes(1..=1));
}

#[tokio::test]
async fn remembered_heads_cost_no_commit_of_their_own() {
    let directory = directory();
    let store = open(directory.path());
    let id = document("remembering");
    store.append(batch(id, 1..=9, 0)).await.unwrap();
    let before = store.commits();
    for number in 1..=9 {
        store.remember_shared_heads("peer".parse().unwrap(), id, heads(number)).await.unwrap();
    }
    assert_eq!(store.commits(), before);
    store.append(batch(id, 10..=10, 0)).await.unwrap();
    assert_eq!(store.commits(), before + 1);
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.shared_heads("peer".parse().unwrap(), id).await, Ok(Some(heads(9))));
}

#[tokio::test]
async fn loads_go_on_while_a_writer_holds_the_database() {
    let directory = directory();
    let store = open(directory.path());
    let id = document("read meanwhile");
    store.append(batch(id, 1..=3, 0)).await.unwrap();
    let other = database(directory.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let append = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.append(batch(id, 4..=4, 0)).await })
    };
    assert_eq!(store.load(id).await.unwrap().unwrap().changes, changes(1..=3));
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(append.await.unwrap().unwrap().through, 4);
}
