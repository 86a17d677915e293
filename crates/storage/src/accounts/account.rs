//! One account: what it is called, its password, and its end.

use super::{AccountStore, Attempt, OPERATOR, Plan, actor, after, entry, page};
use crate::StorageError;
use crate::audit::AuditEntry;
use crate::relational::{Columns, FromValue, ROWS_MAX, Row, Value};
use crate::rows::count;
use crate::sql::{accounts as sql, grants, inboxes, keys, sessions};
use std::fmt;
use tiebreak_protocol::{AccountId, DeviceId, DocumentId};

/// An account, or the tombstone of one: then without names and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub kind: AccountKind,
    /// As it is shown.
    pub username: Option<String>,
    pub display_name: String,
    pub password_hash: Option<String>,
    pub created_ms: i64,
    pub deleted_ms: Option<i64>,
}

/// Who is behind an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    Person,
    Service,
}

/// A page of accounts; `next` is the cursor of the following page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPage {
    pub accounts: Vec<Account>,
    pub next: Option<AccountId>,
}

/// What became of the wish to delete an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountDeletion {
    /// With the first documents that nobody else has, which are the caller's to delete. The rest, and what is left
    /// after a crash, is in [`AccountStore::abandoned_documents`].
    Deleted {
        documents: Vec<DocumentId>,
        /// Its devices that had not ended before.
        devices: Vec<DeviceId>,
    },
    /// Others use these, and nobody else owns them.
    SoleOwnerOf(Vec<DocumentId>),
    NoSuchAccount,
}

enum Refusal {
    NoSuchAccount,
    SoleOwner,
}

impl AccountStore {
    /// An account, deleted or not.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StorageError> {
        self.query_one(sql::BY_ID, [id.into()]).await?.map(Account::read).transpose()
    }

    pub async fn account_by_name(&self, name_key: &str) -> Result<Option<Account>, StorageError> {
        self.query_one(sql::BY_NAME, [name_key.into()]).await?.map(Account::read).transpose()
    }

    /// One page of live accounts in id order. `limit` is clamped to 1..=[`super::PAGE_ROWS_MAX`].
    pub async fn accounts(
        &self,
        after_id: Option<AccountId>,
        limit: usize,
    ) -> Result<AccountPage, StorageError> {
        let rows = self.query(sql::PAGE, [after(after_id), page(limit)]).await?;
        let is_full = page(limit) == Value::from(count(rows.len()));
        let accounts = rows.into_iter().map(Account::read).collect::<Result<Vec<_>, _>>()?;
        let next = if is_full { accounts.last().map(|last| last.id) } else { None };
        Ok(AccountPage { accounts, next })
    }

    /// Sets another password in place of the one whose hash was verified, and ends every device but `keep`. Answers
    /// the devices that ended; `None` when the account is gone, or has another password by now: of two who change
    /// it at once, one does.
    pub async fn set_password(
        &self,
        id: AccountId,
        (verified, hash): (String, String),
        keep: Option<DeviceId>,
        now_ms: i64,
    ) -> Result<Option<Vec<DeviceId>>, StorageError> {
        let plan = Plan::new()
            .require(sql::HAS_PASSWORD, [id.into(), verified.into()], ())
            .run(sql::SET_PASSWORD, [hash.into(), id.into()]);
        self.end_devices(plan, (id, keep), entry(id, "password.changed", id, ""), now_ms).await
    }

    /// The operator sets another password and ends every device. Answers the devices; `None` when there is no such
    /// account.
    pub async fn reset_password(
        &self,
        id: AccountId,
        password_hash: String,
        now_ms: i64,
    ) -> Result<Option<Vec<DeviceId>>, StorageError> {
        let plan = Plan::new()
            .require(sql::LIVE, [id.into()], ())
            .run(sql::SET_PASSWORD, [password_hash.into(), id.into()]);
        self.end_devices(plan, (id, None), entry(OPERATOR, "password.reset", id, ""), now_ms).await
    }

    /// The operator ends every device. Answers the devices; `None` when there is no such account.
    pub async fn sign_out(&self, id: AccountId, now_ms: i64) -> Result<Option<Vec<DeviceId>>, StorageError> {
        let plan = Plan::new().require(sql::LIVE, [id.into()], ());
        self.end_devices(plan, (id, None), entry(OPERATOR, "account.signed_out", id, ""), now_ms).await
    }

    async fn end_devices(
        &self,
        plan: Plan<()>,
        (id, keep): (AccountId, Option<DeviceId>),
        audit: AuditEntry,
        now_ms: i64,
    ) -> Result<Option<Vec<DeviceId>>, StorageError> {
        let plan = plan
            .run(sessions::DELETE_TOKENS_BUT, [id.into(), after(keep)])
            .ask(sessions::END_DEVICES_BUT, [now_ms.into(), id.into(), after(keep)])
            .audit(audit, now_ms);
        match self.attempt(plan).await? {
            Attempt::Done(asked) => all(asked.concat()).map(Some),
            Attempt::Unmet(..) => Ok(None),
        }
    }

    /// Puts a newer hash of the same password in its place: nothing ends. Answers whether the one before was still
    /// there.
    pub async fn rehash_password(&self, id: AccountId, from: &str, to: String) -> Result<bool, StorageError> {
        let plan = Plan::new().require(sql::REHASH_PASSWORD, [to.into(), id.into(), from.into()], ());
        Ok(matches!(self.attempt(plan).await?, Attempt::Done(_)))
    }

    /// Answers whether there is such an account.
    pub async fn set_display_name(
        &self,
        id: AccountId,
        name: String,
        now_ms: i64,
    ) -> Result<bool, StorageError> {
        let plan = Plan::new()
            .require(sql::SET_DISPLAY_NAME, [name.into(), id.into()], ())
            .audit(entry(id, "account.renamed", id, ""), now_ms);
        Ok(matches!(self.attempt(plan).await?, Attempt::Done(_)))
    }

    /// Leaves a tombstone: its id, so that nobody gets it again, and its devices without names, so that their
    /// access tokens are known to have ended. The grants on documents that nobody else has stay until the
    /// documents are deleted.
    pub async fn delete_account(
        &self,
        id: AccountId,
        by: Option<AccountId>,
        now_ms: i64,
    ) -> Result<AccountDeletion, StorageError> {
        let documents_max = Value::from(count(ROWS_MAX));
        let plan = Plan::new()
            .require(sql::LIVE, [id.into()], Refusal::NoSuchAccount)
            .forbid(grants::SOLE_OWNER_OF_SHARED, [id.into(), documents_max.clone()], Refusal::SoleOwner)
            .run(sql::DELETE, [now_ms.into(), id.into()])
            .run(sessions::DELETE_TOKENS_BUT, [id.into(), after(None::<DeviceId>)])
            .ask(sessions::END_DEVICES_BUT, [now_ms.into(), id.into(), after(None::<DeviceId>)])
            .run(sessions::UNNAME_DEVICES, [id.into()])
            .run(keys::DELETE_OF_ACCOUNT, [id.into()])
            .run(grants::DELETE_SHARED, [id.into()])
            .run(grants::DELETE_INVITATIONS_OF, [id.into()])
            .run(inboxes::DELETE, [id.into()])
            .ask(grants::OF_ACCOUNT, [id.into(), after(None::<DocumentId>), documents_max])
            .audit(entry(actor(by), "account.deleted", id, ""), now_ms);
        match self.attempt(plan).await? {
            Attempt::Done(asked) => {
                let mut asked = asked.into_iter();
                let mut next = || asked.next().unwrap_or_default();
                let (devices, documents) = (all(next())?, all(next())?);
                Ok(AccountDeletion::Deleted { documents, devices })
            }
            Attempt::Unmet(Refusal::NoSuchAccount, _) => Ok(AccountDeletion::NoSuchAccount),
            Attempt::Unmet(Refusal::SoleOwner, rows) => Ok(AccountDeletion::SoleOwnerOf(all(rows)?)),
        }
    }

    /// One page of the documents that only deleted accounts have, to be deleted.
    pub async fn abandoned_documents(
        &self,
        after_id: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<DocumentId>, StorageError> {
        let rows = self.query(grants::ABANDONED, [after(after_id), page(limit)]).await?;
        all(rows)
    }
}

impl Account {
    pub fn is_live(&self) -> bool {
        self.deleted_ms.is_none()
    }

    fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.read()?,
            kind: columns.read()?,
            username: columns.read()?,
            display_name: columns.read()?,
            password_hash: columns.read()?,
            created_ms: columns.read()?,
            deleted_ms: columns.read()?,
        })
    }
}

/// Without the password's hash: what is printed ends in logs.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("username", &self.username)
            .field("display_name", &self.display_name)
            .field("created_ms", &self.created_ms)
            .field("deleted_ms", &self.deleted_ms)
            .finish_non_exhaustive()
    }
}

impl AccountKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }
}

impl FromValue for AccountKind {
    fn from_value(value: Value) -> Option<Self> {
        let text = String::from_value(value)?;
        [Self::Person, Self::Service].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The first column of each.
fn all<T: FromValue>(rows: Vec<Row>) -> Result<Vec<T>, StorageError> {
    rows.into_iter().map(|row| Columns::of(row).read()).collect()
}
