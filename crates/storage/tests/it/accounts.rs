//! Accounts on SQLite.

use crate::support::{database, directory, open};
use std::sync::Arc;
use tiebreak_protocol::Role;
use tiebreak_storage::accounts::{AuditEnd, AuditVerdict, NewGrant, Rotation};
use tiebreak_storage::conformance::accounts::{self, random, thefts};
use tiebreak_storage::conformance::document;
use tiebreak_storage::{AccountStore, SqliteStore, StorageError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_keep_their_contract_on_sqlite() {
    let directory = directory();
    accounts::run_all(open(directory.path())).await;
}

#[tokio::test]
async fn random_grants_and_sessions_follow_their_models_on_sqlite() {
    let directory = directory();
    let store = AccountStore::new(open(directory.path()));
    for seed in 0..8 {
        random::grants_follow_their_model(&store, seed).await;
        random::sessions_follow_their_model(&store, seed).await;
        thefts::thefts_are_noticed(&store, seed).await;
    }
}

#[tokio::test]
async fn accounts_outlive_a_restart_and_are_in_a_backup() {
    let (directory, backup) = (directory(), directory());
    let store = open(directory.path());
    let accounts = AccountStore::new(Arc::<SqliteStore>::clone(&store));
    let id = accounts::register(&accounts, "kept").await;
    let role = Role::Editor;
    let grant = NewGrant { document: document("kept"), account: id, role, by: None };
    accounts.grant(grant, 1).await.unwrap();
    let before = accounts.verify_audit(|_rows| {}).await.unwrap();
    assert!(matches!(before, AuditVerdict::Verified(AuditEnd { rows: 2, .. })), "{before:?}");
    store.backup(&backup.path().join("tiebreak.sqlite"), |_progress| {}).unwrap();
    drop(accounts);
    drop(store);
    for directory in [&directory, &backup] {
        let store = open(directory.path());
        assert!(store.check(|_progress| {}).unwrap().is_clean());
        let accounts = AccountStore::new(store);
        assert_eq!(accounts.account_by_name("kept").await.unwrap().unwrap().id, id);
        assert_eq!(accounts.role(document("kept"), id).await, Ok(Some(role)));
        assert_eq!(accounts.verify_audit(|_rows| {}).await.unwrap(), before);
        accounts::register(&accounts, "comes after").await;
        let after = accounts.verify_audit(|_rows| {}).await.unwrap();
        assert!(
            matches!(after, AuditVerdict::Verified(AuditEnd { rows: 3, .. })),
            "the chain goes on: {after:?}"
        );
    }
}

#[tokio::test]
async fn calls_that_come_together_share_a_commit() {
    let directory = directory();
    let store = open(directory.path());
    let before = store.commits();
    let accounts = AccountStore::new(Arc::<SqliteStore>::clone(&store));
    let registrations = (0..200).map(|number| {
        let accounts = accounts.clone();
        tokio::spawn(async move { accounts::register(&accounts, &format!("together {number}")).await })
    });
    for registration in registrations.collect::<Vec<_>>() {
        registration.await.unwrap();
    }
    let commits = store.commits() - before;
    assert!(commits < 100, "{commits} commits for 200 calls");
}

#[tokio::test]
async fn a_made_up_refresh_token_waits_for_no_writer() {
    let directory = directory();
    let store = open(directory.path());
    let accounts = AccountStore::new(Arc::<SqliteStore>::clone(&store));
    let before = store.commits();
    let rotation = accounts.rotate_refresh(accounts::secret("made up"), accounts::refresh("next"), 1).await;
    assert_eq!((rotation, store.commits()), (Ok(Rotation::Unknown), before));
}

/// Flipped under the store's back, as a disk would: past the types that the relational store looks after.
#[tokio::test]
async fn a_row_of_the_log_that_cannot_be_read_breaks_the_chain() {
    let directory = directory();
    let store = AccountStore::new(open(directory.path()));
    for name in ["ann", "bob", "cleo"] {
        accounts::register(&store, name).await;
    }
    let not_text =
        "UPDATE audit_log SET actor = CAST(x'ff' || substr(CAST(actor AS BLOB), 2) AS TEXT) WHERE seq = 2";
    for damage in [not_text, "UPDATE audit_log SET hash = x'00' WHERE seq = 2"] {
        assert_eq!(database(directory.path()).execute(damage, ()).unwrap(), 1);
        let verdict = store.verify_audit(|_rows| {}).await.unwrap();
        assert!(matches!(verdict, AuditVerdict::Broken { seq: 2, .. }), "{verdict:?}");
    }
    assert_eq!(
        database(directory.path()).execute("UPDATE audit_log SET hash = x'00' WHERE seq = 3", ()),
        Ok(1)
    );
    let refused = store.create_account(accounts::person("dan"), 1).await;
    assert!(
        matches!(refused, Err(StorageError::Damaged(_))),
        "nothing is done that cannot be told: {refused:?}"
    );
    assert_eq!(store.account_by_name("dan").await, Ok(None));
}
