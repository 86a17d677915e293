//! A backup under write load is a prefix of history.

use crate::support::{directory, open};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tiebreak_storage::conformance::{batch, change, document};
use tiebreak_storage::{Append, BackupError, BackupProgress, ChangeRow, DocumentStore};

const WRITERS: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_write_load_restores_to_a_prefix_with_everything_answered_before() {
    let (directory, target) = (directory(), directory());
    let store = open(directory.path());
    // Large enough that commits fall between the steps of the copy.
    for number in 1..=40 {
        let large =
            vec![ChangeRow { hash: change(number).hash, bytes: vec![number as u8; 1024 * 1024].into() }];
        let large = Append { changes: large, ..batch(document("large"), number..=number, 0) };
        store.append(large).await.unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let answered: Arc<Vec<_>> = Arc::new((0..WRITERS).map(|_| AtomicU64::new(0)).collect());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, stop, answered) = (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut number = 1;
                while !stop.load(Ordering::SeqCst) {
                    let id = document(&format!("backup {writer}"));
                    store.append(batch(id, number..=number + 19, 0)).await.unwrap();
                    number += 20;
                    answered[writer as usize].store(number - 1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    while answered.iter().any(|count| count.load(Ordering::SeqCst) < 2_000) {
        tokio::task::yield_now().await;
    }
    let before: Vec<_> = answered.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    let to = target.path().join("tiebreak.sqlite");
    let (copying, path) = (Arc::clone(&store), to.clone());
    let steps = tokio::task::spawn_blocking(move || {
        let mut steps = Vec::new();
        let progress = |step| {
            steps.push(step);
            assert!(steps.is_sorted_by_key(|step: &BackupProgress| step.pages_done), "the copy started over");
        };
        copying.backup(&path, progress).unwrap();
        steps
    });
    let steps = steps.await.unwrap();
    let after: Vec<_> = answered.iter().map(|count| count.load(Ordering::SeqCst)).collect();
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(after.iter().sum::<u64>() > before.iter().sum(), "writes went on meanwhile");
    assert_eq!(steps.last().map(|step| step.pages_done), steps.last().map(|step| step.pages));

    let restored = open(target.path());
    for (writer, before) in before.into_iter().enumerate() {
        let stored = restored.load(document(&format!("backup {writer}"))).await.unwrap().unwrap();
        assert!(stored.through >= before, "{} of {before} answered before the backup", stored.through);
        assert_eq!(stored.changes.len() as u64, stored.through);
        assert!(stored.changes.iter().zip(1..).all(|(stored, number)| *stored == change(number)));
        assert!(stored.damaged.is_empty());
    }
    assert!(restored.check(|_progress| {}).unwrap().is_clean());
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_leaves_no_half_file() {
    let (directory, target) = (directory(), directory());
    let store = open(directory.path());
    store.append(batch(document("backup"), 1..=1, 0)).await.unwrap();
    let to = target.path().join("backup.sqlite");
    store.backup(&to, |_progress| {}).unwrap();
    assert!(matches!(store.backup(&to, |_progress| {}), Err(BackupError::Exists { .. })));
    let missing = target.path().join("missing").join("backup.sqlite");
    assert!(store.backup(&missing, |_progress| {}).is_err());
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&to).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it holds everything that users wrote");
    let files: Vec<_> =
        std::fs::read_dir(target.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["backup.sqlite"]);
}

/// Both begin before either is done.
#[test]
fn of_two_backups_to_one_place_one_is_refused_and_the_other_is_whole() {
    let (directory, target) = (crate::support::directory(), crate::support::directory());
    let store = open(directory.path());
    block_on(store.append(batch(document("backup"), 1..=2_000, 0))).unwrap();
    let to = target.path().join("tiebreak.sqlite");
    let mut second = None;
    let first = store.backup(&to, |_progress| {
        if second.is_none() {
            second = Some(store.backup(&to, |_progress| {}));
        }
    });
    assert!(matches!(second, Some(Ok(()))), "{second:?}");
    assert!(matches!(first, Err(BackupError::Exists { .. })), "{first:?}");
    assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 1);
    let restored = open(target.path());
    let stored = block_on(restored.load(document("backup"))).unwrap().unwrap();
    assert_eq!((stored.through, stored.damaged), (2_000, Vec::new()));
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
