//! API keys: secrets with which programs act for an account.

use super::{AccountStore, Attempt, PAGE_ROWS_MAX, Plan, SecretHash, actor, after, entry, page};
use crate::StorageError;
use crate::relational::{Columns, Row};
use crate::sql::{accounts, keys as sql};
use tiebreak_protocol::{AccountId, KeyId};

/// A key to be.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub id: KeyId,
    pub hash: SecretHash,
    /// For whom it acts.
    pub account: AccountId,
    pub name: String,
    /// What it may do: JSON, which the store does not read.
    pub scope: String,
    pub expires_ms: Option<i64>,
}

/// A key as it is listed, perhaps expired or revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: KeyId,
    pub account: AccountId,
    pub name: String,
    pub scope: String,
    pub created_ms: i64,
    pub expires_ms: Option<i64>,
    pub revoked_ms: Option<i64>,
}

impl AccountStore {
    /// Answers whether there is such an account.
    pub async fn create_key(
        &self,
        key: NewApiKey,
        by: Option<AccountId>,
        now_ms: i64,
    ) -> Result<bool, StorageError> {
        let NewApiKey { id, hash, account, name, scope, expires_ms } = key;
        let values = [
            id.into(),
            hash.into(),
            account.into(),
            name.into(),
            scope.into(),
            now_ms.into(),
            expires_ms.into(),
        ];
        let plan = Plan::new()
            .require(accounts::LIVE, [account.into()], ())
            .run(sql::INSERT, values)
            .audit(entry(actor(by), "key.created", id, format!("for {account}")), now_ms);
        Ok(matches!(self.attempt(plan).await?, Attempt::Done(_)))
    }

    /// A key that holds: neither expired nor revoked, of an account that lives.
    pub async fn key_by_hash(&self, hash: SecretHash, now_ms: i64) -> Result<Option<ApiKey>, StorageError> {
        self.query_one(sql::BY_HASH, [hash.into(), now_ms.into()]).await?.map(ApiKey::read).transpose()
    }

    /// A key that was given out, whether or not it still holds. Those of deleted accounts are forgotten.
    pub async fn key_ever_given(&self, hash: SecretHash) -> Result<Option<ApiKey>, StorageError> {
        self.query_one(sql::EVER_BY_HASH, [hash.into()]).await?.map(ApiKey::read).transpose()
    }

    /// The keys of an account, or of all, in the order of their ids.
    pub async fn keys(&self, account: Option<AccountId>) -> Result<Vec<ApiKey>, StorageError> {
        let mut keys: Vec<ApiKey> = Vec::new();
        loop {
            let (last, limit) = (after(keys.last().map(|last| last.id)), page(PAGE_ROWS_MAX));
            let rows = match account {
                Some(account) => self.query(sql::PAGE_OF_ACCOUNT, [account.into(), last, limit]).await?,
                None => self.query(sql::PAGE, [last, limit]).await?,
            };
            if rows.is_empty() {
                return Ok(keys);
            }
            for row in rows {
                keys.push(ApiKey::read(row)?);
            }
        }
    }

    /// Answers whether it was there and not revoked before.
    pub async fn revoke_key(
        &self,
        id: KeyId,
        by: Option<AccountId>,
        now_ms: i64,
    ) -> Result<bool, StorageError> {
        let plan = Plan::new()
            .require(sql::REVOKE, [now_ms.into(), id.into()], ())
            .audit(entry(actor(by), "key.revoked", id, ""), now_ms);
        Ok(matches!(self.attempt(plan).await?, Attempt::Done(_)))
    }
}

impl ApiKey {
    fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.read()?,
            account: columns.read()?,
            name: columns.read()?,
            scope: columns.read()?,
            created_ms: columns.read()?,
            expires_ms: columns.read()?,
            revoked_ms: columns.read()?,
        })
    }
}
