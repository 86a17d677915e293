//! The contract of [`AccountStore`] and of the relational store below it, one behaviour each. Each takes its own
//! names, so one fresh store serves them all.

#![expect(clippy::unwrap_used, reason = "these are assertions: what panics is what they found")]

mod account;
mod audit;
mod grants;
mod inboxes;
mod invitations;
mod keys;
pub mod random;
mod registration;
mod relational;
mod sessions;
mod signing_keys;
pub mod thefts;

use crate::accounts::{AccountKind, Maker, NewAccount, NewDevice, NewRefresh, Registration, SecretHash};
use crate::audit::AuditEntry;
use crate::{AccountStore, DocumentStore, RelationalStore};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tiebreak_protocol::{AccountId, DeviceId};

/// When the tests begin.
const NOW: i64 = 1_700_000_000_000;

/// Of the password that everybody has at first.
const PASSWORD_HASH: &str = "hash of a password";

const HOUR: i64 = 60 * 60 * 1000;

/// One store, as what it is to whom.
struct Stores {
    accounts: AccountStore,
    documents: Arc<dyn DocumentStore>,
    rows: Arc<dyn RelationalStore>,
}

/// Runs the whole contract on a fresh store.
pub async fn run_all<S: DocumentStore + RelationalStore>(store: Arc<S>) {
    let accounts = AccountStore::new(Arc::<S>::clone(&store));
    let stores = Stores { accounts, documents: Arc::<S>::clone(&store), rows: store };
    // First, while the log is short: it verifies the log again and again.
    audit::run_all(&stores).await;
    relational::run_all(&stores).await;
    registration::run_all(&stores.accounts).await;
    account::run_all(&stores.accounts).await;
    sessions::run_all(&stores.accounts).await;
    grants::run_all(&stores).await;
    inboxes::run_all(&stores).await;
    invitations::run_all(&stores).await;
    keys::run_all(&stores.accounts).await;
    signing_keys::run_all(&stores.accounts).await;
    audit::the_chain_of_all_that_was_done_is_whole(&stores.accounts).await;
}

/// An account id made from a name.
pub fn account_id(name: &str) -> AccountId {
    AccountId::from_bytes(sixteen("account", name))
}

/// A device id made from a name.
pub fn device_id(name: &str) -> DeviceId {
    DeviceId::from_bytes(sixteen("device", name))
}

/// The hash of a secret made from a name.
pub fn secret(name: &str) -> SecretHash {
    Sha256::digest(name.as_bytes()).into()
}

/// A person of this name.
pub fn person(name: &str) -> NewAccount {
    NewAccount {
        id: account_id(name),
        kind: AccountKind::Person,
        username: Some(name.to_owned()),
        name_key: Some(name.to_lowercase()),
        display_name: format!("{name} the tester"),
        password_hash: Some(PASSWORD_HASH.to_owned()),
        idempotency: None,
        made_by: Maker::Oneself,
    }
}

/// Registers a person of this name.
pub async fn register(store: &AccountStore, name: &str) -> AccountId {
    assert_eq!(store.create_account(person(name), NOW).await, Ok(Registration::Created), "{name}");
    account_id(name)
}

/// Registers so many people at once.
async fn register_many(store: &AccountStore, name: &str, many: usize) -> Vec<AccountId> {
    let registrations = (0..many).map(|number| {
        let (store, name) = (store.clone(), format!("{name} {number}"));
        tokio::spawn(async move { register(&store, &name).await })
    });
    let mut ids = Vec::new();
    for registration in registrations.collect::<Vec<_>>() {
        ids.push(registration.await.expect("every registration ends"));
    }
    ids
}

/// A device of this name, with a key made from its name, of an account with the password that it had at first.
pub fn device(account: AccountId, name: &str) -> NewDevice {
    NewDevice {
        id: device_id(name),
        account,
        password_hash: PASSWORD_HASH.to_owned(),
        name: name.to_owned(),
        key_hash: Some(secret(name)),
    }
}

/// A token made from a name, for an hour.
pub fn refresh(name: &str) -> NewRefresh {
    NewRefresh { hash: secret(name), expires_ms: NOW + HOUR }
}

fn audited(action: &'static str) -> AuditEntry {
    AuditEntry { actor: "tester".to_owned(), action, subject: String::new(), detail: String::new() }
}

fn sixteen(kind: &str, name: &str) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&Sha256::digest(format!("{kind} {name}"))[..16]);
    id
}
