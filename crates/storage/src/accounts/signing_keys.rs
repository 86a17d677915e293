//! The keys that sign access tokens.

use super::{AccountStore, Attempt, OPERATOR, Plan, entry};
use crate::StorageError;
use crate::relational::{Columns, Row};
use crate::sql::keys as sql;
use std::fmt;

/// A key that signs, or has signed what still lives.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    pub id: String,
    pub secret: Vec<u8>,
    pub created_ms: i64,
}

impl AccountStore {
    /// All of them, the newest last.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StorageError> {
        self.query(sql::SIGNING, []).await?.into_iter().map(SigningKey::read).collect()
    }

    /// Adds a key after the newest that the caller has seen. Answers the newest: when somebody else was faster, theirs,
    /// and `key` is not kept.
    pub async fn add_signing_key(
        &self,
        key: SigningKey,
        newest_seen: Option<&str>,
    ) -> Result<SigningKey, StorageError> {
        let SigningKey { id, secret, created_ms } = key.clone();
        let audit = entry(OPERATOR, "signing_key.added", &id, "");
        let plan = Plan::new()
            .forbid(sql::NEWEST_SIGNING_BUT, [newest_seen.unwrap_or_default().into()], ())
            .run(sql::INSERT_SIGNING, [id.into(), secret.into(), created_ms.into()])
            .audit(audit, created_ms);
        match self.attempt(plan).await? {
            Attempt::Done(_) => Ok(key),
            Attempt::Unmet((), rows) => SigningKey::read(rows.into_iter().next().unwrap_or_default()),
        }
    }

    /// Answers whether it was there.
    pub async fn remove_signing_key(&self, id: &str, now_ms: i64) -> Result<bool, StorageError> {
        let plan = Plan::new()
            .require(sql::DELETE_SIGNING, [id.into()], ())
            .audit(entry(OPERATOR, "signing_key.removed", id, ""), now_ms);
        Ok(matches!(self.attempt(plan).await?, Attempt::Done(_)))
    }
}

impl SigningKey {
    fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        Ok(Self { id: columns.read()?, secret: columns.read()?, created_ms: columns.read()? })
    }
}

/// Without the secret: what is printed ends in logs.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("created_ms", &self.created_ms)
            .finish_non_exhaustive()
    }
}
