//! Accounts on a real PostgreSQL server.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod support {
    #[expect(dead_code, reason = "the tests of the store use the rest")]
    pub(crate) mod postgres;
}

use std::sync::Arc;
use std::time::Duration;
use support::postgres::Cluster;
use tiebreak_server::storage::postgres::{PostgresOptions, PostgresStore};
use tiebreak_storage::AccountStore;
use tiebreak_storage::accounts::{AuditEnd, AuditVerdict};
use tiebreak_storage::conformance::accounts::{self, random, thefts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_keep_their_contract_on_postgresql() {
    let cluster = Cluster::start().await;
    accounts::run_all(Arc::new(PostgresStore::connect(&cluster.url()).await.unwrap())).await;
}

#[tokio::test]
async fn random_grants_and_sessions_follow_their_models_on_postgresql() {
    let cluster = Cluster::start().await;
    let store = AccountStore::new(Arc::new(PostgresStore::connect(&cluster.url()).await.unwrap()));
    for seed in 0..3 {
        random::grants_follow_their_model(&store, seed).await;
        random::sessions_follow_their_model(&store, seed).await;
        thefts::thefts_are_noticed(&store, seed).await;
    }
}

#[tokio::test]
async fn what_was_answered_outlives_a_crash_of_the_database() {
    let mut cluster = Cluster::start().await;
    let options = PostgresOptions { answer_time: Duration::from_secs(2), ..PostgresOptions::default() };
    let store = PostgresStore::connect_with(&cluster.url(), options).await.unwrap();
    let store = AccountStore::new(Arc::new(store));
    for number in 0..2 {
        accounts::register(&store, &format!("before crash {number}")).await;
        cluster.crash_and_restart().await;
    }
    // Readers whose connection the crash has ended fail once.
    let mut verdict = store.verify_audit(|_rows| {}).await;
    for _ in 0..10 {
        if verdict.is_ok() {
            break;
        }
        verdict = store.verify_audit(|_rows| {}).await;
    }
    assert!(matches!(verdict, Ok(AuditVerdict::Verified(AuditEnd { rows: 2, .. }))), "{verdict:?}");
    for number in 0..2 {
        let found = store.account(accounts::account_id(&format!("before crash {number}"))).await.unwrap();
        assert!(found.is_some_and(|account| account.is_live()));
    }
}
