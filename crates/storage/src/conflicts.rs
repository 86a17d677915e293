//! Conflicts as rows: written beside the changes that open, move and close them, read for lists and statistics.

mod filter;
mod news;
mod row;

pub use filter::{ConflictCursor, ConflictFilter, ConflictPage};
pub use news::{Concerned, NewsFilter};
pub use row::{ConflictCount, ConflictRow};

use crate::StorageError;
use crate::accounts::PAGE_ROWS_MAX;
use crate::relational::{Columns, RelationalStore, Statement, Value};
use crate::rows::count;
use crate::sql::conflicts as sql;
use std::collections::BTreeMap;
use std::sync::Arc;
use tiebreak_protocol::{ChangeHash, ConflictId, ConflictState, DocumentId};

/// The conflicts of a store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ConflictStore {
    store: Arc<dyn RelationalStore>,
}

impl ConflictStore {
    pub fn new(store: Arc<dyn RelationalStore>) -> Self {
        Self { store }
    }

    pub async fn find(&self, id: ConflictId) -> Result<Option<ConflictRow>, StorageError> {
        let rows = self.store.query(Statement::new(sql::FIND, [id.into()])).await?;
        Ok(row::collect(rows)?.pop())
    }

    /// When a change came, in milliseconds since the Unix epoch; `None`: it is not here, or part of a snapshot.
    pub async fn arrival(
        &self,
        document: DocumentId,
        change: ChangeHash,
    ) -> Result<Option<i64>, StorageError> {
        let values = [document.into(), Value::Bytes(change.0.to_vec())];
        let mut rows = self.store.query(Statement::new(sql::ARRIVAL, values)).await?;
        rows.pop().map(|row| Columns::of(row).read()).transpose()
    }

    /// All open conflicts of a document, the last opened first.
    pub async fn open_of(&self, document: DocumentId) -> Result<Vec<ConflictRow>, StorageError> {
        let mut open = Vec::new();
        let mut filter = ConflictFilter {
            document: Some(document),
            state: Some(ConflictState::Open),
            limit: PAGE_ROWS_MAX,
            ..ConflictFilter::default()
        };
        loop {
            let page = self.list(filter).await?;
            open.extend(page.conflicts);
            if page.next.is_none() {
                return Ok(open);
            }
            filter.after = page.next;
        }
    }

    /// One page of conflicts, the last opened first. When a conflict was opened never changes, so that a listing over
    /// several pages names each one that was there and matched all the while once, whatever happens to it meanwhile.
    pub async fn list(&self, filter: ConflictFilter) -> Result<ConflictPage, StorageError> {
        ConflictPage::of(&filter, self.store.query(filter.statement()).await?)
    }

    /// How many conflicts there are of each kind, path and state: the most numerous [`PAGE_ROWS_MAX`] of them.
    pub async fn counts(&self) -> Result<Vec<ConflictCount>, StorageError> {
        let rows = self.store.query(Statement::new(sql::COUNTS, [count(PAGE_ROWS_MAX).into()])).await?;
        rows.into_iter().map(|row| ConflictCount::read(Columns::of(row))).collect()
    }

    /// How many conflicts are open, by kind.
    pub async fn open_by_kind(&self) -> Result<BTreeMap<String, u64>, StorageError> {
        let rows = self.store.query(Statement::new(sql::OPEN_BY_KIND, [])).await?;
        let by_kind = rows.into_iter().map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.read()?, columns.read::<i64>()?.unsigned_abs()))
        });
        by_kind.collect()
    }

    /// Conflicts that were written after a number, each once, with the number of its last write, in the order of these.
    /// Whoever goes on from the last number misses nothing: numbers become visible in their order.
    pub async fn since(&self, filter: NewsFilter) -> Result<Vec<(i64, ConflictRow)>, StorageError> {
        news::collect(self.store.query(filter.statement()).await?)
    }

    /// The number of the last write of any conflict.
    pub async fn last(&self) -> Result<i64, StorageError> {
        let mut rows = self.store.query(Statement::new(sql::LAST, [])).await?;
        let last = rows.pop().map(|row| Columns::of(row).read()).transpose()?;
        last.ok_or_else(|| StorageError::Damaged("conflicts are not counted".to_owned()))
    }

    /// Whom the writes after a number concern.
    pub async fn concerned(&self, after: i64) -> Result<Concerned, StorageError> {
        Concerned::read(self.store.query(Concerned::statement(after)).await?)
    }

    /// Writes a row and its people in place of those that are there: to go beside the changes that they come from
    /// ([`Append::beside`](crate::Append::beside)), or in a transaction. Done twice, it leaves the same rows,
    /// under a later number: whoever reads on hears of it again.
    ///
    /// The document, the register and the time of opening stay as they were first written. A register has one open
    /// conflict: what closes the one before goes first, or none of it is written.
    pub fn statements(&self, row: &ConflictRow) -> Vec<Statement> {
        row.statements()
    }
}
