//! Accounts and what hangs on them: devices and their sessions, grants on documents, invitations, keys, the audit
//! log. Each method is one transaction, and what it does is audited in the same one.

mod account;
mod audit;
mod grants;
mod inboxes;
mod invitations;
mod keys;
mod plan;
mod registration;
mod sessions;
mod signing_keys;

pub use account::{Account, AccountDeletion, AccountKind, AccountPage};
pub(crate) use audit::Chain;
pub use audit::{AuditEnd, AuditVerdict};
pub use grants::{Grant, Granting, NewGrant, NotOwner, Revocation};
pub use inboxes::Inbox;
pub use invitations::{Invitation, Inviting, NewInvitation, Redemption, Withdrawal};
pub use keys::{ApiKey, KEYS_PER_ACCOUNT_MAX, KeyCreation, NewApiKey};
pub use registration::{Idempotency, Maker, NewAccount, Registration};
pub use sessions::{
    DEVICES_PER_ACCOUNT_MAX, Device, DeviceAddition, NewDevice, NewRefresh, REFRESH_GRACE_MS, Rotation,
};
pub use signing_keys::SigningKey;

use crate::StorageError;
use crate::audit::AuditEntry;
use crate::relational::{RelationalStore, Row, Statement, Value};
use plan::{Attempt, Plan};
use std::sync::Arc;
use tiebreak_protocol::AccountId;

/// The SHA-256 of a secret that its holder presents: a refresh token, a device key, an invitation, an API key.
pub type SecretHash = [u8; 32];

/// Rows on one page of a listing.
pub const PAGE_ROWS_MAX: usize = 1000;

/// Who acts when no account does.
const OPERATOR: &str = "operator";

/// Rows that hold no more and are dropped beside a write, so that none has to drop many.
const FORGOTTEN_AT_ONCE: i64 = 100;

/// The accounts of a store. Cheap to clone.
///
/// The store reads no clock: `now_ms` is milliseconds since the Unix epoch. What expires has ended at that
/// millisecond.
#[derive(Debug, Clone)]
pub struct AccountStore {
    store: Arc<dyn RelationalStore>,
}

impl AccountStore {
    pub fn new(store: Arc<dyn RelationalStore>) -> Self {
        Self { store }
    }

    async fn attempt<T>(&self, plan: Plan<T>) -> Result<Attempt<T>, StorageError> {
        let (steps, outcomes) = plan.into_parts();
        outcomes.of(self.store.transact(steps).await?)
    }

    async fn query(
        &self,
        sql: &'static str,
        values: impl Into<Vec<Value>>,
    ) -> Result<Vec<Row>, StorageError> {
        self.store.query(Statement::new(sql, values)).await
    }

    async fn query_one(
        &self,
        sql: &'static str,
        values: impl Into<Vec<Value>>,
    ) -> Result<Option<Row>, StorageError> {
        Ok(self.query(sql, values).await?.pop())
    }
}

/// A page's size as the statements take it.
fn page(limit: usize) -> Value {
    crate::rows::count(limit.clamp(1, PAGE_ROWS_MAX)).into()
}

/// Where a page begins that begins after an id.
fn after<Id: Into<Value>>(id: Option<Id>) -> Value {
    id.map_or(Value::Bytes(Vec::new()), Into::into)
}

fn entry(
    actor: impl ToString,
    action: &'static str,
    subject: impl ToString,
    detail: impl ToString,
) -> AuditEntry {
    AuditEntry { actor: actor.to_string(), action, subject: subject.to_string(), detail: detail.to_string() }
}

/// The account that acts, or the operator.
fn actor(by: Option<AccountId>) -> String {
    by.map_or_else(|| OPERATOR.to_owned(), |account| account.to_string())
}
