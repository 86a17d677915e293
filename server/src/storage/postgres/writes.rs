//! The writing statements of the store. They run inside the writer's transaction, as its only user, so no row
//! needs a lock, and may run a second time when their first transaction was rolled back.

use super::failure::Failure;
use super::reads::document_row;
use super::session::Session;
use super::writer::{Answer, Work};
use super::{bindings, relational};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{DocumentId, StorageId};
use tiebreak_storage::rows::{Content, DocumentRow, count};
use tiebreak_storage::shared_heads::SharedHeadsEntry;
use tiebreak_storage::{
    Append, Compaction, QUARANTINED_PER_DOCUMENT_MAX, QuarantinedChange, SHARED_HEADS_KEPT,
    SHARED_HEADS_PER_DOCUMENT_MAX, StorageError, checksum, sql,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// The outcome of one write in a transaction that may still commit.
pub(super) type Outcome = Result<Answer, StorageError>;

// As in `sql`, but for many documents at once, with arrays that only this dialect has.

static ROWS: LazyLock<String> = LazyLock::new(|| format!("{} WHERE id = ANY($1)", sql::SELECT_DOCUMENTS));

static CONTENTS: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT wanted.id, {} FROM unnest($1::bytea[]) AS wanted (id)", sql::CONTENT_OF_WANTED)
});

static INSERT_CHANGES: LazyLock<String> = LazyLock::new(|| {
    let into = sql::INSERT_CHANGE_INTO;
    format!(
        "{into} SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], \
         $6::bigint[])"
    )
});

static UPSERT_DOCUMENTS: LazyLock<String> = LazyLock::new(|| {
    let (into, conflict) = (sql::INSERT_DOCUMENT_INTO, sql::ON_DOCUMENT_CONFLICT);
    format!(
        "{into} SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], \
         $6::bigint[], $7::bigint[], $8::bigint[], $9::bytea[]) {conflict}"
    )
});

static UPSERT_SHARED_HEADS: LazyLock<String> = LazyLock::new(|| {
    let (into, conflict) = (sql::INSERT_SHARED_HEADS_INTO, sql::ON_SHARED_HEADS_CONFLICT);
    format!(
        "{into} SELECT entry.* FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bigint[]) \
         AS entry (storage_id, document, heads, checksum, seen_ms) \
         WHERE EXISTS (SELECT 1 FROM documents WHERE id = entry.document AND deleted_ms IS NULL) {conflict}"
    )
});

const TRIM_SHARED_HEADS: &str = "DELETE FROM sync_states WHERE (storage_id, document) IN \
    (SELECT storage_id, document FROM (SELECT storage_id, document, \
       ROW_NUMBER() OVER (PARTITION BY document ORDER BY seen_ms DESC, storage_id) AS place \
       FROM sync_states WHERE document = ANY($1)) AS placed WHERE place > $2)";

/// Does all of a group in order; appends that follow each other share their statements.
pub(super) async fn apply(session: &Session, group: &[&Work]) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes = Vec::with_capacity(group.len());
    for run in group.chunk_by(|one, next| matches!((one, next), (Work::Append(_), Work::Append(_)))) {
        let appends: Vec<_> = run.iter().filter_map(|work| work.as_append()).collect();
        if !appends.is_empty() {
            outcomes.extend(append(session, &appends).await?);
            continue;
        }
        for work in run {
            outcomes.push(match work {
                Work::Append(_) => continue,
                Work::Compact(compaction) => compact(session, compaction).await.map(|()| Ok(Answer::Done))?,
                Work::Delete(document) => Ok(Answer::Deleted(delete(session, *document).await?)),
                Work::Quarantine(change) => quarantine(session, change).await.map(|()| Ok(Answer::Done))?,
                Work::Transact(steps) => relational::transact(session, steps).await?,
                Work::OwnStorageId(candidate) => {
                    own_storage_id(session, candidate).await?.map(Answer::StorageId)
                }
                Work::Probe => probe(session).await.map(|()| Ok(Answer::Done))?,
                Work::ForgetSharedHeads => forget_shared_heads(session).await.map(|()| Ok(Answer::Done))?,
            });
        }
    }
    Ok(outcomes)
}

async fn append(session: &Session, appends: &[&Append]) -> Result<Vec<Outcome>, Failure> {
    let (mut rows, contents) = documents(session, appends.iter().map(|append| append.document)).await?;
    let mut outcomes = Vec::with_capacity(appends.len());
    let (mut written, mut created) = (Vec::new(), Vec::new());
    for append in appends {
        let before = rows.get(&append.document).cloned();
        let content = contents.get(&append.document).copied().unwrap_or(Content::NONE);
        outcomes.push(DocumentRow::appended(before, content, append).map(|(row, committed)| {
            if !append.changes.is_empty() {
                written.push((*append, row.through));
                rows.insert(append.document, row);
            }
            if committed.created {
                created.push(*append);
            }
            Answer::Committed(committed)
        }));
    }
    let changed: BTreeMap<_, _> = written
        .iter()
        .filter_map(|(append, _)| Some((append.document, rows.get(&append.document)?)))
        .collect();
    if !changed.is_empty() {
        insert_changes(session, &written).await?;
        bindings::insert_actors(session, written.iter().map(|(append, _)| *append)).await?;
        bindings::insert_owners(session, created.into_iter()).await?;
        upsert_documents(session, changed.into_values()).await?;
        let beside: Vec<_> = written.iter().flat_map(|(append, _)| &append.beside).collect();
        relational::write_all(session, &beside).await?;
    }
    Ok(outcomes)
}

async fn insert_changes(session: &Session, appends: &[(&Append, i64)]) -> Result<(), Failure> {
    let (mut ids, mut sequences, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bytes, mut sums, mut received) = (Vec::new(), Vec::new(), Vec::new());
    for (append, through) in appends {
        let first = through - count(append.changes.len()) + 1;
        for (sequence, change) in (first..).zip(&append.changes) {
            let hash = change.hash.0.as_slice();
            ids.push(append.document.as_bytes().as_slice());
            sequences.push(sequence);
            hashes.push(hash);
            bytes.push(&change.bytes[..]);
            sums.push(checksum::of_change(&append.document, sequence, hash, &change.bytes).to_vec());
            received.push(append.received_ms);
        }
    }
    execute(session, &INSERT_CHANGES, &[&ids, &sequences, &hashes, &bytes, &sums, &received]).await
}

async fn compact(session: &Session, compaction: &Compaction) -> Result<(), Failure> {
    let id = compaction.document.as_bytes().as_slice();
    let (mut rows, _) = documents(session, [compaction.document].into_iter()).await?;
    let before = rows.remove(&compaction.document);
    let Some(row) = before.and_then(|row| row.compacted(compaction)) else { return Ok(()) };
    execute(session, sql::DELETE_CHANGES_THROUGH, &[&id, &row.snapshot_through]).await?;
    let sum = checksum::of_snapshot(&compaction.document, row.snapshot_through, &compaction.snapshot);
    let snapshot = &compaction.snapshot[..];
    execute(session, sql::UPSERT_SNAPSHOT, &[&id, &row.snapshot_through, &snapshot, &sum.as_slice()]).await?;
    let left: i64 = query_one(session, sql::BYTES_OF_CHANGES, &[&id]).await?.try_get(0)?;
    let row = row.weighing(left + count(compaction.snapshot.len()));
    upsert_documents(session, [&row].into_iter()).await
}

/// Deletes also what a damaged or missing row would hide.
async fn delete(session: &Session, document: DocumentId) -> Result<bool, Failure> {
    let (mut rows, contents) = documents(session, [document].into_iter()).await?;
    let content = contents.get(&document).copied().unwrap_or(Content::NONE);
    let Some(tombstone) = DocumentRow::deletion(document, rows.remove(&document), content, unix_ms()) else {
        return Ok(false);
    };
    for statement in sql::DELETE_CONTENT {
        execute(session, statement, &[&document.as_bytes().as_slice()]).await?;
    }
    upsert_documents(session, [&tombstone].into_iter()).await?;
    Ok(true)
}

async fn quarantine(session: &Session, change: &QuarantinedChange) -> Result<(), Failure> {
    let id = change.document.as_bytes().as_slice();
    let kept: i64 = query_one(session, sql::QUARANTINED_COUNT, &[&id]).await?.try_get(0)?;
    if kept >= count(QUARANTINED_PER_DOCUMENT_MAX) {
        return Ok(());
    }
    let hash = change.hash.as_ref().map(|hash| hash.0.as_slice());
    let sum = checksum::of_quarantined(&change.document, &change.bytes);
    let parameters: [&(dyn ToSql + Sync); 6] =
        [&id, &hash, &&change.bytes[..], &sum.as_slice(), &change.reason, &change.received_ms];
    execute(session, sql::INSERT_QUARANTINED, &parameters).await
}

async fn own_storage_id(
    session: &Session,
    candidate: &StorageId,
) -> Result<Result<StorageId, StorageError>, Failure> {
    execute(session, sql::INSERT_SETTING, &[&sql::STORAGE_ID_KEY, &candidate.as_str()]).await?;
    let stored = session.setting(sql::STORAGE_ID_KEY).await?.and_then(|text| text.parse().ok());
    Ok(stored.ok_or_else(|| StorageError::Damaged("the server's own storage id is unreadable".to_owned())))
}

// The commit's own mark makes every transaction write; this row is for people who look.
async fn probe(session: &Session) -> Result<(), Failure> {
    execute(session, sql::UPSERT_SETTING, &[&sql::PROBE_KEY, &unix_ms().to_string()]).await
}

/// Heads for documents that are gone are left out.
pub(super) async fn shared_heads(session: &Session, entries: &[SharedHeadsEntry]) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let (mut peers, mut ids, mut heads_of, mut sums) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((document, peer), heads) in entries {
        let heads = heads.to_bytes();
        peers.push(peer.as_str());
        ids.push(document.as_bytes().as_slice());
        sums.push(checksum::of_shared_heads(peer, document, &heads).to_vec());
        heads_of.push(heads);
    }
    let seen = vec![unix_ms(); entries.len()];
    execute(session, &UPSERT_SHARED_HEADS, &[&peers, &ids, &heads_of, &sums, &seen]).await?;
    ids.dedup();
    execute(session, TRIM_SHARED_HEADS, &[&ids, &count(SHARED_HEADS_PER_DOCUMENT_MAX)]).await
}

async fn forget_shared_heads(session: &Session) -> Result<(), Failure> {
    let kept = i64::try_from(SHARED_HEADS_KEPT.as_millis()).unwrap_or(i64::MAX);
    execute(session, sql::FORGET_SHARED_HEADS, &[&(unix_ms() - kept)]).await
}

/// The rows of these documents, and what to rebuild the missing and damaged ones from.
async fn documents(
    session: &Session,
    ids: impl Iterator<Item = DocumentId>,
) -> Result<(BTreeMap<DocumentId, DocumentRow>, BTreeMap<DocumentId, Content>), Failure> {
    let ids: Vec<_> = ids.collect();
    let wanted: Vec<_> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    let mut rows = BTreeMap::new();
    for row in query(session, &ROWS, &[&wanted]).await? {
        let row = document_row(&row)?;
        rows.insert(row.document, row);
    }
    let unknown = |id: &&DocumentId| !rows.get(id).is_some_and(DocumentRow::is_intact);
    let unknown: Vec<_> = ids.iter().filter(unknown).map(|id| id.as_bytes().as_slice()).collect();
    let mut contents = BTreeMap::new();
    if !unknown.is_empty() {
        for row in query(session, &CONTENTS, &[&unknown]).await? {
            let Ok(id) = <[u8; 16]>::try_from(row.try_get::<_, &[u8]>(0)?) else { continue };
            let content = Content {
                highest_sequence: row.try_get(1)?,
                snapshot_through: row.try_get(2)?,
                bytes: row.try_get(3)?,
            };
            contents.insert(DocumentId::from_bytes(id), content);
        }
    }
    Ok((rows, contents))
}

async fn upsert_documents<'a>(
    session: &Session,
    rows: impl Iterator<Item = &'a DocumentRow>,
) -> Result<(), Failure> {
    let rows: Vec<_> = rows.collect();
    let ids: Vec<_> = rows.iter().map(|row| row.document.as_bytes().as_slice()).collect();
    let heads: Vec<_> = rows.iter().map(|row| &row.heads[..]).collect();
    let sums: Vec<_> = rows.iter().map(|row| &row.checksum[..]).collect();
    let deleted: Vec<_> = rows.iter().map(|row| row.deleted_ms).collect();
    let numbers = |of: fn(&DocumentRow) -> i64| rows.iter().map(|row| of(row)).collect::<Vec<_>>();
    let parameters: [&(dyn ToSql + Sync); 9] = [
        &ids,
        &numbers(|row| row.created_ms),
        &numbers(|row| row.updated_ms),
        &deleted,
        &heads,
        &numbers(|row| row.through),
        &numbers(|row| row.snapshot_through),
        &numbers(|row| row.bytes),
        &sums,
    ];
    execute(session, &UPSERT_DOCUMENTS, &parameters).await
}

async fn query(
    session: &Session,
    text: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Failure> {
    let statement = session.client.prepare_cached(text).await?;
    Ok(session.client.query(&statement, parameters).await?)
}

async fn query_one(
    session: &Session,
    text: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Row, Failure> {
    let statement = session.client.prepare_cached(text).await?;
    Ok(session.client.query_one(&statement, parameters).await?)
}

pub(super) async fn execute(
    session: &Session,
    text: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<(), Failure> {
    let statement = session.client.prepare_cached(text).await?;
    session.client.execute(&statement, parameters).await?;
    Ok(())
}
