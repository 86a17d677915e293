//! How a client is opened.

use crate::token::TokenProvider;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_protocol::Limits;
use tiebreak_sync::link::LinkOptions;

/// Most documents on one connection at once: servers hold 500 by default.
const DOCUMENTS_IN_SYNC_MAX: usize = 400;

/// Where a client keeps its documents, and which server it keeps them in step with.
///
/// ```
/// # use tiebreak_client::TiebreakConfig;
/// # use std::time::Duration;
/// let config = TiebreakConfig::new("./notes")
///     .url("ws://127.0.0.1:7070/automerge")
///     .heartbeat(Duration::from_secs(20));
/// ```
#[derive(Debug, Clone)]
pub struct TiebreakConfig {
    pub(crate) path: PathBuf,
    pub(crate) url: Option<String>,
    pub(crate) token_provider: Option<Arc<dyn TokenProvider>>,
    pub(crate) start: Start,
    pub(crate) limits: Limits,
    pub(crate) link: LinkOptions,
    pub(crate) documents_in_sync_max: usize,
    pub(crate) find_time: Duration,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) exposure: Exposure,
}

/// Whether a token may travel unencrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposure {
    Forbidden,
    Allowed,
}

/// What opening does about the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Connected,
    Offline,
}

impl TiebreakConfig {
    /// A client whose documents live in the directory `path`, which is made if it is not there. Without a
    /// [`url`](Self::url) it never touches the network.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            url: None,
            token_provider: None,
            start: Start::Connected,
            limits: Limits::default(),
            link: LinkOptions::default(),
            documents_in_sync_max: DOCUMENTS_IN_SYNC_MAX,
            find_time: Duration::from_secs(15),
            roots: Vec::new(),
            exposure: Exposure::Forbidden,
        }
    }

    /// The server's WebSocket address, `wss://host/automerge`. Opening connects to it in the background.
    #[must_use]
    pub fn url(self, url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..self }
    }

    /// Who is asked for a token, afresh before every connection.
    #[must_use]
    pub fn token_provider(self, provider: impl TokenProvider) -> Self {
        Self { token_provider: Some(Arc::new(provider)), ..self }
    }

    /// Opens without connecting, until [`connect`](crate::Tiebreak::connect) or
    /// [`sync_once`](crate::Tiebreak::sync_once).
    #[must_use]
    pub fn offline(self) -> Self {
        Self { start: Start::Offline, ..self }
    }

    /// After so much silence the server is pinged, and after as much again the connection counts as lost.
    /// 15 seconds unless told.
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.link.heartbeat = heartbeat.max(Duration::from_millis(100));
        self
    }

    /// The longest delay before the first try after a lost connection, and the longest there is; between them it
    /// doubles with each try that fails. A try comes at a random time within its delay. One second and thirty
    /// unless told.
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        (self.link.backoff_min, self.link.backoff_max) = (min, max.max(min));
        self
    }

    /// How long [`find`](crate::Tiebreak::find) waits for a document that is not on this device. 15 seconds unless
    /// told.
    #[must_use]
    pub fn find_time(self, find_time: Duration) -> Self {
        Self { find_time, ..self }
    }

    /// The budgets that edits and what the server sends must keep; a server with larger ones needs them here too.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Most documents that take part in one connection at once, the others taking turns: below what the server
    /// holds, which is 500 unless it was told otherwise. 400 unless told.
    #[must_use]
    pub fn documents_in_sync_max(self, documents: usize) -> Self {
        Self { documents_in_sync_max: documents.max(1), ..self }
    }

    /// Lets tokens travel over `ws://` to other machines, where everybody on the way can read them: for a server on
    /// the developer's own network, as an emulator sees it.
    #[must_use]
    pub fn allow_exposed_token(self) -> Self {
        Self { exposure: Exposure::Allowed, ..self }
    }

    /// Trusts this certificate authority (DER) besides those that the web trusts.
    #[must_use]
    pub fn trust_root(mut self, certificate: Vec<u8>) -> Self {
        self.roots.push(certificate);
        self
    }
}
