//! Rows as the databases keep them, and the arithmetic on them that every store shares.

use crate::checksum;
use crate::{
    Append, ChangeRow, Committed, Compaction, DamagedChunk, DocumentSummary, QuarantinedChange, StorageError,
    StoredDocument,
};
use bytes::Bytes;
use tiebreak_protocol::{ChangeHash, DocumentId, Heads};

/// Missing sequence numbers named per gap.
const MISSING_LISTED_MAX: usize = 1000;

/// A row of `documents`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRow {
    pub document: DocumentId,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub deleted_ms: Option<i64>,
    pub heads: Vec<u8>,
    pub through: i64,
    pub snapshot_through: i64,
    /// Of the snapshot and of the changes since.
    pub bytes: i64,
    pub checksum: Vec<u8>,
}

/// What the other tables hold of a document, to rebuild its row from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    pub highest_sequence: i64,
    pub snapshot_through: i64,
    pub bytes: i64,
}

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
}

/// A verified document, and the damaged chunks to copy into quarantine.
#[derive(Debug, Clone)]
pub struct Verified {
    pub stored: StoredDocument,
    pub set_aside: Vec<QuarantinedChange>,
}

impl DocumentRow {
    /// The row after an append, given the row before; not to be written when there was nothing to append.
    ///
    /// A missing or damaged row is rebuilt from `content`: with content the document lives, its row was lost.
    /// A damaged row without content was a tombstone, as every live document has a change or a snapshot.
    pub fn appended(
        before: Option<Self>,
        content: Content,
        append: &Append,
    ) -> Result<(Self, Committed), StorageError> {
        let mut created = false;
        let mut row = match before {
            Some(row) if row.is_intact() => row,
            Some(row) if content.is_empty() => {
                Self { deleted_ms: Some(row.deleted_ms.unwrap_or_default()), ..row }
            }
            Some(_) | None => {
                created = content.is_empty() && !append.changes.is_empty();
                Self::rebuilt(append.document, content, append.received_ms)
            }
        };
        if row.deleted_ms.is_some() {
            return Err(StorageError::Deleted);
        }
        row.through += count(append.changes.len());
        row.bytes += append.changes.iter().map(|change| count(change.bytes.len())).sum::<i64>();
        row.heads = append.heads.to_bytes();
        row.updated_ms = append.received_ms;
        row.seal();
        let through = unsigned(row.through);
        Ok((row, Committed { through, created }))
    }

    /// The row after a compaction that leaves `bytes_of_changes` behind; `None` when it must not happen.
    pub fn compacted(&self, compaction: &Compaction) -> Option<Self> {
        let through = i64::try_from(compaction.through).ok()?;
        let applies = self.is_intact()
            && self.deleted_ms.is_none()
            && (1..=self.through).contains(&through)
            && through >= self.snapshot_through;
        applies.then(|| Self { snapshot_through: through, ..self.clone() })
    }

    /// The row with the bytes that a compaction left.
    pub fn weighing(mut self, bytes: i64) -> Self {
        self.bytes = bytes;
        self.seal();
        self
    }

    /// The tombstone to write for a document; `None` when there is nothing to delete.
    pub fn deletion(
        document: DocumentId,
        before: Option<Self>,
        content: Content,
        deleted_ms: i64,
    ) -> Option<Self> {
        let mut row = match before {
            Some(row) if row.is_intact() => Some(row).filter(|row| row.deleted_ms.is_none())?,
            Some(_) | None if content.is_empty() => return None,
            Some(_) | None => Self::rebuilt(document, content, deleted_ms),
        };
        row.deleted_ms = Some(deleted_ms);
        row.bytes = 0;
        row.seal();
        Some(row)
    }

    /// Whether the row is as it was written.
    pub fn is_intact(&self) -> bool {
        self.checksum == self.sum()
    }

    /// The row for a listing.
    pub fn summary(self) -> DocumentSummary {
        let damaged = !self.is_intact();
        DocumentSummary {
            document: self.document,
            heads: if damaged {
                Heads::default()
            } else {
                Heads::from_bytes(&self.heads).unwrap_or_default()
            },
            created_ms: self.created_ms,
            updated_ms: self.updated_ms,
            changes: unsigned(self.through),
            bytes: unsigned(self.bytes),
            damaged,
        }
    }

    fn rebuilt(document: DocumentId, content: Content, now_ms: i64) -> Self {
        let mut row = Self {
            document,
            created_ms: now_ms,
            updated_ms: now_ms,
            deleted_ms: None,
            heads: Vec::new(),
            through: content.highest_sequence.max(content.snapshot_through),
            snapshot_through: content.snapshot_through,
            bytes: content.bytes,
            checksum: Vec::new(),
        };
        row.seal();
        row
    }

    fn seal(&mut self) {
        self.checksum = self.sum().to_vec();
    }

    fn sum(&self) -> checksum::Checksum {
        let numbers = [
            self.created_ms,
            self.updated_ms,
            i64::from(self.deleted_ms.is_some()),
            self.deleted_ms.unwrap_or_default(),
            self.through,
            self.snapshot_through,
            self.bytes,
        ];
        checksum::of_document(&self.document, &numbers, &self.heads)
    }
}

impl Content {
    /// Of a document that has its row, or never was.
    pub const NONE: Self = Self { highest_sequence: 0, snapshot_through: 0, bytes: 0 };

    fn is_empty(self) -> bool {
        self.highest_sequence == 0 && self.snapshot_through == 0
    }
}

impl Unverified {
    /// Leaves out what does not match its checksum; `None` when there is nothing of this document at all.
    pub fn verify(self) -> Option<Verified> {
        let Self { document, row, snapshot, changes } = self;
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

/// A count as the databases keep it.
pub fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
