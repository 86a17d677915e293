//! The writing statements of the store. Each function runs inside the writer's transaction, decides before it
//! writes, and may run a second time when its first transaction was rolled back.

use super::failure::Failure;
use super::{reads, relational};
use crate::document_store::{QUARANTINED_PER_DOCUMENT_MAX, SHARED_HEADS_KEPT, SHARED_HEADS_PER_DOCUMENT_MAX};
use crate::rows::{self, Content, DocumentRow};
use crate::shared_heads::SharedHeadsEntry;
use crate::{Append, Committed, Compaction, QuarantinedChange, StorageError, checksum, sql};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use tiebreak_protocol::{DocumentId, StorageId};

static UPSERT_DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let (into, conflict) = (sql::INSERT_DOCUMENT_INTO, sql::ON_DOCUMENT_CONFLICT);
    format!("{into} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) {conflict}")
});

pub(super) fn append(connection: &Connection, append: &Append) -> Result<Committed, Failure> {
    let id = append.document.as_bytes().as_slice();
    let (before, content) = document(connection, append.document)?;
    let (row, committed) = DocumentRow::appended(before, content, append).map_err(Failure::Refused)?;
    if append.changes.is_empty() {
        return Ok(committed);
    }
    let mut insert = connection.prepare_cached(sql::INSERT_CHANGE)?;
    let first = row.through - rows::count(append.changes.len()) + 1;
    for (sequence, change) in (first..).zip(&append.changes) {
        let hash = change.hash.0.as_slice();
        let sum = checksum::of_change(&append.document, sequence, hash, &change.bytes);
        insert.execute(params![id, sequence, hash, &change.bytes[..], sum.as_slice(), append.received_ms])?;
    }
    for (actor, account) in &append.actors {
        let bound = params![id, actor.as_bytes(), account.as_bytes().as_slice()];
        connection.prepare_cached(sql::grants::INSERT_ACTOR)?.execute(bound)?;
    }
    if let Some(owner) = append.owner.filter(|_owner| committed.created) {
        let grant = params![id, append.received_ms, owner.as_bytes().as_slice()];
        connection.prepare_cached(sql::grants::INSERT_OWNER)?.execute(grant)?;
    }
    upsert_document(connection, &row)?;
    for statement in &append.beside {
        relational::write(connection, statement)?;
    }
    Ok(committed)
}

pub(super) fn compact(connection: &Connection, compaction: &Compaction) -> Result<(), Failure> {
    let id = compaction.document.as_bytes().as_slice();
    let before = reads::document_row(connection, compaction.document)?;
    let Some(row) = before.and_then(|row| row.compacted(compaction)) else { return Ok(()) };
    let through = row.snapshot_through;
    connection.prepare_cached(sql::DELETE_CHANGES_THROUGH)?.execute(params![id, through])?;
    let sum = checksum::of_snapshot(&compaction.document, through, &compaction.snapshot);
    connection.prepare_cached(sql::UPSERT_SNAPSHOT)?.execute(params![
        id,
        through,
        &compaction.snapshot[..],
        sum.as_slice()
    ])?;
    let left: i64 =
        connection.prepare_cached(sql::BYTES_OF_CHANGES)?.query_row(params![id], |row| row.get(0))?;
    upsert_document(connection, &row.weighing(left + rows::count(compaction.snapshot.len())))
}

/// Deletes also what a damaged or missing row would hide.
pub(super) fn delete(connection: &Connection, document: DocumentId, now_ms: i64) -> Result<bool, Failure> {
    let id = document.as_bytes().as_slice();
    let (before, content) = self::document(connection, document)?;
    let Some(tombstone) = DocumentRow::deletion(document, before, content, now_ms) else { return Ok(false) };
    for statement in sql::DELETE_CONTENT {
        connection.prepare_cached(statement)?.execute(params![id])?;
    }
    upsert_document(connection, &tombstone)?;
    Ok(true)
}

pub(super) fn quarantine(connection: &Connection, change: &QuarantinedChange) -> Result<(), Failure> {
    let id = change.document.as_bytes().as_slice();
    let kept: i64 =
        connection.prepare_cached(sql::QUARANTINED_COUNT)?.query_row(params![id], |row| row.get(0))?;
    if kept >= rows::count(QUARANTINED_PER_DOCUMENT_MAX) {
        return Ok(());
    }
    let hash = change.hash.as_ref().map(|hash| hash.0.as_slice());
    let sum = checksum::of_quarantined(&change.document, &change.bytes);
    connection.prepare_cached(sql::INSERT_QUARANTINED)?.execute(params![
        id,
        hash,
        &change.bytes[..],
        sum.as_slice(),
        change.reason,
        change.received_ms
    ])?;
    Ok(())
}

pub(super) fn shared_heads(
    connection: &Connection,
    entries: &[SharedHeadsEntry],
    now_ms: i64,
) -> rusqlite::Result<()> {
    let mut touched = BTreeSet::new();
    for ((document, peer), heads) in entries {
        let row = reads::document_row(connection, *document)?;
        if row.is_none_or(|row| row.deleted_ms.is_some()) {
            continue;
        }
        let heads = heads.to_bytes();
        let sum = checksum::of_shared_heads(peer, document, &heads);
        let id = document.as_bytes().as_slice();
        connection.prepare_cached(sql::UPSERT_SHARED_HEADS)?.execute(params![
            peer.as_str(),
            id,
            heads,
            sum.as_slice(),
            now_ms
        ])?;
        touched.insert(*document);
    }
    for document in touched {
        let id = document.as_bytes().as_slice();
        let most = rows::count(SHARED_HEADS_PER_DOCUMENT_MAX);
        connection.prepare_cached(sql::TRIM_SHARED_HEADS)?.execute(params![id, most])?;
    }
    Ok(())
}

pub(super) fn forget_shared_heads(connection: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    let kept = i64::try_from(SHARED_HEADS_KEPT.as_millis()).unwrap_or(i64::MAX);
    connection.prepare_cached(sql::FORGET_SHARED_HEADS)?.execute(params![now_ms - kept]).map(|_rows| ())
}

pub(super) fn own_storage_id(connection: &Connection, candidate: &StorageId) -> Result<StorageId, Failure> {
    insert_setting(connection, sql::STORAGE_ID_KEY, candidate.as_str())?;
    let stored = setting(connection, sql::STORAGE_ID_KEY)?.and_then(|text| text.parse().ok());
    stored.ok_or_else(|| {
        Failure::Refused(StorageError::Damaged("the server's own storage id is unreadable".to_owned()))
    })
}

/// Writes something different each time, so that the commit reaches the disk.
pub(super) fn probe(connection: &Connection, now_ms: i64) -> Result<(), Failure> {
    let before = setting(connection, sql::PROBE_KEY)?;
    let count: u64 = before.and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or_default();
    set_setting(connection, sql::PROBE_KEY, &format!("{} {now_ms}", count.wrapping_add(1)))?;
    Ok(())
}

pub(super) fn setting(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached(sql::SETTING)?.query_row(params![key], |row| row.get(0)).optional()
}

pub(super) fn set_setting(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql::UPSERT_SETTING)?.execute(params![key, value]).map(|_rows| ())
}

fn insert_setting(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql::INSERT_SETTING)?.execute(params![key, value]).map(|_rows| ())
}

/// The row, and what to rebuild it from when it is missing or damaged.
fn document(
    connection: &Connection,
    document: DocumentId,
) -> rusqlite::Result<(Option<DocumentRow>, Content)> {
    let row = reads::document_row(connection, document)?;
    if row.as_ref().is_some_and(DocumentRow::is_intact) {
        return Ok((row, Content::NONE));
    }
    let id = document.as_bytes().as_slice();
    let content = connection.prepare_cached(sql::CONTENT)?.query_row(params![id], |row| {
        Ok(Content { highest_sequence: row.get(0)?, snapshot_through: row.get(1)?, bytes: row.get(2)? })
    })?;
    Ok((row, content))
}

fn upsert_document(connection: &Connection, row: &DocumentRow) -> Result<(), Failure> {
    connection.prepare_cached(&UPSERT_DOCUMENT)?.execute(params![
        row.document.as_bytes().as_slice(),
        row.created_ms,
        row.updated_ms,
        row.deleted_ms,
        row.heads,
        row.through,
        row.snapshot_through,
        row.bytes,
        row.checksum
    ])?;
    Ok(())
}
