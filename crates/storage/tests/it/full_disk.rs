//! A full disk: appends are refused whole, reads and deletes go on, and space freed is used without reopening.
//! Needs the right to mount a small file system, and fails without it.

use crate::support::directory;
use bytes::Bytes;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tiebreak_protocol::DocumentId;
use tiebreak_storage::conformance::{change, document, heads};
use tiebreak_storage::{Append, ChangeRow, DocumentStore, SqliteOptions, SqliteStore, StorageError};

const CHANGE_BYTES: usize = 20_000;
const LOG_BYTES: u64 = 1024 * 1024;

/// A mounted file system of a few MiB.
struct SmallDisk {
    point: TempDir,
}

impl SmallDisk {
    fn mount(size: &str) -> Self {
        let point = directory();
        let options = format!("size={size}");
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(point.path()).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "this test mounts a small file system: run it through tests/as-root"
        );
        Self { point }
    }

    fn open(&self) -> Arc<SqliteStore> {
        let options = SqliteOptions { log_bytes: LOG_BYTES, ..SqliteOptions::default() };
        Arc::new(SqliteStore::open(&self.point.path().join("data"), &options).unwrap())
    }

    /// The store takes its reserve back when there is room again.
    async fn wait_for_the_reserve(&self) {
        let reserve = self.point.path().join("data/tiebreak.reserve");
        for _ in 0..1_000 {
            if std::fs::metadata(&reserve).is_ok_and(|file| file.len() == LOG_BYTES) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the store did not take its reserve back in time");
    }

    fn fill(&self, mib: usize) -> PathBuf {
        let path = self.point.path().join("filler");
        std::fs::write(&path, vec![1; mib * 1024 * 1024]).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let status = Command::new("umount").arg("--lazy").arg(self.point.path()).status();
        assert!(status.is_ok_and(|status| status.success()), "could not unmount the small file system");
    }
}

fn large(id: DocumentId, number: u64) -> Append {
    let row = ChangeRow { hash: change(number).hash, bytes: Bytes::from(vec![number as u8; CHANGE_BYTES]) };
    Append::new(id, vec![row], heads(number), 0)
}

/// Appends to one document after another until the disk is full; answers how many went in.
async fn append_until_full(store: &SqliteStore, name: &str) -> u64 {
    for number in 0..2_000 {
        match store.append(large(document(&format!("{name} {}", number % 10)), number / 10 + 1)).await {
            Ok(committed) => assert_eq!(committed.through, number / 10 + 1),
            Err(StorageError::Full) => return number,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the disk did not fill up");
}

/// Every answered append is there and nothing else.
async fn expect_appended(store: &SqliteStore, name: &str, skipped: u64, appended: u64) {
    for index in (0..10).filter(|index| *index != skipped) {
        let stored = store.load(document(&format!("{name} {index}"))).await.unwrap();
        let expected = appended / 10 + u64::from(index < appended % 10);
        assert_eq!(stored.map_or(0, |stored| stored.changes.len() as u64), expected, "{name} {index}");
    }
}

fn expect_clean(store: &SqliteStore) {
    let report = store.check(|_progress| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn a_full_disk_refuses_appends_serves_reads_and_deletes_and_recovers_when_space_is_freed() {
    let disk = SmallDisk::mount("8m");
    let filler = disk.fill(3);
    let store = disk.open();
    let appended = append_until_full(&store, "filling").await;
    assert!(appended > 20, "only {appended} appends fitted");
    expect_appended(&store, "filling", u64::MAX, appended).await;
    assert_eq!(store.append(large(document("filling 0"), 9999)).await, Err(StorageError::Full));

    assert_eq!(store.delete(document("filling 3")).await, Ok(true), "a deletion needs no free space");
    assert!(store.load(document("filling 3")).await.unwrap().unwrap().deleted);
    expect_appended(&store, "filling", 3, appended).await;

    std::fs::remove_file(filler).unwrap();
    disk.wait_for_the_reserve().await;
    let more = append_until_full(&store, "more").await;
    assert!(more > 50, "only {more} appends fitted into the space that was freed");
    expect_appended(&store, "filling", 3, appended).await;
    expect_appended(&store, "more", u64::MAX, more).await;
    assert_eq!(store.failure(), None);
    expect_clean(&store);

    drop(store);
    let store = disk.open();
    expect_appended(&store, "filling", 3, appended).await;
    expect_appended(&store, "more", u64::MAX, more).await;
    expect_clean(&store);
}

#[tokio::test]
async fn deleting_everything_on_a_full_disk_makes_room_for_new_appends() {
    let disk = SmallDisk::mount("8m");
    let store = disk.open();
    let appended = append_until_full(&store, "filling").await;
    for index in 0..10 {
        assert_eq!(store.delete(document(&format!("filling {index}"))).await, Ok(true), "deletion {index}");
    }
    let again = append_until_full(&store, "again").await;
    assert!(again * 2 > appended, "{again} appends fitted after deleting {appended}");
    expect_clean(&store);
}
