//! Directories that a client opens, and those that it does not.

use super::{SOON, folder};
use serde_json::json;
use std::path::Path;
use tiebreak_client::{OpenError, StoreError, Tiebreak, TiebreakConfig};
use tiebreak_tests::server_process::ServerProcess;

async fn refused(path: &Path) -> OpenError {
    Tiebreak::open(TiebreakConfig::new(path)).await.expect_err("it is not to be opened")
}

#[tokio::test]
async fn a_directory_in_use_is_refused_in_words_and_free_after_closing() {
    let local = folder();
    let client = Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("opens");
    let error = refused(local.path()).await;
    assert!(matches!(&error, OpenError::InUse { directory } if directory == local.path()), "{error:?}");
    assert!(error.to_string().contains("in use by another client or process"), "{error}");
    client.close().await;
    Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("free again").close().await;
}

#[tokio::test]
async fn what_is_no_directory_of_documents_is_refused_with_the_cause() {
    let error = refused(Path::new("")).await;
    assert!(error.to_string().contains("its path is empty"), "{error}");

    let local = folder();
    let file = local.path().join("file");
    std::fs::write(&file, "no directory").expect("written");
    let error = refused(&file).await;
    assert!(matches!(error, OpenError::Directory { .. }), "{error:?}");
    assert!(error.to_string().contains("it is not a directory"), "{error}");
    for nowhere in [&file.join("inside"), Path::new("/proc/nobody-may-write-here")] {
        let error = refused(nowhere).await;
        assert!(matches!(error, OpenError::Directory { .. }), "{error:?}");
    }

    let odd = folder();
    std::fs::write(odd.path().join("tiebreak.sqlite"), "no database at all, but long enough".repeat(100))
        .expect("written");
    let error = refused(odd.path()).await;
    assert!(matches!(error, OpenError::Unreadable { .. }), "{error:?}");
    assert!(error.to_string().contains("not a database"), "{error}");
}

#[tokio::test]
async fn the_data_directory_of_a_server_is_refused_and_left_to_it() {
    let data = folder();
    let server = ServerProcess::start(data.path(), &[]);
    let error = refused(data.path()).await;
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    server.terminate();
    drop(server);
    let error = refused(data.path()).await;
    assert!(matches!(error, OpenError::ServerData { .. }), "{error:?}");
    ServerProcess::start(data.path(), &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_that_nobody_waits_for_goes_on_and_the_directory_opens_right_after() {
    let local = folder();
    for n in 0..5 {
        let client = Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("opens right after");
        client.create(&json!({ "n": n })).await.expect("made");
        let closing = client.close();
        drop(tokio::time::timeout(std::time::Duration::ZERO, closing).await);
    }
    let client = Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("opens right after");
    assert_eq!(client.list().await.expect("listed").len(), 5);
    client.close().await;
}

#[test]
fn a_runtime_without_timers_or_sockets_is_found_at_once() {
    let local = folder();
    let bare = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let error = bare.block_on(Tiebreak::open(TiebreakConfig::new(local.path()))).expect_err("no timers");
    assert!(matches!(error, OpenError::NoRuntime), "{error:?}");

    let timers = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let online = TiebreakConfig::new(local.path()).url("ws://127.0.0.1:9/automerge");
    let error = timers.block_on(Tiebreak::open(online)).expect_err("no sockets");
    assert!(matches!(error, OpenError::NoRuntime), "{error:?}");
    timers.block_on(async {
        let alone = Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("needs no sockets");
        alone.close().await;
    });
}

#[test]
fn a_client_whose_runtime_is_gone_answers_that_it_is_closed() {
    let local = folder();
    let first = tokio::runtime::Runtime::new().expect("a runtime");
    let (client, note) = first.block_on(async {
        let url = "ws://127.0.0.1:9/automerge";
        let client = Tiebreak::open(TiebreakConfig::new(local.path()).url(url)).await.expect("opens");
        let note = client.create(&json!({ "n": 1 })).await.expect("made");
        (client, note)
    });
    drop(first);
    let second = tokio::runtime::Runtime::new().expect("another runtime");
    let answers = async {
        use tiebreak_client::{ChangeError, CreateError, FindError, ReadError, WaitError};
        let changed = note.change(|edit| edit.put("n", 2)).await;
        assert!(matches!(changed, Err(ChangeError::Closed)), "{changed:?}");
        assert!(matches!(note.to_json().await, Err(ReadError::Closed)));
        let made = client.create(&json!({})).await;
        assert!(matches!(made, Err(CreateError::Change(ChangeError::Closed))), "{made:?}");
        assert!(matches!(client.find(note.id()).await, Err(FindError::Closed)));
        assert!(matches!(client.delete(note.id()).await, Err(ChangeError::Closed)));
        assert_eq!(client.list().await, Err(StoreError::Closed));
        assert_eq!(client.wait_for_upload(SOON).await, Err(WaitError::Closed));
        assert_eq!(note.wait_for_upload(SOON).await, Err(WaitError::Closed));
        assert_eq!(client.sync_once(SOON).await, Err(WaitError::Closed));
        assert!(note.watch().next().await.is_none());
        client.close().await;
        Tiebreak::open(TiebreakConfig::new(local.path())).await.expect("free again").close().await;
    };
    let answered = second.block_on(async { tokio::time::timeout(SOON, answers).await });
    answered.expect("every call ends");
}
