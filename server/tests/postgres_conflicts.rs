//! Conflicts on a real PostgreSQL server.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod support {
    #[expect(dead_code, reason = "the tests of the store use the rest")]
    pub(crate) mod postgres;
}

use std::sync::Arc;
use support::postgres::Cluster;
use tiebreak_server::storage::postgres::PostgresStore;
use tiebreak_storage::conformance::conflicts;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_keep_their_contract_on_postgresql() {
    let cluster = Cluster::start().await;
    conflicts::run_all(Arc::new(PostgresStore::connect(&cluster.url()).await.unwrap())).await;
}
