//! The PostgreSQL store against a real server: the contract, ownership, lost connections, damage, a full disk.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod support {
    pub(crate) mod postgres;
    pub(crate) mod proxy;
}

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use support::postgres::Cluster;
use support::proxy::{Passing, Proxy};
use tiebreak_protocol::{DocumentId, Heads, StorageId};
use tiebreak_server::storage::postgres::{OpenError, PostgresOptions, PostgresStore};
use tiebreak_storage::conformance::random::{Random, compare, operate};
use tiebreak_storage::conformance::{self, batch, change, changes, compaction, document, heads};
use tiebreak_storage::{Append, ChangeRow, DamagedChunk, DocumentStore, MemoryStore, StorageError};
use tiebreak_tests::peer::{Ended, Peer};
use tiebreak_tests::server_process::ServerProcess;
use tiebreak_tests::wait::until;
use tokio::task::JoinHandle;

async fn connect(url: &str) -> Arc<PostgresStore> {
    let options = PostgresOptions {
        answer_time: Duration::from_secs(2),
        outcome_time: Duration::from_secs(8),
        settings_checked_every: Duration::from_millis(100),
        ..PostgresOptions::default()
    };
    Arc::new(PostgresStore::connect_with(url, options).await.unwrap())
}

/// Appends one change and answers its number.
async fn append(store: &PostgresStore, id: DocumentId, number: u64) -> Result<u64, StorageError> {
    store.append(batch(id, number..=number, 0)).await.map(|committed| committed.through)
}

/// The document holds these changes, each once and in order.
async fn expect_changes(store: &PostgresStore, id: DocumentId, through: u64) {
    let stored = store.load(id).await.unwrap().unwrap();
    assert_eq!((stored.changes, stored.through, stored.damaged), (changes(1..=through), through, Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_store_keeps_the_contract() {
    let cluster = Cluster::start().await;
    conformance::run_all(connect(&cluster.url()).await).await;
}

#[tokio::test]
async fn random_operations_give_the_same_answers_in_memory_and_in_postgresql() {
    for seed in 0..3 {
        let cluster = Cluster::start().await;
        let model = MemoryStore::new();
        let mut store = connect(&cluster.url()).await;
        let mut random = Random::seeded(seed);
        for step in 0..250 {
            if random.below(60) == 0 {
                store.close().await.unwrap();
                store = connect(&cluster.url()).await;
            }
            operate(&mut random, &model, &*store, &format!("seed {seed}, step {step}")).await;
        }
        compare(&model, &*store, &format!("seed {seed}, at the end")).await;
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_database_is_refused_until_the_first_one_closes() {
    let cluster = Cluster::start().await;
    let (id, peer): (_, StorageId) = (document("kept"), "peer".parse().unwrap());
    let first = connect(&cluster.url()).await;
    assert!(matches!(PostgresStore::connect(&cluster.url()).await, Err(OpenError::InUse)));
    first.append(batch(id, 1..=3, 0)).await.unwrap();
    first.remember_shared_heads(peer.clone(), id, heads(2)).await.unwrap();
    first.close().await.unwrap();
    assert!(matches!(append(&first, id, 4).await, Err(StorageError::Unavailable(_))));
    let second = connect(&cluster.url()).await;
    expect_changes(&second, id, 3).await;
    assert_eq!(second.shared_heads(peer, id).await, Ok(Some(heads(2))), "flushed when closing");
}

#[tokio::test]
async fn settings_that_forget_answered_commits_are_refused() {
    for (setting, name) in [("synchronous_commit=off", "synchronous_commit"), ("fsync=off", "fsync")] {
        let cluster = Cluster::start_with(&[setting]).await;
        let refused = PostgresStore::connect(&cluster.url()).await.unwrap_err();
        assert!(matches!(refused, OpenError::NotDurable { setting, .. } if setting == name), "{refused}");
    }
}

#[tokio::test]
async fn a_reload_of_the_configuration_does_not_loosen_a_running_session() {
    let cluster = Cluster::start().await;
    let store = connect(&cluster.url()).await;
    let client = cluster.client().await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF current_setting('synchronous_commit') <> 'on' THEN RAISE EXCEPTION 'not durable'; END IF; \
        RETURN NEW; END $$; \
        CREATE TRIGGER refuse BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION refuse()";
    client.batch_execute(refuse).await.unwrap();
    reconfigure(&client, "synchronous_commit").await;
    for number in 1..=3 {
        assert_eq!(append(&store, document("pinned"), number).await, Ok(number));
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
}

/// Turns a setting off in the running server and waits until sessions see it.
async fn reconfigure(client: &tokio_postgres::Client, setting: &str) {
    client.execute(&format!("ALTER SYSTEM SET {setting} = off"), &[]).await.unwrap();
    client.execute("SELECT pg_reload_conf()", &[]).await.unwrap();
    let shown = format!("SHOW {setting}");
    let is_off = || async { client.query_one(&shown, &[]).await.unwrap().get::<_, String>(0) == "off" };
    eventually(is_off).await;
}

#[tokio::test]
async fn a_server_that_stops_flushing_while_it_runs_is_noticed_and_trusted_no_more() {
    for setting in ["fsync", "full_page_writes"] {
        let cluster = Cluster::start().await;
        let store = connect(&cluster.url()).await;
        assert_eq!(append(&store, document("flushed"), 1).await, Ok(1));
        reconfigure(&cluster.client().await, setting).await;
        // Nobody writes.
        let failure = tokio::time::timeout(Duration::from_secs(20), store.failed()).await.unwrap();
        assert!(failure.to_string().contains(setting), "{failure}");
    }
}

#[tokio::test]
async fn shared_heads_that_nobody_renewed_are_forgotten_when_the_writer_is_idle() {
    let cluster = Cluster::start().await;
    let (id, fresh, old): (_, StorageId, StorageId) =
        (document("remembered"), "fresh".parse().unwrap(), "old".parse().unwrap());
    let store = connect(&cluster.url()).await;
    store.append(batch(id, 1..=1, 0)).await.unwrap();
    for peer in [&fresh, &old] {
        store.remember_shared_heads(peer.clone(), id, heads(1)).await.unwrap();
    }
    store.close().await.unwrap();
    let age =
        "UPDATE sync_states SET seen_ms = seen_ms - 91::bigint * 24 * 3600 * 1000 WHERE storage_id = 'old'";
    cluster.client().await.batch_execute(age).await.unwrap();
    let store = connect(&cluster.url()).await;
    eventually(|| async { store.shared_heads(old.clone(), id).await == Ok(None) }).await;
    assert_eq!(store.shared_heads(fresh, id).await, Ok(Some(heads(1))));
}

#[tokio::test]
async fn a_url_that_requires_tls_is_refused_with_the_reason() {
    let refused = PostgresStore::connect("postgres://u@127.0.0.1:1/d?sslmode=require").await.unwrap_err();
    assert!(matches!(refused, OpenError::TlsUnsupported));
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_an_interrupted_migration_is_run_again() {
    let cluster = Cluster::start().await;
    let client = cluster.client().await;
    // A server that was killed inside its first migration: the database rolls it back.
    client
        .batch_execute("BEGIN; CREATE TABLE settings (key TEXT); CREATE TABLE documents (id BYTEA)")
        .await
        .unwrap();
    drop(client);
    let store = connect(&cluster.url()).await;
    assert_eq!(append(&store, document("migrated"), 1).await, Ok(1));
    store.close().await.unwrap();
    let later = "INSERT INTO schema_migrations (version, name) VALUES (9999, 'later')";
    cluster.client().await.batch_execute(later).await.unwrap();
    let refused = PostgresStore::connect(&cluster.url()).await.unwrap_err();
    assert!(matches!(refused, OpenError::SchemaTooNew { found: 9999, .. }), "{refused}");
}

#[tokio::test]
async fn sixty_four_appends_at_once_take_far_fewer_commits_and_a_poisoned_one_fails_alone() {
    let cluster = Cluster::start().await;
    let store = connect(&cluster.url()).await;
    let poisoned = document("grouped 7");
    let refuse = format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF encode(NEW.document, 'hex') = '{}' THEN RAISE EXCEPTION 'refused by a test'; END IF; \
         RETURN NEW; END $$",
        poisoned.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    );
    let client = cluster.client().await;
    let at_once = async |name: &str| {
        let before = store.commits();
        let tasks: Vec<_> = (0..64)
            .map(|caller| {
                let (store, id) = (Arc::clone(&store), document(&format!("{name} {caller}")));
                tokio::spawn(async move { append(&store, id, 1).await })
            })
            .collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.unwrap());
        }
        (outcomes, store.commits() - before)
    };
    let (outcomes, commits) = at_once("innocent").await;
    assert!(outcomes.iter().all(|outcome| *outcome == Ok(1)), "{outcomes:?}");
    assert!((1..=8).contains(&commits), "{commits} commits for 64 appends");
    client.batch_execute(&refuse).await.unwrap();
    let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION refuse()";
    client.batch_execute(trigger).await.unwrap();
    let (outcomes, _) = at_once("grouped").await;
    for (caller, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Err(StorageError::Damaged(_)) if caller == 7 => {}
            outcome => assert_eq!(outcome, Ok(1), "caller {caller}"),
        }
    }
    assert_eq!(store.load(poisoned).await, Ok(None));
}

#[tokio::test]
async fn damaged_rows_are_left_out_set_aside_once_and_written_anew() {
    let cluster = Cluster::start().await;
    let store = connect(&cluster.url()).await;
    let id = document("damaged");
    store.append(batch(id, 1..=5, 0)).await.unwrap();
    store.compact(compaction(id, 3)).await.unwrap();
    let client = cluster.client().await;
    for damage in [
        "UPDATE changes SET bytes = set_byte(bytes, 0, 88) WHERE sequence = 4",
        "UPDATE snapshots SET bytes = set_byte(bytes, 0, 88)",
        "UPDATE documents SET through = 1000000",
    ] {
        client.batch_execute(damage).await.unwrap();
    }
    let stored = store.load(id).await.unwrap().unwrap();
    assert_eq!(stored.changes, [change(5)]);
    let expected = [DamagedChunk::Row, DamagedChunk::Snapshot, DamagedChunk::Change { sequence: 4 }];
    assert_eq!(stored.damaged, expected);
    store.load(id).await.unwrap();
    store.probe().await.unwrap();
    assert_eq!(store.quarantined(id).await.unwrap().len(), 3);
    assert_eq!(append(&store, id, 6).await, Ok(6));
    let healed = store.load(id).await.unwrap().unwrap();
    assert_eq!((healed.heads, healed.damaged.len()), (heads(6), 2));
}

#[tokio::test]
async fn a_store_whose_connections_are_ended_connects_again() {
    let mut cluster = Cluster::start().await;
    let store = connect(&cluster.url()).await;
    let id = document("ended");
    assert_eq!(append(&store, id, 1).await, Ok(1));
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tiebreak'";
    cluster.client().await.batch_execute(end).await.unwrap();
    assert_eq!(append(&store, id, 2).await, Ok(2));
    cluster.crash_and_restart().await;
    assert_eq!(append(&store, id, 3).await, Ok(3));
    eventually(|| async { store.load(id).await.is_ok() }).await;
    expect_changes(&store, id, 3).await;
}

/// The answer to a commit is lost, with the commit done or not done: either way the caller hears the truth and
/// no change is there twice.
#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_answered_truly_and_happens_once() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(cluster.port()).await;
    let store = connect(&cluster.url_through(proxy.port())).await;
    let id = document("lost answers");
    assert_eq!(append(&store, id, 1).await, Ok(1));
    for number in 2..=40 {
        let appending = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { append(&store, id, number).await })
        };
        // Each round cuts somewhere else, from before the first statement to after the commit.
        tokio::time::sleep(Duration::from_micros(number * 100)).await;
        proxy.pass(if number % 2 == 0 { Passing::RequestsOnly } else { Passing::Nothing });
        tokio::time::sleep(Duration::from_millis(20)).await;
        proxy.cut();
        proxy.pass(Passing::Everything);
        let mut outcome = appending.await.unwrap();
        // Unavailable says that nothing was kept: if that is a lie, the next attempt is one change too many.
        while matches!(outcome, Err(StorageError::Unavailable(_))) {
            outcome = append(&store, id, number).await;
        }
        assert_eq!(outcome, Ok(number));
    }
    eventually(|| async { store.load(id).await.is_ok() }).await;
    expect_changes(&store, id, 40).await;
    assert_eq!(store.failure(), None);
}

/// Starts an append and waits until its commit is under way, where it stays for a while.
async fn append_with_a_slow_commit(
    cluster: &Cluster,
    store: &Arc<PostgresStore>,
    id: DocumentId,
    number: u64,
) -> JoinHandle<Result<u64, StorageError>> {
    let client = cluster.client().await;
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$; \
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON changes DEFERRABLE INITIALLY DEFERRED \
        FOR EACH ROW EXECUTE FUNCTION slow()";
    client.batch_execute(slow).await.unwrap();
    let store = Arc::clone(store);
    let appending = tokio::spawn(async move { append(&store, id, number).await });
    let committing = "SELECT FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'";
    eventually(|| async { !client.query(committing, &[]).await.unwrap().is_empty() }).await;
    appending
}

#[tokio::test]
async fn a_commit_that_goes_on_without_its_connection_is_found_done_or_undone() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(cluster.port()).await;
    let store = connect(&cluster.url_through(proxy.port())).await;
    let id = document("cut in the commit");
    assert_eq!(append(&store, id, 1).await, Ok(1));
    let appending = append_with_a_slow_commit(&cluster, &store, id, 2).await;
    proxy.cut();
    assert_eq!(appending.await.unwrap(), Ok(2));
    assert_eq!(append(&store, id, 3).await, Ok(3));
    eventually(|| async { store.load(id).await.is_ok() }).await;
    expect_changes(&store, id, 3).await;
}

#[tokio::test]
async fn a_commit_whose_outcome_cannot_be_learned_is_fatal_and_never_a_clean_failure() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(cluster.port()).await;
    let store = connect(&cluster.url_through(proxy.port())).await;
    let id = document("unknown");
    assert_eq!(append(&store, id, 1).await, Ok(1));
    let appending = append_with_a_slow_commit(&cluster, &store, id, 2).await;
    proxy.pass(Passing::Nothing);
    proxy.cut();
    let outcome = appending.await.unwrap();
    assert!(matches!(outcome, Err(StorageError::Fatal(_))), "{outcome:?}");
    assert!(matches!(append(&store, id, 3).await, Err(StorageError::Fatal(_))));
    assert!(matches!(store.load(id).await, Err(StorageError::Fatal(_))));
    drop(store);
    let again = connect(&cluster.url()).await;
    expect_changes(&again, id, 2).await;
}

#[tokio::test]
async fn a_server_that_lost_the_database_to_another_one_stops() {
    let cluster = Cluster::start().await;
    let proxy = Proxy::start(cluster.port()).await;
    let first = connect(&cluster.url_through(proxy.port())).await;
    let id = document("taken over");
    assert_eq!(append(&first, id, 1).await, Ok(1));
    proxy.pass(Passing::Nothing);
    proxy.cut();
    let unavailable = append(&first, id, 2).await;
    assert!(matches!(unavailable, Err(StorageError::Unavailable(_))), "{unavailable:?}");
    let second = connect(&cluster.url()).await;
    assert_eq!(append(&second, id, 2).await, Ok(2));
    second.close().await.unwrap();
    proxy.pass(Passing::Everything);
    // Nobody writes: the first one notices by itself, and whoever waits for that hears of it.
    assert!(matches!(first.failed().await, StorageError::Fatal(_)));
    assert!(matches!(append(&first, id, 3).await, Err(StorageError::Fatal(_))));
    let again = connect(&cluster.url()).await;
    expect_changes(&again, id, 2).await;
}

/// A backend that neither answers nor lets go of its connection: callers hear of it in time, and the store
/// goes on when the backend does.
#[tokio::test]
async fn a_frozen_backend_makes_the_store_unavailable_until_it_moves_again() {
    let cluster = Cluster::start().await;
    let store = connect(&cluster.url()).await;
    let id = document("frozen");
    assert_eq!(append(&store, id, 1).await, Ok(1));
    let owner = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted";
    let pid: i32 = cluster.client().await.query_one(owner, &[]).await.unwrap().get(0);
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
        assert!(status.success());
    };
    signal("-STOP");
    let frozen = append(&store, id, 2).await;
    signal("-CONT");
    assert!(matches!(frozen, Err(StorageError::Unavailable(_))), "{frozen:?}");
    eventually(|| async { store.probe().await.is_ok() }).await;
    assert_eq!(append(&store, id, 2).await, Ok(2));
    expect_changes(&store, id, 2).await;
}

/// The tables lie on a small file system of their own; the log of the database does not.
#[tokio::test]
async fn a_full_disk_refuses_appends_whole_and_takes_them_again_when_space_is_freed() {
    let cluster = Cluster::start().await;
    let disk = cluster.directory("small");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&disk).status();
    assert!(
        mount.is_ok_and(|status| status.success()),
        "this test mounts a small file system: run it through tests/as-root"
    );
    let _unmount = Unmount(disk.clone());
    cluster.give(&disk);
    let filler = disk.join("filler");
    std::fs::write(&filler, vec![1; 3 * 1024 * 1024]).unwrap();
    let space = disk.join("space");
    std::fs::create_dir(&space).unwrap();
    cluster.give(&space);
    let create = format!("CREATE TABLESPACE small LOCATION '{}'", space.display());
    cluster.client().await.batch_execute(&create).await.unwrap();
    let url = format!("{}?options=-c%20default_tablespace%3Dsmall", cluster.url());
    let store = connect(&url).await;

    let id = document("filling");
    let large = |number: u64| {
        let row = ChangeRow { hash: change(number).hash, bytes: vec![number as u8; 50_000].into() };
        Append::new(id, vec![row], heads(number), 0)
    };
    let mut number = 1;
    let full = loop {
        assert!(number < 400, "the disk did not fill up");
        match store.append(large(number)).await {
            Ok(committed) => assert_eq!(committed.through, number),
            Err(error) => break error,
        }
        number += 1;
    };
    assert_eq!(full, StorageError::Full);
    assert_eq!(store.load(id).await.unwrap().unwrap().changes.len() as u64, number - 1);
    std::fs::remove_file(filler).unwrap();
    assert_eq!(store.append(large(number)).await.map(|committed| committed.through), Ok(number));
    assert_eq!(store.delete(id).await, Ok(true));
    assert_eq!(store.failure(), None);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let status = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(status.is_ok_and(|status| status.success()), "could not unmount the small file system");
    }
}

async fn eventually<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    for _ in 0..1_000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the condition did not come true in time");
}

/// The built server on this store, as an operator starts it: kill -9, start again, everything is there.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_serves_from_postgresql_and_loses_nothing_when_it_is_killed() {
    let cluster = Cluster::start().await;
    let (url, id) = (cluster.url(), DocumentId::from_bytes([7; 16]));
    tokio::task::spawn_blocking(move || {
        let start = |data: &std::path::Path| ServerProcess::start(data, &["--store", &url]);
        let data = tempfile::tempdir().unwrap();
        let server = start(data.path());
        let mut writer = Peer::connect(server.address(), "writer");
        let written: Vec<_> = (0..20).map(|n| writer.write(id, "key", n).unwrap()).collect();
        writer.until("the answer", |peer| peer.is_acknowledged(id)).unwrap();
        server.kill();
        let server = start(data.path());
        let mut reader = Peer::connect(server.address(), "reader");
        reader.ask(id).unwrap();
        reader.until("every change", |peer| written.iter().all(|change| peer.has(id, *change))).unwrap();
        assert!(!data.path().join("tiebreak.sqlite").exists());
    })
    .await
    .unwrap();
}

/// What the server learned last, an orderly stop must not lose: the next handshake would start from nothing.
#[tokio::test(flavor = "multi_thread")]
async fn heads_shared_with_a_device_at_the_end_are_there_after_an_orderly_stop() {
    let cluster = Cluster::start().await;
    let (url, id) = (cluster.url(), DocumentId::from_bytes([8; 16]));
    let written = tokio::task::spawn_blocking(move || {
        let data = tempfile::tempdir().unwrap();
        let mut server = ServerProcess::start(data.path(), &["--store", &url]);
        let mut device = Peer::connect_with_storage(server.address(), "device");
        let written = device.write(id, "key", 1).unwrap();
        device.until("the answer", |peer| peer.is_acknowledged(id)).unwrap();
        drop(device);
        until("the device to be gone", || (server.metric("tiebreak_connections") == 0.0).then_some(()));
        server.terminate();
        assert!(server.wait().success(), "{}", server.log());
        written
    });
    let written = Heads::new(vec![written.await.unwrap()]);
    let store = connect(&cluster.url()).await;
    assert_eq!(store.shared_heads("device".parse().unwrap(), id).await, Ok(Some(written)));
}

/// While the database is away the server says so and stays; when it is back, so is everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_and_comes_back_costs_time_and_no_change() {
    let mut cluster = Cluster::start().await;
    let (id, data) = (DocumentId::from_bytes([9; 16]), tempfile::tempdir().unwrap());
    let (server, mut writer, kept) = tokio::task::block_in_place(|| {
        let server = ServerProcess::start(data.path(), &["--store", &cluster.url()]);
        let mut writer = Peer::connect(server.address(), "writer");
        let kept = writer.write(id, "kept", 1).unwrap();
        writer.until("the answer", |peer| peer.is_acknowledged(id)).unwrap();
        (server, writer, kept)
    });
    cluster.crash();
    let (mut held, refused) = tokio::task::block_in_place(|| {
        let refused = writer.write(id, "refused", 1).unwrap();
        assert_eq!(writer.until_end(), Ended::Closed(Some(4503)), "{}", server.log());
        for path in ["/readyz", "/v1/documents"] {
            assert!(server.get(path).contains("\"storage_unavailable\""), "{path}: {}", server.get(path));
        }
        assert_eq!(server.get("/healthz"), "ok\n");
        (writer.content(id).unwrap().clone(), refused)
    });
    cluster.start_again().await;
    tokio::task::block_in_place(|| {
        until("the server to be ready", || (server.get("/readyz") == "ok\n").then_some(()));
        let mut again = Peer::connect(server.address(), "writer");
        again.hold(id, std::mem::take(&mut held));
        let later = again.write(id, "later", 1).unwrap();
        again.until("the answer", |peer| peer.is_acknowledged(id)).unwrap();
        let mut reader = Peer::connect(server.address(), "reader");
        reader.ask(id).unwrap();
        let all = [kept, refused, later];
        reader.until("every change", |peer| all.iter().all(|change| peer.has(id, *change))).unwrap();
    });
}
