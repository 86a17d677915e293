//! The audit log: written with what it tells of, read in pages, verified from end to end.

use super::{AccountStore, PAGE_ROWS_MAX, Plan, page};
use crate::StorageError;
use crate::audit::{AuditEntry, AuditHash, AuditRow, BEFORE_THE_FIRST};
use crate::relational::Row;
use crate::sql::audit as sql;

/// Whether the chain is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditVerdict {
    /// So many rows, and the hash of the last: compared with one that was noted elsewhere it also tells whether rows
    /// were cut off.
    Verified { rows: u64, head: AuditHash },
    /// The chain breaks at this row.
    Broken { seq: i64, why: &'static str },
}

impl AccountStore {
    /// Writes an entry that belongs to nothing else in the store.
    pub async fn audit(&self, entry: AuditEntry, now_ms: i64) -> Result<(), StorageError> {
        self.attempt(Plan::<()>::new().audit(entry, now_ms)).await.map(|_done| ())
    }

    /// One page of the log. `limit` is clamped to 1..=[`PAGE_ROWS_MAX`].
    pub async fn audit_page(&self, after_seq: i64, limit: usize) -> Result<Vec<AuditRow>, StorageError> {
        let rows = self.query(sql::PAGE, [after_seq.into(), page(limit)]).await?;
        rows.into_iter().map(AuditRow::read).collect()
    }

    /// Reads the whole log. `progress` hears how many rows are done.
    pub async fn verify_audit(
        &self,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<AuditVerdict, StorageError> {
        let mut chain = Chain { rows: 0, seq: 0, head: BEFORE_THE_FIRST };
        // From before every number that a damaged row could have.
        let mut after_seq = i64::MIN;
        loop {
            let rows = self.query(sql::PAGE, [after_seq.into(), page(PAGE_ROWS_MAX)]).await?;
            if rows.is_empty() {
                return Ok(AuditVerdict::Verified { rows: chain.rows, head: chain.head });
            }
            for row in rows {
                if let Err(why) = chain.link(row) {
                    return Ok(AuditVerdict::Broken { seq: chain.seq + 1, why });
                }
            }
            after_seq = chain.seq;
            progress(chain.rows);
        }
    }
}

/// The chain as far as it is verified.
struct Chain {
    rows: u64,
    seq: i64,
    head: AuditHash,
}

impl Chain {
    fn link(&mut self, row: Row) -> Result<(), &'static str> {
        let row = AuditRow::read(row).map_err(|_| "the row cannot be read")?;
        if row.seq != self.seq + 1 {
            return Err("the row is missing");
        }
        if row.previous != self.head {
            return Err("the row does not follow the one before it");
        }
        if row.hash != row.sum() {
            return Err("the row is not as it was written");
        }
        self.rows += 1;
        (self.seq, self.head) = (row.seq, row.hash);
        Ok(())
    }
}
