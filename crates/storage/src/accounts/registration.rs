//! New accounts: one name, one account, and one account for a request however often it is sent.

use super::{AccountKind, AccountStore, Attempt, FORGOTTEN_AT_ONCE, Plan, SecretHash, actor, entry};
use crate::StorageError;
use crate::audit::AuditEntry;
use crate::relational::{Columns, Row};
use crate::sql::accounts as sql;
use std::fmt;
use tiebreak_protocol::AccountId;

/// How long a repeated request is answered like the first.
const IDEMPOTENT_MS: i64 = 24 * 60 * 60 * 1000;

/// An account to be.
#[derive(Clone)]
pub struct NewAccount {
    pub id: AccountId,
    pub kind: AccountKind,
    /// As it is shown.
    pub username: Option<String>,
    /// What makes two names the same; nobody else may have it.
    pub name_key: Option<String>,
    pub display_name: String,
    pub password_hash: Option<String>,
    pub idempotency: Option<Idempotency>,
    pub made_by: Maker,
}

/// Who makes an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    Oneself,
    Operator,
}

/// Tells a repeated request from a new one for a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    pub key_hash: SecretHash,
    /// A hash of the request, which must be the same.
    pub request: [u8; 32],
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    Created,
    NameTaken,
    /// An account with this id is there, perhaps deleted.
    IdTaken,
    /// The same request came before, and made this account.
    Replayed(AccountId),
    /// Another request came with the same key.
    KeyReused,
}

impl AccountStore {
    pub async fn create_account(
        &self,
        account: NewAccount,
        now_ms: i64,
    ) -> Result<Registration, StorageError> {
        let (id, idempotency, audit) = (account.id, account.idempotency, account.audit());
        let too_old = now_ms.saturating_sub(IDEMPOTENT_MS);
        let mut plan = Plan::new();
        if let Some(Idempotency { key_hash, .. }) = idempotency {
            plan = plan.forbid(sql::IDEMPOTENT, [key_hash.into(), too_old.into()], Registration::KeyReused);
        }
        if let Some(name_key) = account.name_key.as_deref() {
            plan = plan.forbid(sql::BY_NAME, [name_key.into()], Registration::NameTaken);
        }
        plan = plan.require(sql::INSERT, account.into_values(now_ms), Registration::IdTaken);
        if let Some(Idempotency { key_hash, request }) = idempotency {
            let outcome = id.to_string();
            plan = plan.run(sql::FORGET_IDEMPOTENT, [too_old.into(), FORGOTTEN_AT_ONCE.into()]).run(
                sql::UPSERT_IDEMPOTENT,
                [key_hash.into(), request.into(), outcome.into(), now_ms.into()],
            );
        }
        plan = plan.audit(audit, now_ms);
        match (self.attempt(plan).await?, idempotency) {
            (Attempt::Done(_), _) => Ok(Registration::Created),
            (Attempt::Unmet(Registration::KeyReused, rows), Some(idempotency)) => before(rows, idempotency),
            (Attempt::Unmet(refusal, _), _) => Ok(refusal),
        }
    }
}

impl AccountStore {
    /// What came of the request that came before with the same key, if one did.
    pub async fn registered(
        &self,
        idempotency: Idempotency,
        now_ms: i64,
    ) -> Result<Option<Registration>, StorageError> {
        let too_old = now_ms.saturating_sub(IDEMPOTENT_MS);
        let rows = self.query(sql::IDEMPOTENT, [idempotency.key_hash.into(), too_old.into()]).await?;
        if rows.is_empty() { Ok(None) } else { before(rows, idempotency).map(Some) }
    }
}

/// What was answered to the request that came before with the same key.
fn before(mut rows: Vec<Row>, idempotency: Idempotency) -> Result<Registration, StorageError> {
    let mut columns = Columns::of(rows.pop().unwrap_or_default());
    let (request, outcome) = (columns.read::<[u8; 32]>()?, columns.read::<String>()?);
    if request != idempotency.request {
        return Ok(Registration::KeyReused);
    }
    let account = outcome.parse().map_err(|_| {
        StorageError::Damaged("the outcome under an idempotency key is no account".to_owned())
    })?;
    Ok(Registration::Replayed(account))
}

impl NewAccount {
    fn audit(&self) -> AuditEntry {
        let action = match self.kind {
            AccountKind::Person => "account.created",
            AccountKind::Service => "service_account.created",
        };
        entry(actor(Some(self.id).filter(|_| self.made_by == Maker::Oneself)), action, self.id, "")
    }

    fn into_values(self, now_ms: i64) -> [crate::relational::Value; 7] {
        [
            self.id.into(),
            self.kind.as_str().into(),
            self.username.into(),
            self.name_key.into(),
            self.display_name.into(),
            self.password_hash.into(),
            now_ms.into(),
        ]
    }
}

/// Without the password's hash: what is printed ends in logs.
impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("username", &self.username)
            .field("display_name", &self.display_name)
            .finish_non_exhaustive()
    }
}
