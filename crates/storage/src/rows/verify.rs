//! What a load read, against its checksums: damage is left out, named and set aside.

use super::{Content, DocumentRow, unsigned};
use crate::{ChangeRow, DamagedChunk, QuarantinedChange, StoredDocument, checksum};
use bytes::Bytes;
use std::collections::BTreeMap;
use tiebreak_protocol::{AccountId, ActorId, ChangeHash, DocumentId, Heads};

/// Missing sequence numbers named per gap.
const MISSING_LISTED_MAX: usize = 1000;

/// A row of `changes`, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChange {
    pub sequence: i64,
    pub hash: Vec<u8>,
    pub bytes: Bytes,
    pub checksum: Vec<u8>,
    pub received_ms: i64,
}

/// A row of `snapshots`, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    pub through: i64,
    pub bytes: Bytes,
    pub checksum: Vec<u8>,
}

/// Everything a load read, unverified.
#[derive(Debug, Clone)]
pub struct Unverified {
    pub document: DocumentId,
    pub row: Option<DocumentRow>,
    pub snapshot: Option<StoredSnapshot>,
    pub changes: Vec<StoredChange>,
    pub actors: BTreeMap<ActorId, AccountId>,
}

/// A verified document, and the damaged chunks to copy into quarantine.
#[derive(Debug, Clone)]
pub struct Verified {
    pub stored: StoredDocument,
    pub set_aside: Vec<QuarantinedChange>,
}

impl Unverified {
    /// Leaves out what does not match its checksum; `None` when there is nothing of this document at all.
    pub fn verify(self) -> Option<Verified> {
        let Self { document, row, snapshot, changes, actors } = self;
        if row.is_none() && snapshot.is_none() && changes.is_empty() {
            return None;
        }
        let mut damage = Damage { document, chunks: Vec::new(), set_aside: Vec::new() };
        let row = damage.verify_row(row, snapshot.as_ref(), &changes);
        let snapshot = damage.verify_snapshot(&row, snapshot);
        let changes = damage.verify_changes(&row, changes);
        let stored = StoredDocument {
            snapshot,
            snapshot_through: unsigned(row.snapshot_through),
            changes,
            through: unsigned(row.through),
            heads: Heads::from_bytes(&row.heads).unwrap_or_default(),
            actors,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
            deleted: row.deleted_ms.is_some(),
            damaged: damage.chunks,
        };
        Some(Verified { stored, set_aside: damage.set_aside })
    }
}

/// What is wrong with one document, as it is found.
struct Damage {
    document: DocumentId,
    chunks: Vec<DamagedChunk>,
    set_aside: Vec<QuarantinedChange>,
}

impl Damage {
    fn verify_row(
        &mut self,
        row: Option<DocumentRow>,
        snapshot: Option<&StoredSnapshot>,
        changes: &[StoredChange],
    ) -> DocumentRow {
        if let Some(row) = row.as_ref().filter(|row| row.is_intact()) {
            return row.clone();
        }
        self.chunks.push(DamagedChunk::Row);
        if let Some(row) = &row {
            self.set_aside("the document's row does not match its checksum", &[], &row.heads, row.updated_ms);
        }
        let content = Content {
            highest_sequence: changes.iter().map(|change| change.sequence).max().unwrap_or_default(),
            snapshot_through: snapshot.map_or(0, |snapshot| snapshot.through),
            bytes: 0,
        };
        let now_ms = changes.last().map_or(0, |change| change.received_ms);
        let mut rebuilt = DocumentRow::rebuilt(self.document, content, now_ms);
        rebuilt.deleted_ms = content.is_empty().then_some(now_ms);
        rebuilt
    }

    fn verify_snapshot(&mut self, row: &DocumentRow, snapshot: Option<StoredSnapshot>) -> Option<Bytes> {
        let Some(snapshot) = snapshot else {
            if row.snapshot_through > 0 && row.deleted_ms.is_none() {
                self.chunks.push(DamagedChunk::Snapshot);
            }
            return None;
        };
        let sum = checksum::of_snapshot(&self.document, snapshot.through, &snapshot.bytes);
        if snapshot.through == row.snapshot_through && snapshot.checksum == sum {
            return Some(snapshot.bytes);
        }
        self.chunks.push(DamagedChunk::Snapshot);
        self.set_aside("a snapshot does not match its checksum", &[], &snapshot.bytes, row.updated_ms);
        None
    }

    fn verify_changes(&mut self, row: &DocumentRow, changes: Vec<StoredChange>) -> Vec<ChangeRow> {
        let mut expected = row.snapshot_through + 1;
        let mut intact = Vec::with_capacity(changes.len());
        for change in changes {
            self.missing(expected, change.sequence.min(row.through));
            expected = change.sequence.saturating_add(1);
            let sum = checksum::of_change(&self.document, change.sequence, &change.hash, &change.bytes);
            match <[u8; 32]>::try_from(change.hash.as_slice()) {
                Ok(hash) if change.checksum == sum => {
                    intact.push(ChangeRow { hash: ChangeHash(hash), bytes: change.bytes });
                }
                Ok(_) | Err(_) => {
                    self.chunks.push(DamagedChunk::Change { sequence: unsigned(change.sequence) });
                    let reason = "a change does not match its checksum";
                    self.set_aside(reason, &change.hash, &change.bytes, change.received_ms);
                }
            }
        }
        if row.deleted_ms.is_none() {
            self.missing(expected, row.through.saturating_add(1));
        }
        intact
    }

    /// Sequence numbers have no gaps, so a missing one is a row whose key was damaged.
    fn missing(&mut self, from: i64, to: i64) {
        let sequences = (from..to).take(MISSING_LISTED_MAX);
        self.chunks.extend(sequences.map(|sequence| DamagedChunk::Change { sequence: unsigned(sequence) }));
    }

    fn set_aside(&mut self, reason: &str, hash: &[u8], bytes: &[u8], received_ms: i64) {
        self.set_aside.push(QuarantinedChange {
            document: self.document,
            hash: <[u8; 32]>::try_from(hash).ok().map(ChangeHash),
            bytes: Bytes::copy_from_slice(bytes),
            reason: reason.to_owned(),
            received_ms,
        });
    }
}
