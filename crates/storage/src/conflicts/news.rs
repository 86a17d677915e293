//! What was written of conflicts after a number. Each conflict stands under the number of its last write alone, so that
//! whoever was away for long hears of each one once.

use super::{ConflictRow, row};
use crate::StorageError;
use crate::accounts::PAGE_ROWS_MAX;
use crate::relational::{Columns, ROWS_MAX, Row, Statement, Value};
use crate::rows::count;
use crate::sql::conflicts as sql;
use std::collections::BTreeSet;
use tiebreak_protocol::{AccountId, ConflictState};

/// What to read on: what all of it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewsFilter {
    /// The number where the reader stands.
    pub after: i64,
    pub state: Option<ConflictState>,
    /// One of its people.
    pub account: Option<AccountId>,
    /// Conflicts at once, clamped to 1..=[`PAGE_ROWS_MAX`].
    pub limit: usize,
}

/// Whom writes of conflicts concern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concerned {
    Accounts(BTreeSet<AccountId>),
    /// More than can be named.
    Anybody,
}

impl NewsFilter {
    pub(super) fn statement(&self) -> Statement {
        let sql = match (self.state, self.account) {
            (None, None) => sql::NEWS,
            (Some(_), None) => sql::NEWS_IN_STATE,
            (None, Some(_)) => sql::NEWS_OF_ACCOUNT,
            (Some(_), Some(_)) => sql::NEWS_OF_ACCOUNT_IN_STATE,
        };
        let mut values = vec![self.after.into()];
        values.extend(self.state.map(Value::from));
        values.extend(self.account.map(Value::from));
        values.extend([count(self.limit.clamp(1, PAGE_ROWS_MAX)).into(), count(ROWS_MAX).into()]);
        Statement::new(sql, values)
    }
}

/// Leaves out what may lack people because no more rows were to be had: it comes next time.
pub(super) fn collect(rows: Vec<Row>) -> Result<Vec<(i64, ConflictRow)>, StorageError> {
    let is_cut = rows.len() == ROWS_MAX;
    let mut news = row::collect_numbered(rows)?;
    if is_cut {
        news.pop();
    }
    Ok(news)
}

impl Concerned {
    pub(super) fn statement(after: i64) -> Statement {
        Statement::new(sql::CONCERNED, [after.into(), count(ROWS_MAX).into()])
    }

    pub(super) fn read(rows: Vec<Row>) -> Result<Self, StorageError> {
        if rows.len() == ROWS_MAX {
            return Ok(Self::Anybody);
        }
        let accounts = rows.into_iter().map(|row| Columns::of(row).read()).collect::<Result<_, _>>()?;
        Ok(Self::Accounts(accounts))
    }
}
