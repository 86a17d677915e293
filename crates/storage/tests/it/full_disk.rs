//! A full disk: appends are refused whole, reads and deletes go on, and space freed is used without reopening.
//! Needs the right to mount a small file system, and fails without it.

use crate::support::{directory, open};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tiebreak_protocol::DocumentId;
use tiebreak_storage::conformance::{change, document, heads};
use tiebreak_storage::{Append, ChangeRow, DocumentStore, SqliteStore, StorageError};

const CHANGE_BYTES: usize = 20_000;

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
            "this test mounts a small file system: run it as root"
        );
        Self { point }
    }

    fn store(&self) -> PathBuf {
        self.point.path().join("data")
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
    Append { document: id, changes: vec![row], heads: heads(number), received_ms: 0 }
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
    let store = open(&disk.store());
    let appended = append_until_full(&store, "filling").await;
    assert!(appended > 20, "only {appended} appends fitted");
    expect_appended(&store, "filling", u64::MAX, appended).await;
    assert_eq!(store.append(large(document("filling 0"), 9999)).await, Err(StorageError::Full));
    assert_eq!(store.probe().await.is_ok(), store.failure().is_none() && store.probe().await.is_ok());

    assert_eq!(store.delete(document("filling 3")).await, Ok(true), "a deletion needs no free space");
    assert!(store.load(document("filling 3")).await.unwrap().unwrap().deleted);
    expect_appended(&store, "filling", 3, appended).await;

    std::fs::remove_file(filler).unwrap();
    let more = append_until_full(&store, "more").await;
    assert!(more > 50, "only {more} appends fitted into the space that was freed");
    expect_appended(&store, "filling", 3, appended).await;
    expect_appended(&store, "more", u64::MAX, more).await;
    assert_eq!(store.failure(), None);
    expect_clean(&store);
    reopened_has_the_same(&disk.store(), store, appended, more).await;
}

async fn reopened_has_the_same(
    directory: &Path,
    store: std::sync::Arc<SqliteStore>,
    appended: u64,
    more: u64,
) {
    drop(store);
    let store = open(directory);
    expect_appended(&store, "filling", 3, appended).await;
    expect_appended(&store, "more", u64::MAX, more).await;
    expect_clean(&store);
}

#[tokio::test]
async fn deleting_everything_on_a_full_disk_makes_room_for_new_appends() {
    let disk = SmallDisk::mount("8m");
    let store = open(&disk.store());
    let appended = append_until_full(&store, "filling").await;
    for index in 0..10 {
        assert_eq!(store.delete(document(&format!("filling {index}"))).await, Ok(true), "deletion {index}");
    }
    let again = append_until_full(&store, "again").await;
    assert!(again * 2 > appended, "{again} appends fitted after deleting {appended}");
    expect_clean(&store);
}
