//! Opening the local store, and counting what it holds that the server lacks.

use crate::client::store_options;
use crate::error::{OpenError, StoreError};
use crate::identity;
use crate::status::StatusBoard;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::Document;
use tiebreak_driver::RoomStore;
use tiebreak_protocol::{DocumentId, Heads, StorageId};
use tiebreak_storage::{self as storage, DocumentStore, DocumentSummary, PAGE_DOCUMENTS_MAX, SqliteStore};
use tiebreak_sync::replica::Standing;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// A client that was let go of without waiting for its closing needs a moment to give its directory back.
const GIVING_BACK_TIME: Duration = Duration::from_secs(1);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Whether a client will ever open a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NeedsIo {
    Yes,
    No,
}

/// The runtime that the client is to live in. Timers and I/O are tried here, where somebody hears of it: Tokio says
/// that one is missing by a panic, and no other way.
pub(crate) fn runtime(needs_io: NeedsIo) -> Result<Handle, OpenError> {
    let runtime = Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
    let try_out = move || {
        drop(tokio::time::sleep(Duration::ZERO));
        if needs_io == NeedsIo::Yes
            && let Ok(socket) = std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0))
            && socket.set_nonblocking(true).is_ok()
        {
            drop(tokio::net::UdpSocket::from_std(socket));
        }
    };
    std::panic::catch_unwind(try_out).map_err(|_panic| OpenError::NoRuntime)?;
    Ok(runtime)
}

/// Opens the local store, once whoever had it before has given it back.
pub(crate) async fn store(directory: PathBuf) -> Result<SqliteStore, OpenError> {
    let reason = match std::fs::metadata(&directory) {
        _ if directory.as_os_str().is_empty() => Some("its path is empty"),
        Ok(metadata) if !metadata.is_dir() => Some("it is not a directory"),
        Ok(_) | Err(_) => None,
    };
    if let Some(reason) = reason {
        return Err(OpenError::Directory { directory, reason: reason.to_owned() });
    }
    let give_up_at = Instant::now() + GIVING_BACK_TIME;
    loop {
        let path = directory.clone();
        let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path, &store_options())).await;
        let opened = opened.map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        match opened {
            Err(storage::OpenError::InUse { .. }) if Instant::now() < give_up_at => {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
            opened => return opened.map_err(|error| in_words(directory, error)),
        }
    }
}

fn in_words(directory: PathBuf, error: storage::OpenError) -> OpenError {
    match error {
        storage::OpenError::InUse { .. } => OpenError::InUse { directory },
        storage::OpenError::Directory { source, .. } => {
            OpenError::Directory { directory, reason: source.to_string() }
        }
        storage::OpenError::SchemaTooNew { found, known } => OpenError::TooNew { directory, found, known },
        storage::OpenError::Setting { .. }
        | storage::OpenError::SqliteTooOld { .. }
        | storage::OpenError::Thread(_) => OpenError::Directory { directory, reason: with_causes(&error) },
        storage::OpenError::Damaged { .. }
        | storage::OpenError::Migration(_)
        | storage::OpenError::Sqlite(_) => OpenError::Unreadable { directory, reason: with_causes(&error) },
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Marks a store as a device's, and turns one away that a server has marked as its own.
pub(crate) async fn claim(store: &SqliteStore, directory: &Path) -> Result<(), OpenError> {
    let mark = identity::name_of_store()?;
    let marked = store.own_storage_id(mark).await.map_err(StoreError::from);
    match marked {
        Ok(owner) if !identity::is_name_of_store(&owner) => {
            Err(OpenError::ServerData { directory: directory.to_owned() })
        }
        // A full disk takes no mark; what is there can be read all the same.
        Ok(_) | Err(StoreError::Full) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Notes for every document what the server has not confirmed, so that the first status is true. Answers their
/// names.
pub(crate) async fn survey(
    store: &Arc<dyn DocumentStore>,
    server: &StorageId,
    board: &StatusBoard,
) -> Result<Vec<DocumentId>, StoreError> {
    let (mut documents, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(after, PAGE_DOCUMENTS_MAX).await?;
        for DocumentSummary { document, heads, .. } in page.documents {
            documents.push(document);
            let confirmed = store.shared_heads(server.clone(), document).await?.unwrap_or_default();
            if confirmed != heads {
                let pending_changes = pending(store, document, confirmed).await?;
                board.stands(document, Standing { pending_changes, ..Standing::default() });
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(documents);
        }
    }
}

async fn pending(
    store: &Arc<dyn DocumentStore>,
    document: DocumentId,
    confirmed: Heads,
) -> Result<usize, StoreError> {
    let Some(loaded) = RoomStore::new(Arc::clone(store), document).load().await? else { return Ok(0) };
    let heads = loaded.heads.len();
    let mut document = Document::from_stored(loaded.snapshot, loaded.tail, loaded.heads);
    let counted = tokio::task::spawn_blocking(move || document.pending(confirmed.as_slice())).await;
    // What does not open has at least the changes that are its heads.
    Ok(counted.ok().and_then(Result::ok).unwrap_or(heads))
}
