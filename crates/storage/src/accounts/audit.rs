//! The audit log: written with what it tells of, read in pages, verified from end to end.

use super::{AccountStore, PAGE_ROWS_MAX, Plan, page};
use crate::StorageError;
use crate::audit::{AuditEntry, AuditHash, AuditRow, BEFORE_THE_FIRST};
use crate::relational::{Row, Statement};
use crate::rows::count;
use crate::sql::audit as sql;

/// Whether the chain is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Every row follows the one before it. The head, noted elsewhere, later tells whether rows were cut off.
    Verified(AuditEnd),
    /// The chain breaks at this row.
    Broken { seq: i64, why: &'static str },
    /// The rows that are there follow each other, and the head that was noted earlier is not among them.
    CutOff(AuditEnd),
}

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEnd {
    pub rows: u64,
    /// The hash of the last row.
    pub head: AuditHash,
    /// When the last row was written; `None` where there is none.
    pub at_ms: Option<i64>,
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
    pub async fn verify_audit(&self, progress: impl FnMut(u64) + Send) -> Result<AuditVerdict, StorageError> {
        self.verify(Chain::default(), progress).await
    }

    /// The same, and demands that a head that was noted earlier is still there.
    pub async fn verify_audit_since(
        &self,
        noted: AuditHash,
        progress: impl FnMut(u64) + Send,
    ) -> Result<AuditVerdict, StorageError> {
        self.verify(Chain::since(noted), progress).await
    }

    async fn verify(
        &self,
        mut chain: Chain,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<AuditVerdict, StorageError> {
        while let Some(page) = chain.next_page() {
            let rows = self.store.query(page).await?;
            chain.extend(rows);
            progress(chain.end.rows);
        }
        Ok(chain.verdict())
    }
}

/// The chain as far as it is verified: page by page, until there is no next one.
pub(crate) struct Chain {
    end: AuditEnd,
    /// A head that is still looked for.
    missing: Option<AuditHash>,
    /// From before every number that a damaged row could have.
    after_seq: i64,
    is_over: bool,
    broken: Option<&'static str>,
}

impl Default for Chain {
    fn default() -> Self {
        let end = AuditEnd { rows: 0, head: BEFORE_THE_FIRST, at_ms: None };
        Self { end, missing: None, after_seq: i64::MIN, is_over: false, broken: None }
    }
}

impl Chain {
    fn since(noted: AuditHash) -> Self {
        // Who verified an empty log noted what its first row follows.
        Self { missing: Some(noted).filter(|noted| *noted != BEFORE_THE_FIRST), ..Self::default() }
    }

    /// What to read next. `None`: the verdict is there.
    pub(crate) fn next_page(&self) -> Option<Statement> {
        let is_done = self.is_over || self.broken.is_some();
        (!is_done).then(|| Statement::new(sql::PAGE, [self.after_seq.into(), page(PAGE_ROWS_MAX)]))
    }

    pub(crate) fn extend(&mut self, rows: Vec<Row>) {
        self.is_over = rows.is_empty();
        self.broken = rows.into_iter().find_map(|row| self.link(row).err());
        self.after_seq = self.seq();
    }

    pub(crate) fn verdict(&self) -> AuditVerdict {
        match (self.broken, self.missing) {
            (Some(why), _) => AuditVerdict::Broken { seq: self.seq() + 1, why },
            (None, Some(_)) => AuditVerdict::CutOff(self.end),
            (None, None) => AuditVerdict::Verified(self.end),
        }
    }

    fn link(&mut self, row: Row) -> Result<(), &'static str> {
        let row = AuditRow::read(row).map_err(|_| "the row cannot be read")?;
        if row.seq != self.seq() + 1 {
            return Err("the row is missing");
        }
        if row.previous != self.end.head {
            return Err("the row does not follow the one before it");
        }
        if row.hash != row.sum() {
            return Err("the row is not as it was written");
        }
        self.missing = self.missing.filter(|missing| *missing != row.hash);
        self.end = AuditEnd { rows: self.end.rows + 1, head: row.hash, at_ms: Some(row.at_ms) };
        Ok(())
    }

    /// Rows are counted from 1, without gaps.
    fn seq(&self) -> i64 {
        count(usize::try_from(self.end.rows).unwrap_or(usize::MAX))
    }
}
