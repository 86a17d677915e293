//! The client: one object to open, everything else hangs on it.

mod closing;
mod connection;
mod finding;
mod waiting;

pub use closing::Cleared;
pub use waiting::SyncReport;

use crate::config::{Exposure, Start, TiebreakConfig};
use crate::doc::Doc;
use crate::error::{CreateError, OpenError, StoreError};
use crate::hub::{self, Hub, HubParts};
use crate::network::InvalidAddress;
use crate::open_document::Parts;
use crate::opening::{self, NeedsIo};
use crate::registry::Registry;
use crate::status::{StatusBoard, SyncStatus};
use crate::updates::{self, Updates};
use crate::websocket::Address;
use crate::{ChangeError, identity, last_synced};
use connection::Wanted;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tiebreak_document::{Document, check_change};
use tiebreak_driver::{Clock, Compactor, unix_ms};
use tiebreak_protocol::{DocumentId, Limits};
use tiebreak_storage::{DocumentStore, PAGE_DOCUMENTS_MAX, SqliteOptions};
use tiebreak_sync::link::Link;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A device's documents, and the connection that keeps them in step with the server. Cheap to clone.
///
/// Opening needs neither network nor server, and nothing here ever waits for them but what says so.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// use serde_json::json;
/// use tiebreak_client::{Tiebreak, TiebreakConfig};
///
/// // There is no server at this address: it makes no difference until there is.
/// let config = TiebreakConfig::new(path).url("ws://127.0.0.1:9/automerge");
/// let tiebreak = Tiebreak::open(config).await?;
/// let note = tiebreak.create(&json!({ "title": "written in a tunnel" })).await?;
/// assert_eq!(tiebreak.status().pending_changes, 1);
/// assert_eq!(tiebreak.list().await?, [note.id()]);
/// tiebreak.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Tiebreak {
    client: Arc<Client>,
}

#[derive(Debug)]
struct Client {
    path: PathBuf,
    parts: Parts,
    registry: Registry,
    tasks: TaskTracker,
    /// Where the client's tasks run, whoever asks for them.
    runtime: Handle,
    /// Set once the directory was given back.
    closed: OnceCell<()>,
    wanted: Mutex<Wanted>,
    has_server: HasServer,
    find_time: Duration,
}

/// Whether there is anything to connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HasServer {
    Yes,
    No,
}

impl Tiebreak {
    /// Opens the documents in a directory. Works without network and without server; with an address it connects
    /// in the background.
    ///
    /// # Errors
    /// When the directory is in use by another client, is a server's or cannot be used, an address or
    /// certificate is malformed, or there is no Tokio runtime with everything enabled.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use tiebreak_client::{OpenError, Tiebreak, TiebreakConfig};
    ///
    /// let tiebreak = Tiebreak::open(TiebreakConfig::new(folder.path())).await?;
    /// // One directory, one client: a second one would write behind its back.
    /// let second = Tiebreak::open(TiebreakConfig::new(folder.path())).await;
    /// assert!(matches!(second, Err(OpenError::InUse { .. })));
    /// tiebreak.close().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn open(config: TiebreakConfig) -> Result<Self, OpenError> {
        let runtime = opening::runtime(if config.url.is_some() { NeedsIo::Yes } else { NeedsIo::No })?;
        let TiebreakConfig { path, url, token_provider, start, limits, link, .. } = config;
        let limits = Arc::new(limits);
        let address = url.as_deref().map(|url| address(url, &config.roots, &limits)).transpose()?;
        if let Some(exposed) = address.as_ref().filter(|address| address.is_exposed())
            && token_provider.is_some()
            && config.exposure == Exposure::Forbidden
        {
            return Err(OpenError::ExposedToken { url: exposed.url().to_owned() });
        }
        let store = opening::store(path.clone()).await?;
        let identity = identity::of(&store)?;
        opening::claim(&store, &path).await?;
        let server = identity::name_of_server(address.as_ref().map(Address::url))?;
        let notes = Arc::new(store);
        let store: Arc<dyn DocumentStore> = notes.clone();
        let board = Arc::new(StatusBoard::default());
        if let Some(at) = last_synced::kept(&notes, &server).await {
            board.synced(at);
        }
        let documents = opening::survey(&store, &server, &board).await?;
        let (hub, receiver) = hub::channel();
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        let parts = Parts {
            compactor: Compactor::new(Arc::clone(&store)),
            store,
            clock: Clock::start(),
            limits,
            actor: identity.actor,
            flagging: config.flagging,
            board,
            hub,
            server,
            closing,
        };
        let registry = Registry::new(tasks.clone(), runtime.clone());
        let has_server = if address.is_some() { HasServer::Yes } else { HasServer::No };
        let hub = HubParts {
            link: Link::new(identity.client, link, identity.seed),
            places: config.documents_in_sync_max,
            address,
            tokens: token_provider,
        };
        let hub = Hub::new(hub, receiver, parts.clone(), registry.clone(), tasks.clone());
        tasks.spawn(hub.run(documents));
        let Parts { board, server, closing, .. } = &parts;
        tasks.spawn(last_synced::keep(notes, server.clone(), board.subscribe(), closing.clone()));
        let find_time = config.find_time;
        let (wanted, closed) = (Mutex::default(), OnceCell::new());
        let client = Client { path, parts, registry, tasks, runtime, closed, wanted, has_server, find_time };
        let opened = Self { client: Arc::new(client) };
        if start == Start::Connected {
            opened.connect();
        }
        Ok(opened)
    }

    /// Makes a document with this content, an object. It is on this device's disk when this returns.
    ///
    /// # Errors
    /// When the content is no JSON object, is larger than a document may be, or could not be stored.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use serde_json::json;
    /// use tiebreak_client::CreateError;
    ///
    /// let list = tiebreak.create(&json!({ "title": "Groceries", "items": [] })).await?;
    /// list.change(|edit| edit.push("items", "bread")).await?;
    ///
    /// // A document is an object, so that there is something to name its parts by.
    /// let error = tiebreak.create(&json!(["bread"])).await.unwrap_err();
    /// assert!(matches!(error, CreateError::Content(_)), "{error}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create<T: Serialize + ?Sized>(&self, content: &T) -> Result<Doc, CreateError> {
        let Client { parts, registry, .. } = &*self.client;
        if parts.closing.is_cancelled() {
            return Err(ChangeError::Closed.into());
        }
        let json = serde_json::to_value(content)?;
        let id = DocumentId::from_bytes(identity::random().map_err(|_| CreateError::Random)?);
        let made = Document::changes_from_json(&json, &parts.actor, unix_ms() / 1000, &parts.limits)?;
        let checked = made.into_iter().map(|change| check_change(change.bytes, &parts.limits));
        let changes = checked.collect::<Result<_, _>>().map_err(ChangeError::from)?;
        let held = registry.hold(id, parts);
        held.document.fill(changes).await?;
        Ok(Doc::new(held, self.clone()))
    }

    /// The names of all documents on this device.
    ///
    /// # Errors
    /// When the local store cannot be read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let note = tiebreak.create(&serde_json::json!({ "title": "one" })).await?;
    /// for id in tiebreak.list().await? {
    ///     let document = tiebreak.find(id).await?;
    ///     println!("{id}: {:?}", document.get("title").await?);
    /// }
    /// assert_eq!(tiebreak.list().await?, [note.id()]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list(&self) -> Result<Vec<DocumentId>, StoreError> {
        if self.client.parts.closing.is_cancelled() {
            return Err(StoreError::Closed);
        }
        let (mut documents, mut after) = (Vec::new(), None);
        loop {
            let page = self.client.parts.store.list(after, PAGE_DOCUMENTS_MAX).await?;
            documents.extend(page.documents.iter().map(|summary| summary.document));
            after = page.next;
            if after.is_none() {
                return Ok(documents);
            }
        }
    }

    /// Deletes a document from this device, with what was not uploaded of it. Other devices and the server keep
    /// theirs, and this one does not take it back. Answers whether it was here.
    ///
    /// # Errors
    /// When the local store did not delete it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// # use tiebreak_client::FindError;
    /// let note = tiebreak.create(&serde_json::json!({})).await?;
    /// assert!(tiebreak.delete(note.id()).await?);
    /// assert_eq!(tiebreak.find(note.id()).await.unwrap_err(), FindError::Deleted(note.id()));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete(&self, id: DocumentId) -> Result<bool, ChangeError> {
        if self.client.parts.closing.is_cancelled() {
            return Err(ChangeError::Closed);
        }
        let held = self.client.registry.hold(id, &self.client.parts);
        held.document.delete().await
    }

    /// How far this device and the server are apart.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// use tiebreak_client::ConnectionState;
    ///
    /// tiebreak.create(&serde_json::json!({})).await?;
    /// let status = tiebreak.status();
    /// let badge = match status.state {
    ///     _ if status.is_uploaded() => "all changes saved".to_owned(),
    ///     ConnectionState::Unauthorized { .. } => "sign in to upload your changes".to_owned(),
    ///     _ => format!("{} changes on this device only", status.pending_changes),
    /// };
    /// assert_eq!(badge, "1 changes on this device only");
    /// # Ok(())
    /// # }
    /// ```
    pub fn status(&self) -> SyncStatus {
        self.client.parts.board.status()
    }

    /// The status now, and again whenever it has changed, until the client is closed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// let mut statuses = tiebreak.status_stream();
    /// assert_eq!(statuses.next().await.unwrap().pending_changes, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn status_stream(&self) -> Updates<SyncStatus> {
        let Parts { board, closing, .. } = &self.client.parts;
        updates::of_status(board.subscribe(), closing.clone())
    }
}

fn address(url: &str, roots: &[Vec<u8>], limits: &Arc<Limits>) -> Result<Address, OpenError> {
    Address::new(url, roots, Arc::clone(limits)).map_err(|error| match error {
        InvalidAddress::Url(reason) => OpenError::Url { url: url.to_owned(), reason },
        InvalidAddress::Certificate(reason) => OpenError::Certificate { reason },
    })
}

/// Options of the local store: a device reads little at once, and has little space to hold in reserve.
pub(crate) fn store_options() -> SqliteOptions {
    SqliteOptions { readers: 1, log_bytes: 4 * 1024 * 1024, ..SqliteOptions::default() }
}
