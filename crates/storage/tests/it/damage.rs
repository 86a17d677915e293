//! Flipped bits: seen, left out, set aside once; everything else is served.

use crate::support::{database, directory, open};
use rusqlite::params;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tiebreak_protocol::{DocumentId, Heads, StorageId};
use tiebreak_storage::conformance::{batch, change, changes, compaction, document, heads};
use tiebreak_storage::{Committed, DamagedChunk, DocumentStore, SqliteStore, StorageError, StoredDocument};

const PAGE_BYTES: u64 = 4096;

/// Two documents with a snapshot and two changes each, then damage to the first, then a load of it.
async fn load_after(damage: impl FnOnce(&Path, &[u8])) -> (TempDir, Arc<SqliteStore>, StoredDocument) {
    let directory = directory();
    let (damaged, healthy) = (document("damaged"), document("healthy"));
    let store = open(directory.path());
    for id in [damaged, healthy] {
        store.append(batch(id, 1..=5, 10)).await.unwrap();
        store.compact(compaction(id, 3)).await.unwrap();
    }
    store.close().await.unwrap();
    damage(directory.path(), damaged.as_bytes());
    let store = open(directory.path());
    let stored = store.load(damaged).await.unwrap().unwrap();
    let other = store.load(healthy).await.unwrap().unwrap();
    assert_eq!((other.changes, other.damaged), (changes(4..=5), Vec::new()), "other documents keep serving");
    (directory, store, stored)
}

fn execute(statement: &'static str) -> impl FnOnce(&Path, &[u8]) {
    move |directory, id| {
        assert_eq!(database(directory).execute(statement, params![id]).unwrap(), 1, "{statement}");
    }
}

/// What is set aside, once `count` chunks are.
async fn set_aside(store: &SqliteStore, id: DocumentId, count: usize) -> Vec<String> {
    for _ in 0..500 {
        let kept = store.quarantined(id).await.unwrap();
        if kept.len() >= count {
            return kept.into_iter().map(|chunk| chunk.reason).collect();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{count} chunks were not set aside in time");
}

#[tokio::test]
async fn a_flipped_bit_in_a_change_leaves_that_change_out_and_sets_it_aside_once() {
    let flip = "UPDATE changes SET bytes = CAST('X' || substr(bytes, 2) AS BLOB) WHERE document = $1 AND sequence = 4";
    let (_directory, store, stored) = load_after(execute(flip)).await;
    assert_eq!(stored.changes, [change(5)]);
    assert_eq!(stored.damaged, [DamagedChunk::Change { sequence: 4 }]);
    assert_eq!(stored.snapshot, Some(compaction(document("damaged"), 3).snapshot));
    let id = document("damaged");
    assert_eq!(set_aside(&store, id, 1).await, ["a change does not match its checksum"]);
    store.load(id).await.unwrap();
    store.probe().await.unwrap();
    let kept = store.quarantined(id).await.unwrap();
    assert_eq!(kept.len(), 1, "the same damage is set aside once");
    assert_eq!(kept[0].hash, Some(change(4).hash));
    assert!(kept[0].bytes.starts_with(b"Xhange 4"));
}

#[tokio::test]
async fn damage_to_each_field_of_a_change_is_seen() {
    for flip in [
        "UPDATE changes SET hash = zeroblob(32) WHERE document = $1 AND sequence = 5",
        "UPDATE changes SET hash = zeroblob(31) WHERE document = $1 AND sequence = 5",
        "UPDATE changes SET checksum = zeroblob(16) WHERE document = $1 AND sequence = 5",
        "UPDATE changes SET checksum = zeroblob(0) WHERE document = $1 AND sequence = 5",
        "DELETE FROM changes WHERE document = $1 AND sequence = 5",
    ] {
        let (_directory, _store, stored) = load_after(execute(flip)).await;
        assert_eq!(stored.changes, [change(4)], "{flip}");
        assert_eq!(stored.damaged, [DamagedChunk::Change { sequence: 5 }], "{flip}");
    }
}

#[tokio::test]
async fn a_change_whose_number_or_document_was_damaged_is_missed_where_it_should_be() {
    let renumber = "UPDATE changes SET sequence = 4611686018427387908 WHERE document = $1 AND sequence = 4";
    let (_directory, _store, stored) = load_after(execute(renumber)).await;
    assert_eq!(stored.changes, [change(5)]);
    assert!(stored.damaged.contains(&DamagedChunk::Change { sequence: 4 }), "{:?}", stored.damaged);
    let (_directory, _store, stored) = load_after(execute(
        "UPDATE changes SET document = zeroblob(16) WHERE document = $1 AND sequence = 4",
    ))
    .await;
    assert_eq!(
        (stored.changes, stored.damaged),
        (vec![change(5)], vec![DamagedChunk::Change { sequence: 4 }])
    );
}

#[tokio::test]
async fn a_damaged_or_missing_snapshot_is_left_out_and_named() {
    for flip in [
        "UPDATE snapshots SET bytes = CAST('X' || substr(bytes, 2) AS BLOB) WHERE document = $1",
        "UPDATE snapshots SET through = 2 WHERE document = $1",
        "DELETE FROM snapshots WHERE document = $1",
    ] {
        let (_directory, _store, stored) = load_after(execute(flip)).await;
        assert_eq!((stored.snapshot, stored.snapshot_through), (None, 3), "{flip}");
        assert_eq!(stored.damaged, [DamagedChunk::Snapshot], "{flip}");
        assert_eq!(stored.changes, changes(4..=5), "{flip}");
    }
}

#[tokio::test]
async fn a_damaged_or_missing_document_row_is_named_and_the_next_append_writes_it_anew() {
    for flip in [
        "UPDATE documents SET heads = zeroblob(32) WHERE id = $1",
        "UPDATE documents SET through = 1000000000 WHERE id = $1",
        "UPDATE documents SET deleted_ms = 5 WHERE id = $1",
        "UPDATE documents SET id = zeroblob(16) WHERE id = $1",
        "DELETE FROM documents WHERE id = $1",
    ] {
        let (_directory, store, stored) = load_after(execute(flip)).await;
        assert_eq!(stored.damaged, [DamagedChunk::Row], "{flip}");
        assert_eq!((stored.heads, stored.through, stored.deleted), (Heads::default(), 5, false), "{flip}");
        assert_eq!((stored.snapshot_through, stored.changes), (3, changes(4..=5)), "{flip}");
        let id = document("damaged");
        let next = store.append(batch(id, 6..=6, 20)).await;
        assert_eq!(next, Ok(Committed { through: 6, created: false }), "{flip}");
        let healed = store.load(id).await.unwrap().unwrap();
        assert_eq!(
            (healed.heads, healed.changes, healed.damaged),
            (heads(6), changes(4..=6), Vec::new()),
            "{flip}"
        );
    }
}

#[tokio::test]
async fn a_damaged_tombstone_stays_a_tombstone() {
    let directory = directory();
    let id = document("tombstone");
    let store = open(directory.path());
    store.append(batch(id, 1..=2, 0)).await.unwrap();
    store.delete(id).await.unwrap();
    store.close().await.unwrap();
    execute("UPDATE documents SET deleted_ms = NULL WHERE id = $1")(directory.path(), id.as_bytes());
    let store = open(directory.path());
    assert_eq!(store.append(batch(id, 3..=3, 0)).await, Err(StorageError::Deleted));
    let stored = store.load(id).await.unwrap().unwrap();
    assert_eq!((stored.deleted, stored.damaged), (true, vec![DamagedChunk::Row]));
}

#[tokio::test]
async fn damaged_shared_heads_count_as_none() {
    let directory = directory();
    let (id, peer): (_, StorageId) = (document("shared"), "peer".parse().unwrap());
    let store = open(directory.path());
    store.append(batch(id, 1..=2, 0)).await.unwrap();
    store.remember_shared_heads(peer.clone(), id, heads(2)).await.unwrap();
    store.close().await.unwrap();
    execute("UPDATE sync_states SET heads = zeroblob(32) WHERE document = $1")(
        directory.path(),
        id.as_bytes(),
    );
    assert_eq!(open(directory.path()).shared_heads(peer, id).await, Ok(None));
}

#[tokio::test]
async fn a_check_names_every_damaged_chunk_and_nothing_else() {
    let flip = "UPDATE changes SET bytes = zeroblob(length(bytes)) WHERE document = $1 AND sequence = 4";
    let (_directory, store, _stored) = load_after(execute(flip)).await;
    let mut steps = 0;
    let report = store.check(|_progress| steps += 1).unwrap();
    assert!(!report.is_clean());
    assert_eq!(report.damaged, [(document("damaged"), DamagedChunk::Change { sequence: 4 })]);
    assert_eq!((report.documents, report.changes, report.damaged_count), (2, 3, 1));
    assert_eq!((report.integrity, report.unreadable), (Vec::new(), Vec::new()));
    assert_eq!(steps, 3, "one step for the pages and one for each document");
}

#[tokio::test]
async fn broken_pages_take_their_documents_down_and_no_others() {
    let directory = directory();
    let store = open(directory.path());
    let ids: Vec<_> = (0..40).map(|index| document(&format!("page {index}"))).collect();
    for id in &ids {
        store.append(batch(*id, 1..=60, 0)).await.unwrap();
    }
    store.close().await.unwrap();
    let pages = pages_of_changes(directory.path());
    overwrite_pages(directory.path(), pages);
    let store = open(directory.path());
    let (mut served, mut refused) = (0, 0);
    for id in &ids {
        match store.load(*id).await {
            Ok(Some(stored)) if stored.damaged.is_empty() => {
                assert_eq!(stored.changes, changes(1..=60));
                served += 1;
            }
            Ok(stored) => panic!("a document with half its changes: {stored:?}"),
            Err(StorageError::Damaged(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(served > 20 && refused > 0, "{served} served, {refused} refused");
    assert_eq!(
        store.append(batch(document("new"), 1..=1, 0)).await.map(|committed| committed.through),
        Ok(1)
    );
    let report = store.check(|_progress| {}).unwrap();
    assert_eq!(report.unreadable_count, refused);
    assert!(!report.integrity.is_empty());
}

/// Two leaf pages in the middle of the table of changes.
fn pages_of_changes(directory: &Path) -> Range<u64> {
    // Rows fill the table in order, so its leaves lie in a row; the file's last third holds none but leaves of
    // this table and of its index.
    let pages = std::fs::metadata(directory.join("tiebreak.sqlite")).unwrap().len() / PAGE_BYTES;
    let middle = pages / 2;
    middle..middle + 2
}

/// Overwrites pages with noise, behind SQLite's back. The store must be closed.
pub(crate) fn overwrite_pages(directory: &Path, pages: Range<u64>) {
    let file = File::options().write(true).open(directory.join("tiebreak.sqlite")).unwrap();
    for page in pages {
        file.write_all_at(&[0xA5; PAGE_BYTES as usize], page * PAGE_BYTES).unwrap();
    }
}
