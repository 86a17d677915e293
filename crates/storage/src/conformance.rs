//! The contract of [`DocumentStore`] as assertions, one behaviour each, to run against every implementation.
//! They panic where the contract is broken. Each takes its own documents, so one fresh store serves them all.

pub mod accounts;
pub mod actors;
pub mod conflicts;
pub mod random;

use crate::{
    Append, ChangeRow, Committed, Compaction, DocumentStore, DocumentSummary, QUARANTINED_PER_DOCUMENT_MAX,
    QuarantinedChange, SHARED_HEADS_PER_DOCUMENT_MAX, StorageError, StoredDocument,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use tiebreak_protocol::{ChangeHash, DocumentId, Heads, StorageId};

/// Runs the whole contract on a fresh store.
pub async fn run_all(store: Arc<dyn DocumentStore>) {
    let shared = Arc::clone(&store);
    let store = &*store;
    a_document_never_written_is_not_there(store).await;
    append_then_load_gives_the_same_changes(store).await;
    appends_count_from_one_and_go_on_counting(store).await;
    only_the_first_append_creates(store).await;
    an_append_without_changes_writes_nothing(store).await;
    a_repeated_change_is_kept_as_given(store).await;
    large_and_empty_changes_come_back_whole(store).await;
    compaction_replaces_the_changes_it_covers(store).await;
    appends_go_on_after_a_compaction(store).await;
    a_compaction_that_covers_less_changes_nothing(store).await;
    a_compaction_of_what_was_never_appended_changes_nothing(store).await;
    a_listing_pages_through_every_live_document_in_order(store).await;
    a_listing_weighs_each_document(store).await;
    a_deleted_document_leaves_an_empty_tombstone(store).await;
    deleting_answers_whether_there_was_something(store).await;
    a_tombstone_takes_no_changes_and_no_compaction(store).await;
    deleting_forgets_what_peers_share_and_what_was_set_aside(store).await;
    actors::the_first_binding_of_an_actor_stays(store).await;
    actors::an_append_that_is_refused_binds_nobody(store).await;
    quarantine_keeps_each_chunk_once_in_order(store).await;
    quarantine_keeps_the_oldest_chunks_and_has_an_end(store).await;
    shared_heads_are_kept_per_peer_and_the_latest_wins(store).await;
    shared_heads_are_kept_for_the_latest_peers(store).await;
    the_own_storage_id_is_chosen_once(store).await;
    a_probe_succeeds(store).await;
    overlapping_appends_to_many_documents_all_arrive(Arc::clone(&shared)).await;
    overlapping_appends_to_one_document_get_different_numbers(shared).await;
    a_store_that_works_has_not_failed(store).await;
    a_closed_store_takes_nothing_more(store).await;
}

pub async fn a_document_never_written_is_not_there(store: &dyn DocumentStore) {
    assert_eq!(store.load(document("never written")).await, Ok(None));
}

pub async fn append_then_load_gives_the_same_changes(store: &dyn DocumentStore) {
    let id = document("append then load");
    let append = batch(id, 1..=3, 1_000);
    assert_eq!(store.append(append.clone()).await, Ok(Committed { through: 3, created: true }));
    let expected = StoredDocument {
        snapshot: None,
        snapshot_through: 0,
        changes: append.changes,
        through: 3,
        heads: append.heads,
        actors: BTreeMap::new(),
        created_ms: 1_000,
        updated_ms: 1_000,
        deleted: false,
        damaged: Vec::new(),
    };
    assert_eq!(load(store, id).await, expected);
}

pub async fn appends_count_from_one_and_go_on_counting(store: &dyn DocumentStore) {
    let id = document("counting");
    assert_eq!(through(store.append(batch(id, 1..=1, 10)).await), 1);
    assert_eq!(through(store.append(batch(id, 2..=6, 20)).await), 6);
    assert_eq!(through(store.append(batch(id, 7..=7, 30)).await), 7);
    let stored = load(store, id).await;
    assert_eq!(stored.changes, changes(1..=7));
    assert_eq!((stored.created_ms, stored.updated_ms), (10, 30));
    assert_eq!(stored.heads, heads(7));
}

pub async fn only_the_first_append_creates(store: &dyn DocumentStore) {
    let id = document("created once");
    let first = store.append(batch(id, 1..=1, 0)).await;
    let second = store.append(batch(id, 2..=2, 0)).await;
    assert_eq!(first.map(|committed| committed.created), Ok(true));
    assert_eq!(second.map(|committed| committed.created), Ok(false));
}

pub async fn an_append_without_changes_writes_nothing(store: &dyn DocumentStore) {
    let id = document("without changes");
    let empty = Append::new(id, Vec::new(), heads(9), 5);
    assert_eq!(store.append(empty.clone()).await, Ok(Committed { through: 0, created: false }));
    assert_eq!(store.load(id).await, Ok(None));
    assert_eq!(through(store.append(batch(id, 1..=2, 1)).await), 2);
    assert_eq!(store.append(empty).await, Ok(Committed { through: 2, created: false }));
    let stored = load(store, id).await;
    assert_eq!((stored.heads, stored.updated_ms), (heads(2), 1));
}

pub async fn a_repeated_change_is_kept_as_given(store: &dyn DocumentStore) {
    let id = document("repeated");
    assert_eq!(through(store.append(batch(id, 1..=1, 0)).await), 1);
    assert_eq!(through(store.append(batch(id, 1..=1, 0)).await), 2);
    assert_eq!(load(store, id).await.changes, [change(1), change(1)]);
}

pub async fn large_and_empty_changes_come_back_whole(store: &dyn DocumentStore) {
    let id = document("large and empty");
    let large: Vec<u8> = (0..1024 * 1024_u32).map(|index| (index % 251) as u8).collect();
    let rows = vec![
        ChangeRow { hash: change(1).hash, bytes: Bytes::new() },
        ChangeRow { hash: change(2).hash, bytes: Bytes::from(large) },
    ];
    let append = Append::new(id, rows.clone(), heads(2), 0);
    assert_eq!(through(store.append(append).await), 2);
    assert_eq!(load(store, id).await.changes, rows);
}

pub async fn compaction_replaces_the_changes_it_covers(store: &dyn DocumentStore) {
    let id = document("compaction");
    assert_eq!(through(store.append(batch(id, 1..=5, 0)).await), 5);
    assert_eq!(store.compact(compaction(id, 3)).await, Ok(()));
    let stored = load(store, id).await;
    assert_eq!(stored.snapshot, Some(compaction(id, 3).snapshot));
    assert_eq!((stored.snapshot_through, stored.through), (3, 5));
    assert_eq!(stored.changes, changes(4..=5));
    assert_eq!(stored.heads, heads(5));
    assert_eq!(store.compact(compaction(id, 5)).await, Ok(()));
    let stored = load(store, id).await;
    assert_eq!(stored.snapshot, Some(compaction(id, 5).snapshot));
    assert_eq!((stored.snapshot_through, stored.changes), (5, Vec::new()));
    assert!(stored.damaged.is_empty());
}

pub async fn appends_go_on_after_a_compaction(store: &dyn DocumentStore) {
    let id = document("append after compaction");
    assert_eq!(through(store.append(batch(id, 1..=2, 0)).await), 2);
    assert_eq!(store.compact(compaction(id, 2)).await, Ok(()));
    let next = store.append(batch(id, 3..=3, 7)).await;
    assert_eq!(next, Ok(Committed { through: 3, created: false }));
    let stored = load(store, id).await;
    assert_eq!(stored.changes, changes(3..=3));
    assert_eq!((stored.snapshot_through, stored.through, stored.updated_ms), (2, 3, 7));
}

pub async fn a_compaction_that_covers_less_changes_nothing(store: &dyn DocumentStore) {
    let id = document("compaction going back");
    assert_eq!(through(store.append(batch(id, 1..=4, 0)).await), 4);
    assert_eq!(store.compact(compaction(id, 3)).await, Ok(()));
    let before = load(store, id).await;
    assert_eq!(store.compact(compaction(id, 2)).await, Ok(()));
    assert_eq!(load(store, id).await, before);
}

pub async fn a_compaction_of_what_was_never_appended_changes_nothing(store: &dyn DocumentStore) {
    let absent = document("compaction of nothing");
    assert_eq!(store.compact(compaction(absent, 1)).await, Ok(()));
    assert_eq!(store.load(absent).await, Ok(None));
    let id = document("compaction ahead");
    assert_eq!(through(store.append(batch(id, 1..=2, 0)).await), 2);
    for through in [0, 3, u64::MAX] {
        assert_eq!(store.compact(compaction(id, through)).await, Ok(()));
    }
    let stored = load(store, id).await;
    assert_eq!((stored.snapshot, stored.changes), (None, changes(1..=2)));
}

pub async fn a_listing_pages_through_every_live_document_in_order(store: &dyn DocumentStore) {
    let ids: Vec<_> = (0..5).map(|index| document(&format!("listed {index}"))).collect();
    for id in &ids {
        assert_eq!(through(store.append(batch(*id, 1..=1, 0)).await), 1);
    }
    assert_eq!(store.delete(ids[2]).await, Ok(true));
    let listed: Vec<_> = list_all(store, 2).await.into_iter().map(|summary| summary.document).collect();
    assert!(listed.is_sorted(), "pages follow each other in id order");
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(listed.iter().filter(|other| *other == id).count(), usize::from(index != 2));
    }
    let in_one_page = list_all(store, usize::MAX).await;
    assert_eq!(in_one_page, list_all(store, 0).await, "a limit of 0 counts as 1");
}

pub async fn a_listing_weighs_each_document(store: &dyn DocumentStore) {
    let id = document("weighed");
    assert_eq!(through(store.append(batch(id, 1..=4, 10)).await), 4);
    assert_eq!(store.compact(compaction(id, 3)).await, Ok(()));
    assert_eq!(through(store.append(batch(id, 5..=5, 20)).await), 5);
    let kept = [compaction(id, 3).snapshot, change(4).bytes, change(5).bytes];
    let expected = DocumentSummary {
        document: id,
        heads: heads(5),
        created_ms: 10,
        updated_ms: 20,
        changes: 5,
        bytes: kept.iter().map(|bytes| bytes.len() as u64).sum(),
        damaged: false,
    };
    let listed = list_all(store, 100).await;
    assert_eq!(listed.into_iter().find(|summary| summary.document == id), Some(expected));
}

pub async fn a_deleted_document_leaves_an_empty_tombstone(store: &dyn DocumentStore) {
    let id = document("tombstone");
    assert_eq!(through(store.append(batch(id, 1..=4, 0)).await), 4);
    assert_eq!(store.compact(compaction(id, 2)).await, Ok(()));
    assert_eq!(store.delete(id).await, Ok(true));
    let stored = load(store, id).await;
    assert!(stored.deleted);
    assert_eq!((stored.snapshot, stored.changes), (None, Vec::new()));
    assert_eq!((stored.through, stored.heads, stored.damaged), (4, heads(4), Vec::new()));
}

pub async fn deleting_answers_whether_there_was_something(store: &dyn DocumentStore) {
    let id = document("deleted twice");
    assert_eq!(store.delete(id).await, Ok(false));
    assert_eq!(store.load(id).await, Ok(None), "deleting nothing leaves no tombstone");
    assert_eq!(through(store.append(batch(id, 1..=1, 0)).await), 1);
    assert_eq!(store.delete(id).await, Ok(true));
    assert_eq!(store.delete(id).await, Ok(false));
}

pub async fn a_tombstone_takes_no_changes_and_no_compaction(store: &dyn DocumentStore) {
    let id = document("refusing tombstone");
    assert_eq!(through(store.append(batch(id, 1..=2, 0)).await), 2);
    assert_eq!(store.delete(id).await, Ok(true));
    let before = load(store, id).await;
    assert_eq!(store.append(batch(id, 3..=3, 0)).await, Err(StorageError::Deleted));
    assert_eq!(store.compact(compaction(id, 2)).await, Ok(()));
    assert_eq!(load(store, id).await, before);
}

pub async fn deleting_forgets_what_peers_share_and_what_was_set_aside(store: &dyn DocumentStore) {
    let (id, other) = (document("forgotten"), document("remembered"));
    let peer = storage_id("forgetting");
    for id in [id, other] {
        assert_eq!(through(store.append(batch(id, 1..=1, 0)).await), 1);
        assert_eq!(store.remember_shared_heads(peer.clone(), id, heads(1)).await, Ok(()));
        assert_eq!(store.quarantine(suspect(id, 1)).await, Ok(()));
    }
    assert_eq!(store.delete(id).await, Ok(true));
    assert_eq!(store.shared_heads(peer.clone(), id).await, Ok(None));
    assert_eq!(store.quarantined(id).await, Ok(Vec::new()));
    assert_eq!(store.shared_heads(peer, other).await, Ok(Some(heads(1))));
    assert_eq!(store.quarantined(other).await, Ok(vec![suspect(other, 1)]));
}

pub async fn quarantine_keeps_each_chunk_once_in_order(store: &dyn DocumentStore) {
    let id = document("quarantine");
    assert_eq!(store.quarantined(id).await, Ok(Vec::new()));
    for number in [2, 1, 2, 3, 1] {
        assert_eq!(store.quarantine(suspect(id, number)).await, Ok(()));
    }
    let nameless = QuarantinedChange { hash: None, ..suspect(id, 4) };
    assert_eq!(store.quarantine(nameless.clone()).await, Ok(()));
    let expected = vec![suspect(id, 2), suspect(id, 1), suspect(id, 3), nameless];
    assert_eq!(store.quarantined(id).await, Ok(expected));
    assert_eq!(store.load(id).await, Ok(None), "what is set aside creates no document");
}

pub async fn quarantine_keeps_the_oldest_chunks_and_has_an_end(store: &dyn DocumentStore) {
    let id = document("crowded quarantine");
    let most = QUARANTINED_PER_DOCUMENT_MAX as u64;
    for number in 1..=most + 1 {
        assert_eq!(store.quarantine(suspect(id, number)).await, Ok(()));
    }
    let expected: Vec<_> = (1..=most).map(|number| suspect(id, number)).collect();
    assert_eq!(store.quarantined(id).await, Ok(expected));
}

pub async fn shared_heads_are_kept_per_peer_and_the_latest_wins(store: &dyn DocumentStore) {
    let id = document("shared heads");
    let (ann, bob) = (storage_id("ann"), storage_id("bob"));
    assert_eq!(through(store.append(batch(id, 1..=3, 0)).await), 3);
    assert_eq!(store.shared_heads(ann.clone(), id).await, Ok(None));
    for (peer, number) in [(&ann, 1), (&bob, 2), (&ann, 3)] {
        assert_eq!(store.remember_shared_heads(peer.clone(), id, heads(number)).await, Ok(()));
    }
    assert_eq!(store.shared_heads(ann.clone(), id).await, Ok(Some(heads(3))));
    // A commit takes along what was held back; the answer stays the same.
    assert_eq!(store.probe().await, Ok(()));
    assert_eq!(store.shared_heads(ann, id).await, Ok(Some(heads(3))));
    assert_eq!(store.shared_heads(bob, id).await, Ok(Some(heads(2))));
}

pub async fn shared_heads_are_kept_for_the_latest_peers(store: &dyn DocumentStore) {
    let (id, other) = (document("many peers"), document("few peers"));
    for id in [id, other] {
        assert_eq!(through(store.append(batch(id, 1..=1, 0)).await), 1);
        assert_eq!(store.remember_shared_heads(storage_id("oldest"), id, heads(1)).await, Ok(()));
    }
    assert_eq!(store.probe().await, Ok(()));
    // Stores tell the latest by the wall clock.
    let then = crate::clock::unix_ms();
    while crate::clock::unix_ms() <= then {
        tokio::task::yield_now().await;
    }
    let peers: Vec<_> =
        (0..SHARED_HEADS_PER_DOCUMENT_MAX).map(|n| storage_id(&format!("peer {n}"))).collect();
    for peer in &peers {
        assert_eq!(store.remember_shared_heads(peer.clone(), id, heads(1)).await, Ok(()));
    }
    assert_eq!(store.probe().await, Ok(()));
    assert_eq!(store.shared_heads(storage_id("oldest"), id).await, Ok(None));
    for peer in peers {
        assert_eq!(store.shared_heads(peer, id).await, Ok(Some(heads(1))));
    }
    assert_eq!(store.shared_heads(storage_id("oldest"), other).await, Ok(Some(heads(1))));
}

pub async fn the_own_storage_id_is_chosen_once(store: &dyn DocumentStore) {
    let chosen = store.own_storage_id(storage_id("first choice")).await;
    assert_eq!(store.own_storage_id(storage_id("second choice")).await, chosen);
    assert!(chosen.is_ok());
}

pub async fn a_probe_succeeds(store: &dyn DocumentStore) {
    assert_eq!(store.probe().await, Ok(()));
}

pub async fn a_store_that_works_has_not_failed(store: &dyn DocumentStore) {
    let failed = tokio::time::timeout(std::time::Duration::ZERO, store.failed()).await;
    assert!(failed.is_err(), "{failed:?}");
}

/// The last of the suite: the store is not usable afterwards.
pub async fn a_closed_store_takes_nothing_more(store: &dyn DocumentStore) {
    assert_eq!(store.close().await, Ok(()));
    let id = document("closed");
    let refused = store.append(batch(id, 1..=1, 0)).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    let refused = store.load(id).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert_eq!(store.close().await, Ok(()), "closing again changes nothing");
}

pub async fn overlapping_appends_to_many_documents_all_arrive(store: Arc<dyn DocumentStore>) {
    let ids: Vec<_> = (0..64).map(|index| document(&format!("overlapping {index}"))).collect();
    let appends = ids.iter().map(|id| {
        let (store, id) = (Arc::clone(&store), *id);
        tokio::spawn(async move {
            for number in 1..=5 {
                assert_eq!(through(store.append(batch(id, number..=number, 0)).await), number);
            }
        })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.expect("every append arrives");
    }
    for id in ids {
        assert_eq!(load(&*store, id).await.changes, changes(1..=5));
    }
}

pub async fn overlapping_appends_to_one_document_get_different_numbers(store: Arc<dyn DocumentStore>) {
    let id = document("overlapping in one");
    let appends = (1..=32).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { through(store.append(batch(id, number..=number, 0)).await) })
    });
    let mut numbers = Vec::new();
    for append in appends.collect::<Vec<_>>() {
        numbers.push(append.await.expect("every append arrives"));
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=32));
    let mut stored = load(&*store, id).await.changes;
    stored.sort_by_key(|change| change.hash);
    assert_eq!(stored, changes(1..=32));
}

/// A document id made from a name.
pub fn document(name: &str) -> DocumentId {
    use sha2::{Digest, Sha256};
    let mut id = [0; 16];
    id.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
    DocumentId::from_bytes(id)
}

/// Change number `number`: its hash and its bytes both tell the number.
pub fn change(number: u64) -> ChangeRow {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    ChangeRow { hash: ChangeHash(hash), bytes: Bytes::from(format!("change {number} with some content")) }
}

/// Changes with these numbers.
pub fn changes(numbers: RangeInclusive<u64>) -> Vec<ChangeRow> {
    numbers.map(change).collect()
}

/// The heads of a document that ends with change `number`.
pub fn heads(number: u64) -> Heads {
    Heads::new(vec![change(number).hash])
}

/// An append of these changes.
pub fn batch(document: DocumentId, numbers: RangeInclusive<u64>, received_ms: i64) -> Append {
    let heads = heads(*numbers.end());
    Append::new(document, changes(numbers), heads, received_ms)
}

/// A snapshot that stands for the changes up to `through`.
pub fn compaction(document: DocumentId, through: u64) -> Compaction {
    Compaction { document, snapshot: Bytes::from(format!("a snapshot through {through}")), through }
}

fn suspect(document: DocumentId, number: u64) -> QuarantinedChange {
    let ChangeRow { hash, bytes } = change(number);
    let reason = format!("suspect number {number}");
    QuarantinedChange { document, hash: Some(hash), bytes, reason, received_ms: 7 }
}

fn storage_id(name: &str) -> StorageId {
    name.parse().expect("a storage id")
}

fn through(committed: Result<Committed, StorageError>) -> u64 {
    committed.expect("the append is committed").through
}

async fn load(store: &dyn DocumentStore, id: DocumentId) -> StoredDocument {
    store.load(id).await.expect("the document can be read").expect("the document is there")
}

async fn list_all(store: &dyn DocumentStore, limit: usize) -> Vec<DocumentSummary> {
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(after, limit).await.expect("a page");
        assert!(page.documents.len() <= limit.max(1));
        listed.extend(page.documents);
        match page.next {
            Some(next) => after = Some(next),
            None => return listed,
        }
    }
}
