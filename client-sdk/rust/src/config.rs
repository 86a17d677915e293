//! How a client is opened.

use crate::account::Account;
use crate::token::TokenProvider;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_kinds::Kinds;
use tiebreak_protocol::Limits;
use tiebreak_sync::link::LinkOptions;
use tiebreak_sync::room::{Flagging, PlainDocuments};

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
    pub(crate) flagging: Flagging,
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
    ///
    /// ```
    /// use tiebreak_client::TiebreakConfig;
    ///
    /// // Nothing is read or written before the client is opened.
    /// let config = TiebreakConfig::new("/var/lib/notes");
    /// ```
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
            flagging: Flagging { kinds: Kinds::built_in(), plain: PlainDocuments::Merged },
        }
    }

    /// The server's WebSocket address, `wss://host/automerge`. Opening connects to it in the background.
    ///
    /// ```
    /// use tiebreak_client::TiebreakConfig;
    ///
    /// let config = TiebreakConfig::new("./notes").url("wss://sync.example/automerge");
    /// ```
    #[must_use]
    pub fn url(self, url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..self }
    }

    /// Who is asked for a token, afresh before every connection.
    ///
    /// ```
    /// use tiebreak_client::{TiebreakConfig, TokenError, TokenReason};
    ///
    /// async fn sign(_fresh: bool) -> std::io::Result<String> {
    ///     Ok("what the app's own backend signs".to_owned())
    /// }
    ///
    /// let config = TiebreakConfig::new("./notes").url("wss://sync.example/automerge").token_provider(
    ///     |reason: TokenReason| async move {
    ///         // `Err`: try again later. `Ok(None)`: nobody is signed in.
    ///         sign(reason == TokenReason::Expired).await.map(Some).map_err(TokenError::new)
    ///     },
    /// );
    /// ```
    #[must_use]
    pub fn token_provider(self, provider: impl TokenProvider) -> Self {
        Self { token_provider: Some(Arc::new(provider)), ..self }
    }

    /// The kinds of documents that the server knows, if it knows others than the built-in ones: in which places
    /// [`Doc::conflicts`](crate::Doc::conflicts) looks for disagreements.
    ///
    /// ```
    /// use tiebreak_client::{Kinds, TiebreakConfig};
    ///
    /// let recipe = r#"{ "x-tiebreak-kind": "recipe", "x-tiebreak-version": 1, "title": "Recipe", "type": "object",
    ///     "properties": { "title": { "type": "string" } } }"#;
    /// let kinds = Kinds::with_files([("recipe.json".to_owned(), recipe.to_owned())]).unwrap();
    /// let config = TiebreakConfig::new("./recipes").kinds(kinds);
    /// ```
    #[must_use]
    pub fn kinds(self, kinds: Kinds) -> Self {
        Self { flagging: Flagging { kinds, ..self.flagging }, ..self }
    }

    /// Looks for disagreements in documents that name no kind, too: for servers with `--plain-documents flagged`.
    ///
    /// ```
    /// use tiebreak_client::TiebreakConfig;
    ///
    /// let config = TiebreakConfig::new("./notes").flag_plain_documents();
    /// ```
    #[must_use]
    pub fn flag_plain_documents(self) -> Self {
        Self { flagging: Flagging { plain: PlainDocuments::Flagged, ..self.flagging }, ..self }
    }

    /// Whose documents these are: the account is asked for a token before every connection.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tiebreak_client::{Account, AccountConfig, CredentialFile, Tiebreak, TiebreakConfig};
    ///
    /// let config = AccountConfig::new("https://sync.example", CredentialFile::at("./credentials"));
    /// let account = Account::sign_in(config, "ann", "correct horse battery", "Ann's phone").await?;
    /// let config = TiebreakConfig::new("./notes").url("wss://sync.example/automerge").account(account);
    /// let tiebreak = Tiebreak::open(config).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn account(self, account: Account) -> Self {
        self.token_provider(account)
    }

    /// Opens without connecting, until [`connect`](crate::Tiebreak::connect) or
    /// [`sync_once`](crate::Tiebreak::sync_once).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use tiebreak_client::{ConnectionState, Tiebreak, TiebreakConfig};
    ///
    /// let config = TiebreakConfig::new(folder.path()).url("wss://sync.example/automerge").offline();
    /// let tiebreak = Tiebreak::open(config).await?;
    /// assert_eq!(tiebreak.status().state, ConnectionState::Offline);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn offline(self) -> Self {
        Self { start: Start::Offline, ..self }
    }

    /// After so much silence the server is pinged, and after as much again the connection counts as lost.
    /// 15 seconds unless told.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tiebreak_client::TiebreakConfig;
    ///
    /// // For a phone that is to sleep: a dead connection may go unnoticed for two minutes.
    /// let config = TiebreakConfig::new("./notes").heartbeat(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.link.heartbeat = heartbeat.max(Duration::from_millis(100));
        self
    }

    /// The longest delay before the first try after a lost connection, and the longest there is; between them it
    /// doubles with each try that fails. A try comes at a random time within its delay. One second and thirty
    /// unless told.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tiebreak_client::TiebreakConfig;
    ///
    /// // For a test that restarts its server.
    /// let config = TiebreakConfig::new("./notes").backoff(Duration::from_millis(50), Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        (self.link.backoff_min, self.link.backoff_max) = (min, max.max(min));
        self
    }

    /// How long [`find`](crate::Tiebreak::find) waits for a document that is not on this device. 15 seconds unless
    /// told.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use std::time::Duration;
    /// use tiebreak_client::{FindError, Tiebreak, TiebreakConfig};
    ///
    /// let config = TiebreakConfig::new(folder.path())
    ///     .url("ws://127.0.0.1:9/automerge")
    ///     .find_time(Duration::from_millis(50));
    /// let tiebreak = Tiebreak::open(config).await?;
    /// let elsewhere = "4NMNnkMhL8jXrdJ9jamS58PAVdXu".parse()?;
    /// assert_eq!(tiebreak.find(elsewhere).await.unwrap_err(), FindError::Offline(elsewhere));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn find_time(self, find_time: Duration) -> Self {
        Self { find_time, ..self }
    }

    /// The budgets that edits and what the server sends must keep; a server with larger ones needs them here too.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use tiebreak_client::{ChangeError, Limits, Tiebreak, TiebreakConfig};
    ///
    /// // As the server was told with `--change-bytes-max`: then this device refuses what that one would.
    /// let limits = Limits { change_bytes_max: 1_000, ..Limits::default() };
    /// let tiebreak = Tiebreak::open(TiebreakConfig::new(folder.path()).limits(limits)).await?;
    /// let note = tiebreak.create(&serde_json::json!({})).await?;
    /// let refused = note.change(|edit| edit.put("text", "x".repeat(2_000))).await;
    /// assert!(matches!(refused, Err(ChangeError::Refused { code: "change_too_large", .. })));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Most documents that take part in one connection at once, the others taking turns: below what the server
    /// holds, which is 500 unless it was told otherwise. 400 unless told.
    ///
    /// ```
    /// use tiebreak_client::TiebreakConfig;
    ///
    /// // For a server that was started with `--documents-per-connection-max 100`.
    /// let config = TiebreakConfig::new("./notes").documents_in_sync_max(80);
    /// ```
    #[must_use]
    pub fn documents_in_sync_max(self, documents: usize) -> Self {
        Self { documents_in_sync_max: documents.max(1), ..self }
    }

    /// Lets tokens travel over `ws://` to other machines, where everybody on the way can read them: for a server on
    /// the developer's own network, as an emulator sees it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// use tiebreak_client::{OpenError, Tiebreak, TiebreakConfig, TokenReason};
    ///
    /// let config = TiebreakConfig::new(folder.path())
    ///     // The developer's machine, as an Android emulator sees it.
    ///     .url("ws://10.0.2.2:7070/automerge")
    ///     .token_provider(|_: TokenReason| async { Ok(Some("secret".to_owned())) });
    /// let refused = Tiebreak::open(config.clone()).await;
    /// assert!(matches!(refused, Err(OpenError::ExposedToken { .. })));
    /// Tiebreak::open(config.allow_exposed_token()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn allow_exposed_token(self) -> Self {
        Self { exposure: Exposure::Allowed, ..self }
    }

    /// Trusts this certificate authority (DER) besides those that the web trusts.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// use tiebreak_client::TiebreakConfig;
    ///
    /// // A company's own authority, shipped with the app.
    /// let config = TiebreakConfig::new("./notes")
    ///     .url("wss://sync.internal/automerge")
    ///     .trust_root(std::fs::read("authority.der")?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn trust_root(mut self, certificate: Vec<u8>) -> Self {
        self.roots.push(certificate);
        self
    }
}
