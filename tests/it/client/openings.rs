//! Directories that a client opens, and those that it does not.

use super::folder;
use std::path::Path;
use tiebreak_client::{OpenError, Tiebreak, TiebreakConfig};
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
