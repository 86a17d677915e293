//! The reading statements of the store.

use bytes::Bytes;
use deadpool_postgres::{ClientWrapper, GenericClient};
use tiebreak_protocol::{AccountId, ActorId, ChangeHash, DocumentId, Heads, StorageId};
use tiebreak_storage::rows::{DocumentRow, StoredChange, StoredSnapshot, Unverified, count};
use tiebreak_storage::{DocumentPage, QuarantinedChange, checksum, sql};
use tokio_postgres::types::{FromSql, Type, accepts};
use tokio_postgres::{Error, IsolationLevel, Row};

/// Reads all of a document in one snapshot of the database.
pub(super) async fn load(client: &mut ClientWrapper, document: DocumentId) -> Result<Unverified, Error> {
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let id = document.as_bytes().as_slice();
    let statement = transaction.prepare_cached(sql::DOCUMENT).await?;
    let row = transaction.query_opt(&statement, &[&id]).await?;
    let statement = transaction.prepare_cached(sql::SNAPSHOT).await?;
    let snapshot = transaction.query_opt(&statement, &[&id]).await?;
    let statement = transaction.prepare_cached(sql::CHANGES).await?;
    let changes = transaction.query(&statement, &[&id]).await?;
    let statement = transaction.prepare_cached(sql::grants::ACTORS).await?;
    let actors = transaction.query(&statement, &[&id]).await?;
    transaction.commit().await?;
    Ok(Unverified {
        document,
        row: row.as_ref().map(document_row).transpose()?,
        snapshot: snapshot.as_ref().map(stored_snapshot).transpose()?,
        changes: changes.iter().map(stored_change).collect::<Result<_, _>>()?,
        actors: actors.iter().map(bound_actor).collect::<Result<_, _>>()?,
    })
}

/// `limit` is within bounds.
pub(super) async fn list(
    client: &ClientWrapper,
    after: Option<DocumentId>,
    limit: usize,
) -> Result<DocumentPage, Error> {
    let after = after.map_or(Vec::new(), |id| id.as_bytes().to_vec());
    let statement = client.prepare_cached(sql::LIVE_DOCUMENTS).await?;
    let rows = client.query(&statement, &[&after, &count(limit + 1)]).await?;
    let more = rows.len() > limit;
    let documents = rows
        .iter()
        .take(limit)
        .map(|row| document_row(row).map(DocumentRow::summary))
        .collect::<Result<Vec<_>, _>>()?;
    let next = if more { documents.last().map(|last| last.document) } else { None };
    Ok(DocumentPage { documents, next })
}

pub(super) async fn quarantined(
    client: &ClientWrapper,
    document: DocumentId,
) -> Result<Vec<QuarantinedChange>, Error> {
    let statement = client.prepare_cached(sql::QUARANTINED).await?;
    let rows = client.query(&statement, &[&document.as_bytes().as_slice()]).await?;
    rows.iter()
        .map(|row| {
            let hash: Option<&[u8]> = row.try_get(0)?;
            Ok(QuarantinedChange {
                document,
                hash: hash.and_then(|hash| <[u8; 32]>::try_from(hash).ok()).map(ChangeHash),
                bytes: bytes(row, 1)?,
                reason: row.try_get(2)?,
                received_ms: row.try_get(3)?,
            })
        })
        .collect()
}

/// A damaged entry counts as none: the handshake starts from nothing.
pub(super) async fn shared_heads(
    client: &ClientWrapper,
    peer: &StorageId,
    document: DocumentId,
) -> Result<Option<Heads>, Error> {
    let statement = client.prepare_cached(sql::SHARED_HEADS).await?;
    let row = client.query_opt(&statement, &[&peer.as_str(), &document.as_bytes().as_slice()]).await?;
    let Some(row) = row else { return Ok(None) };
    let (heads, sum): (&[u8], &[u8]) = (row.try_get(0)?, row.try_get(1)?);
    let intact = sum == checksum::of_shared_heads(peer, &document, heads);
    Ok(if intact { Heads::from_bytes(heads) } else { None })
}

/// Reads a row with the columns of [`sql::DOCUMENT`].
pub(super) fn document_row(row: &Row) -> Result<DocumentRow, Error> {
    let id: &[u8] = row.try_get(0)?;
    let mut document = [0; 16];
    let length = id.len().min(document.len());
    document[..length].copy_from_slice(&id[..length]);
    Ok(DocumentRow {
        document: DocumentId::from_bytes(document),
        created_ms: row.try_get(1)?,
        updated_ms: row.try_get(2)?,
        deleted_ms: row.try_get(3)?,
        heads: row.try_get(4)?,
        through: row.try_get(5)?,
        snapshot_through: row.try_get(6)?,
        bytes: row.try_get(7)?,
        checksum: row.try_get(8)?,
    })
}

fn stored_snapshot(row: &Row) -> Result<StoredSnapshot, Error> {
    Ok(StoredSnapshot { through: row.try_get(0)?, bytes: bytes(row, 1)?, checksum: row.try_get(2)? })
}

fn stored_change(row: &Row) -> Result<StoredChange, Error> {
    Ok(StoredChange {
        sequence: row.try_get(0)?,
        hash: row.try_get(1)?,
        bytes: bytes(row, 2)?,
        checksum: row.try_get(3)?,
        received_ms: row.try_get(4)?,
    })
}

/// Unlike a change, a damaged binding is not left out: another account could take the actor over.
fn bound_actor(row: &Row) -> Result<(ActorId, AccountId), Error> {
    let Sixteen(account) = row.try_get(1)?;
    Ok((ActorId::from_bytes(row.try_get(0)?), AccountId::from_bytes(account)))
}

/// The bytes of an id.
struct Sixteen([u8; 16]);

impl<'a> FromSql<'a> for Sixteen {
    fn from_sql(_type: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    accepts!(BYTEA);
}

fn bytes(row: &Row, column: usize) -> Result<Bytes, Error> {
    row.try_get::<_, Vec<u8>>(column).map(Bytes::from)
}
