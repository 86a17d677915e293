//! Measures how fast the SQLite store takes changes: `cargo run --release -p tiebreak-storage --example append_rate [DIR]`.

#![expect(clippy::print_stdout, reason = "the figures are the purpose of this program")]

use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tiebreak_storage::{
    Append, ChangeRow, Compaction, DocumentStore, SqliteOptions, SqliteStore, conformance,
};

const CHANGE_BYTES: usize = 150;
const RUN: Duration = Duration::from_secs(4);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let directory = directory.join(format!("append-rate-{}", std::process::id()));
    let store = Arc::new(SqliteStore::open(&directory, &SqliteOptions::default())?);
    for (callers, changes) in [(1, 1), (64, 1), (64, 50), (512, 1)] {
        measure(&store, callers, changes).await?;
    }
    let started = Instant::now();
    store
        .compact(Compaction {
            document: id(64, 50, 0),
            snapshot: Bytes::from(vec![7; 100_000]),
            through: 1000,
        })
        .await?;
    println!("compacting 1000 changes: {:?}", started.elapsed());
    let started = Instant::now();
    let loaded = store.load(id(64, 50, 1)).await?.map_or(0, |stored| stored.changes.len());
    println!("loading {loaded} changes: {:?}", started.elapsed());
    store.close().await?;
    std::fs::remove_dir_all(directory)?;
    Ok(())
}

/// Each caller appends batch after batch to a document of its own and waits for each answer, as a room does.
async fn measure(
    store: &Arc<SqliteStore>,
    callers: usize,
    changes: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let (started, commits_before) = (Instant::now(), store.commits());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut appends = 0;
                while started.elapsed() < RUN {
                    store.append(append(id(callers, changes, caller), appends, changes)).await?;
                    appends += 1;
                }
                Ok::<_, tiebreak_storage::StorageError>(appends)
            })
        })
        .collect();
    let mut appends = 0;
    for task in tasks {
        appends += task.await??;
    }
    let (seconds, commits) = (started.elapsed().as_secs_f64(), store.commits() - commits_before);
    println!(
        "{callers} callers x {changes}: {:.0} changes/s, {:.0} commits/s, {:.1} appends a commit",
        (appends * changes as u64) as f64 / seconds,
        commits as f64 / seconds,
        appends as f64 / commits as f64,
    );
    Ok(())
}

fn id(callers: usize, changes: usize, caller: usize) -> tiebreak_protocol::DocumentId {
    conformance::document(&format!("{callers} {changes} {caller}"))
}

fn append(document: tiebreak_protocol::DocumentId, number: u64, changes: usize) -> Append {
    let rows = (0..changes as u64).map(|index| ChangeRow {
        hash: conformance::change(number * changes as u64 + index).hash,
        bytes: Bytes::from(vec![index as u8; CHANGE_BYTES]),
    });
    Append::new(document, rows.collect(), conformance::heads(number), 0)
}
