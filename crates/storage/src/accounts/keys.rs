//! API keys: secrets with which programs act for an account.

use super::{
    AccountStore, Attempt, FORGOTTEN_AT_ONCE, PAGE_ROWS_MAX, Plan, SecretHash, actor, after, entry, page,
};
use crate::StorageError;
use crate::relational::{Columns, Row};
use crate::rows::count;
use crate::sql::{accounts, keys as sql, sessions};
use tiebreak_protocol::{AccountId, DeviceId, KeyId};

/// Keys of one account that hold; more are refused.
pub const KEYS_PER_ACCOUNT_MAX: usize = 100;

/// How long a key that is over is listed.
const OVER_KEPT_MS: i64 = 30 * 24 * 3600 * 1000;

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

/// What became of a key to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCreation {
    Created,
    /// The account has [`KEYS_PER_ACCOUNT_MAX`] that hold.
    TooMany,
    NoSuchAccount,
    /// The device that asks has ended: a key would outlive its rights.
    SignedOut,
}

impl AccountStore {
    /// Makes a key. `device` is the one that asks, when one does: it must not have ended.
    pub async fn create_key(
        &self,
        key: NewApiKey,
        by: Option<AccountId>,
        device: Option<DeviceId>,
        now_ms: i64,
    ) -> Result<KeyCreation, StorageError> {
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
        let most_beside = count(KEYS_PER_ACCOUNT_MAX) - 1;
        let over_until = now_ms.saturating_sub(OVER_KEPT_MS);
        let mut plan = Plan::new().require(accounts::LIVE, [account.into()], KeyCreation::NoSuchAccount);
        if let Some(device) = device {
            let asks = [device.into(), by.unwrap_or(account).into()];
            plan = plan.require(sessions::LIVE_DEVICE, asks, KeyCreation::SignedOut);
        }
        let plan = plan
            .forbid(
                sql::HOLDS_BEYOND,
                [account.into(), now_ms.into(), most_beside.into()],
                KeyCreation::TooMany,
            )
            .run(sql::FORGET, [account.into(), over_until.into(), FORGOTTEN_AT_ONCE.into()])
            .run(sql::INSERT, values)
            .audit(entry(actor(by), "key.created", id, format!("for {account}")), now_ms);
        Ok(match self.attempt(plan).await? {
            Attempt::Done(_) => KeyCreation::Created,
            Attempt::Unmet(refusal, _) => refusal,
        })
    }

    /// A key that holds: neither expired nor revoked, of an account that lives.
    pub async fn key_by_hash(&self, hash: SecretHash, now_ms: i64) -> Result<Option<ApiKey>, StorageError> {
        self.query_one(sql::BY_HASH, [hash.into(), now_ms.into()]).await?.map(ApiKey::read).transpose()
    }

    /// A key that was given out, whether or not it still holds. Those of deleted accounts are forgotten.
    pub async fn key_ever_given(&self, hash: SecretHash) -> Result<Option<ApiKey>, StorageError> {
        self.query_one(sql::EVER_BY_HASH, [hash.into()]).await?.map(ApiKey::read).transpose()
    }

    /// The keys of an account, those that were not revoked first: at most [`PAGE_ROWS_MAX`].
    pub async fn keys_of(&self, account: AccountId) -> Result<Vec<ApiKey>, StorageError> {
        let rows = self.query(sql::OF_ACCOUNT, [account.into(), page(PAGE_ROWS_MAX)]).await?;
        rows.into_iter().map(ApiKey::read).collect()
    }

    /// One page of the keys of all accounts, in the order of their ids. `limit` is clamped to 1..=[`PAGE_ROWS_MAX`].
    pub async fn keys(&self, after_id: Option<KeyId>, limit: usize) -> Result<Vec<ApiKey>, StorageError> {
        let rows = self.query(sql::PAGE, [after(after_id), page(limit)]).await?;
        rows.into_iter().map(ApiKey::read).collect()
    }

    /// Ends a key: an account its own, the operator any. Answers whether it was there and not revoked before.
    pub async fn revoke_key(
        &self,
        id: KeyId,
        by: Option<AccountId>,
        now_ms: i64,
    ) -> Result<bool, StorageError> {
        let plan = Plan::new();
        let plan = match by {
            Some(account) => {
                plan.require(sql::REVOKE_OF_ACCOUNT, [now_ms.into(), id.into(), account.into()], ())
            }
            None => plan.require(sql::REVOKE, [now_ms.into(), id.into()], ()),
        };
        let plan = plan.audit(entry(actor(by), "key.revoked", id, ""), now_ms);
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
