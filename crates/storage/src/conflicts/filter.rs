//! Which conflicts a listing names, and how it goes on from page to page.

use super::{ConflictRow, row};
use crate::StorageError;
use crate::accounts::PAGE_ROWS_MAX;
use crate::relational::{ROWS_MAX, Row, Statement, Value};
use crate::rows::count;
use crate::sql::conflicts as sql;
use tiebreak_protocol::{AccountId, ConflictId, ConflictState, DocumentId};

/// Which conflicts to list: those that all of it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConflictFilter {
    pub document: Option<DocumentId>,
    pub state: Option<ConflictState>,
    /// One of its people.
    pub account: Option<AccountId>,
    /// Where the page before ended.
    pub after: Option<ConflictCursor>,
    /// Conflicts on the page, clamped to 1..=[`PAGE_ROWS_MAX`].
    pub limit: usize,
}

/// A place in a listing. It holds although the conflict that it was made from changes or goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConflictCursor {
    pub opened_ms: i64,
    pub id: ConflictId,
}

/// A page of conflicts; `next` is the cursor of the following page. It has fewer than the limit where they have very
/// many people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictPage {
    pub conflicts: Vec<ConflictRow>,
    pub next: Option<ConflictCursor>,
}

impl ConflictFilter {
    /// Conflicts on the page at most.
    fn conflicts(&self) -> usize {
        self.limit.clamp(1, PAGE_ROWS_MAX)
    }

    /// Asks for one more, which tells whether a page follows.
    pub(super) fn statement(&self) -> Statement {
        let sql = match (self.document, self.state, self.account) {
            (None, None, None) => sql::PAGE,
            (Some(_), None, None) => sql::OF_DOCUMENT,
            (None, Some(_), None) => sql::IN_STATE,
            (None, None, Some(_)) => sql::OF_ACCOUNT,
            (Some(_), Some(_), None) => sql::OF_DOCUMENT_IN_STATE,
            (Some(_), None, Some(_)) => sql::OF_DOCUMENT_AND_ACCOUNT,
            (None, Some(_), Some(_)) => sql::OF_ACCOUNT_IN_STATE,
            (Some(_), Some(_), Some(_)) => sql::OF_DOCUMENT_AND_ACCOUNT_IN_STATE,
        };
        let (before_ms, before) = match self.after {
            Some(after) => (after.opened_ms, after.id.into()),
            None => (i64::MAX, Value::Bytes(Vec::new())),
        };
        let mut values = vec![before_ms.into(), before];
        values.extend(self.document.map(Value::from));
        values.extend(self.state.map(Value::from));
        values.extend(self.account.map(Value::from));
        values.extend([count(self.conflicts() + 1).into(), count(ROWS_MAX).into()]);
        Statement::new(sql, values)
    }
}

impl ConflictCursor {
    fn of(row: &ConflictRow) -> Self {
        Self { opened_ms: row.opened_ms, id: row.id }
    }
}

impl ConflictPage {
    /// Leaves out what is over the limit, and what may lack people because no more rows were to be had.
    pub(super) fn of(filter: &ConflictFilter, rows: Vec<Row>) -> Result<Self, StorageError> {
        let is_cut = rows.len() == ROWS_MAX;
        let mut conflicts = row::collect(rows)?;
        let found = conflicts.len();
        if is_cut {
            conflicts.pop();
        }
        conflicts.truncate(filter.conflicts());
        let next = conflicts.last().filter(|_last| conflicts.len() < found).map(ConflictCursor::of);
        Ok(Self { conflicts, next })
    }
}
