//! The document in which an account finds what concerns it.

use super::{AccountStore, after, page};
use crate::StorageError;
use crate::relational::{Columns, Expect, Row, Statement, Step, Value};
use crate::sql::inboxes as sql;
use tiebreak_protocol::{AccountId, DocumentId};

/// Where an account finds what concerns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inbox {
    pub document: DocumentId,
    /// The number of the last write of a conflict that the document tells; 0: none yet.
    pub sequence: i64,
}

impl AccountStore {
    /// The inbox of an account, which is `fresh` if it had none.
    pub async fn inbox(&self, account: AccountId, fresh: DocumentId) -> Result<Inbox, StorageError> {
        if let Some(row) = self.query_one(sql::FIND, [account.into()]).await? {
            return Inbox::read(row);
        }
        self.change(sql::OPEN, [account.into(), fresh.into()]).await?;
        let opened = self.query_one(sql::FIND, [account.into()]).await?;
        opened.map_or(Ok(Inbox { document: fresh, sequence: 0 }), Inbox::read)
    }

    /// Begins an inbox anew, in another document: the one before is gone.
    pub async fn move_inbox(
        &self,
        account: AccountId,
        from: DocumentId,
        fresh: DocumentId,
    ) -> Result<(), StorageError> {
        self.change(sql::MOVE, [fresh.into(), account.into(), from.into()]).await
    }

    /// Notes up to which write of a conflict an inbox tells everything.
    pub async fn inbox_written(&self, account: AccountId, inbox: Inbox) -> Result<(), StorageError> {
        self.change(sql::WRITTEN, [inbox.sequence.into(), account.into(), inbox.document.into()]).await
    }

    /// One page of the accounts whose inboxes lack something, in id order.
    pub async fn inboxes_behind(
        &self,
        after_id: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, StorageError> {
        let rows = self.query(sql::BEHIND, [after(after_id), page(limit)]).await?;
        rows.into_iter().map(|row| Columns::of(row).read()).collect()
    }

    async fn change(&self, sql: &'static str, values: impl Into<Vec<Value>>) -> Result<(), StorageError> {
        let step = Step::Do(Statement::new(sql, values), Expect::Anything);
        self.store.transact(vec![step]).await.map(drop)
    }
}

impl Inbox {
    fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        Ok(Self { document: columns.read()?, sequence: columns.read()? })
    }
}
