//! Rows as the databases keep them, and the arithmetic on them that every store shares.

mod verify;

pub use verify::{StoredChange, StoredSnapshot, Unverified, Verified};

use crate::checksum;
use crate::{Append, Committed, Compaction, DocumentSummary, StorageError};
use tiebreak_protocol::{DocumentId, Heads};

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

/// A count as the databases keep it.
pub fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
