//! The reading statements of the store.

use crate::rows::{DocumentRow, StoredChange, StoredSnapshot, Unverified};
use crate::{DocumentPage, QuarantinedChange, checksum, sql};
use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use tiebreak_protocol::{AccountId, ActorId, ChangeHash, DocumentId, Heads, StorageId};

/// Reads all of a document in one snapshot of the database.
pub(super) fn load(connection: &mut Connection, document: DocumentId) -> rusqlite::Result<Unverified> {
    let transaction = connection.transaction()?;
    let id = document.as_bytes().as_slice();
    let row = document_row(&transaction, document)?;
    let snapshot =
        transaction.prepare_cached(sql::SNAPSHOT)?.query_row(params![id], stored_snapshot).optional()?;
    let changes = transaction
        .prepare_cached(sql::CHANGES)?
        .query_map(params![id], stored_change)?
        .collect::<rusqlite::Result<_>>()?;
    let actors = transaction
        .prepare_cached(sql::grants::ACTORS)?
        .query_map(params![id], bound_actor)?
        .collect::<rusqlite::Result<BTreeMap<_, _>>>()?;
    Ok(Unverified { document, row, snapshot, changes, actors })
}

pub(super) fn document_row(
    connection: &Connection,
    document: DocumentId,
) -> rusqlite::Result<Option<DocumentRow>> {
    let id = document.as_bytes().as_slice();
    connection.prepare_cached(sql::DOCUMENT)?.query_row(params![id], row_of_documents).optional()
}

/// `limit` is within bounds.
pub(super) fn list(
    connection: &Connection,
    after: Option<DocumentId>,
    limit: usize,
) -> rusqlite::Result<DocumentPage> {
    let after = after.map_or(Vec::new(), |id| id.as_bytes().to_vec());
    let one_more = crate::rows::count(limit + 1);
    let mut documents = connection
        .prepare_cached(sql::LIVE_DOCUMENTS)?
        .query_map(params![after, one_more], |row| row_of_documents(row).map(DocumentRow::summary))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = documents.len() > limit;
    documents.truncate(limit);
    let next = if more { documents.last().map(|last| last.document) } else { None };
    Ok(DocumentPage { documents, next })
}

pub(super) fn quarantined(
    connection: &Connection,
    document: DocumentId,
) -> rusqlite::Result<Vec<QuarantinedChange>> {
    connection
        .prepare_cached(sql::QUARANTINED)?
        .query_map(params![document.as_bytes().as_slice()], |row| {
            Ok(QuarantinedChange {
                document,
                hash: <[u8; 32]>::try_from(blob(row, 0)?).ok().map(ChangeHash),
                bytes: Bytes::from(blob(row, 1)?),
                reason: row.get(2)?,
                received_ms: row.get(3)?,
            })
        })?
        .collect()
}

/// A damaged entry counts as none: the handshake starts from nothing.
pub(super) fn shared_heads(
    connection: &Connection,
    peer: &StorageId,
    document: DocumentId,
) -> rusqlite::Result<Option<Heads>> {
    let stored = connection
        .prepare_cached(sql::SHARED_HEADS)?
        .query_row(params![peer.as_str(), document.as_bytes().as_slice()], |row| {
            Ok((blob(row, 0)?, blob(row, 1)?))
        })
        .optional()?;
    let intact = stored.filter(|(heads, sum)| sum[..] == checksum::of_shared_heads(peer, &document, heads));
    Ok(intact.and_then(|(heads, _)| Heads::from_bytes(&heads)))
}

fn row_of_documents(row: &Row<'_>) -> rusqlite::Result<DocumentRow> {
    let mut document = [0; 16];
    let id = blob(row, 0)?;
    let length = id.len().min(document.len());
    document[..length].copy_from_slice(&id[..length]);
    Ok(DocumentRow {
        document: DocumentId::from_bytes(document),
        created_ms: integer(row, 1)?,
        updated_ms: integer(row, 2)?,
        deleted_ms: match row.get_ref(3)? {
            ValueRef::Null => None,
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => {
                Some(integer(row, 3)?)
            }
        },
        heads: blob(row, 4)?,
        through: integer(row, 5)?,
        snapshot_through: integer(row, 6)?,
        bytes: integer(row, 7)?,
        checksum: blob(row, 8)?,
    })
}

fn stored_snapshot(row: &Row<'_>) -> rusqlite::Result<StoredSnapshot> {
    Ok(StoredSnapshot {
        through: integer(row, 0)?,
        bytes: Bytes::from(blob(row, 1)?),
        checksum: blob(row, 2)?,
    })
}

fn stored_change(row: &Row<'_>) -> rusqlite::Result<StoredChange> {
    Ok(StoredChange {
        sequence: integer(row, 0)?,
        hash: blob(row, 1)?,
        bytes: Bytes::from(blob(row, 2)?),
        checksum: blob(row, 3)?,
        received_ms: integer(row, 4)?,
    })
}

/// Unlike a change, a damaged binding is not left out: another account could take the actor over.
fn bound_actor(row: &Row<'_>) -> rusqlite::Result<(ActorId, AccountId)> {
    Ok((ActorId::from_bytes(&row.get::<_, Vec<u8>>(0)?), AccountId::from_bytes(row.get(1)?)))
}

// A flipped bit in a record's header turns a value into one of another type. Reading it as empty leaves the
// verdict to the checksum instead of failing the whole load.
fn blob(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes.to_vec(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => Vec::new(),
    })
}

fn integer(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => number,
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => 0,
    })
}
