//! What can go wrong, operation by operation.

use crate::account::AccountError;
use std::path::PathBuf;
use tiebreak_document::{EditError, ImportError, SettleError};
use tiebreak_protocol::{DocumentId, Refusal};
use tiebreak_storage::StorageError;
use tiebreak_sync::replica::Obstacle;

/// Why a client could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another client, in this process or another, has the directory open. It gives it back when it is closed.
    #[error("the directory {directory:?} is in use by another client or process")]
    InUse {
        /// As it was given.
        directory: PathBuf,
    },
    /// The directory cannot be used: it is a file, may not be written, its disk is full.
    #[error("the directory {directory:?} cannot be used: {reason}")]
    Directory {
        /// As it was given.
        directory: PathBuf,
        /// For a person.
        reason: String,
    },
    /// The directory is the data directory of a server, whose documents are not a device's.
    #[error("the directory {directory:?} holds the data of a server: give the client one of its own")]
    ServerData {
        /// As it was given.
        directory: PathBuf,
    },
    /// What lies there is not readable: damaged, or no database of documents.
    #[error("what is stored in {directory:?} is not readable: {reason}")]
    Unreadable {
        /// As it was given.
        directory: PathBuf,
        /// For a person.
        reason: String,
    },
    /// A newer version of this library has used the directory; this one must not.
    #[error(
        "what is stored in {directory:?} was written by a newer version (schema {found}, known up to {known})"
    )]
    TooNew {
        /// As it was given.
        directory: PathBuf,
        /// The version of what is stored.
        found: i64,
        /// The newest that this library knows.
        known: i64,
    },
    /// The store opened, but did not answer.
    #[error(transparent)]
    Storage(#[from] StoreError),
    /// A token would travel where everybody can read it: use `wss://`, or
    /// [`allow_exposed_token`](crate::TiebreakConfig::allow_exposed_token) where that is meant.
    #[error("a token for {url:?} could be read on the way: use wss://")]
    ExposedToken {
        /// As it was given.
        url: String,
    },
    /// Not an address like `wss://host/automerge`.
    #[error("{url:?} is not the address of a server, as in wss://sync.example/automerge: {reason}")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate given by [`trust_root`](crate::TiebreakConfig::trust_root) cannot be read.
    #[error("a trusted certificate is not readable: {reason}")]
    Certificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The system gave no random numbers, without which devices cannot be told apart.
    #[error("the system gave no random numbers")]
    Random,
    /// The client works in the background of a Tokio runtime that has timers and I/O, and was opened without.
    #[error("open the client inside a Tokio runtime with `enable_all`, as under #[tokio::main]")]
    NoRuntime,
}

/// What the device's own storage answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing was kept; free some space and try again.
    #[error("the device's storage is full")]
    Full,
    /// Passing trouble, or the store has failed for good and the client must be opened again.
    #[error("the local store cannot be used: {reason}")]
    Unavailable {
        /// For a person.
        reason: String,
    },
    /// Nothing more will happen.
    #[error("the client was closed")]
    Closed,
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Full => Self::Full,
            StorageError::Deleted
            | StorageError::Damaged(_)
            | StorageError::Unavailable(_)
            | StorageError::Fatal(_) => Self::Unavailable { reason: error.to_string() },
        }
    }
}

/// Why a document could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Neither this device nor the server has it.
    #[error("document {0} is neither on this device nor on the server")]
    NotFound(DocumentId),
    /// It is not on this device, and the server could not be asked in time.
    #[error("document {0} is not on this device, and the server cannot be reached")]
    Offline(DocumentId),
    /// It was deleted on this device.
    #[error("document {0} was deleted on this device")]
    Deleted(DocumentId),
    /// What is stored of it here is damaged beyond reading.
    #[error("what is stored of document {0} is not readable")]
    Unreadable(DocumentId),
    /// The device's own storage did not do its part.
    #[error(transparent)]
    Storage(#[from] StoreError),
    /// The client was closed.
    #[error("the client was closed")]
    Closed,
}

/// Why a document could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The value does not become JSON.
    #[error("the value cannot be written as JSON")]
    Shape(#[from] serde_json::Error),
    /// The JSON does not become a document: it is not an object, too deep or too large.
    #[error(transparent)]
    Content(#[from] ImportError),
    /// The system gave no random numbers for a name.
    #[error("the system gave no random numbers")]
    Random,
    /// It could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// Why a change was not made. The document is as it was.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
/// use tiebreak_client::ChangeError;
///
/// let note = tiebreak.create(&serde_json::json!({ "title": "one" })).await?;
/// match note.change(|edit| edit.increment("title", 1)).await {
///     Ok(()) => {}
///     // The app and the document have different ideas of the content.
///     Err(ChangeError::Edit(error)) => println!("{error}"),
///     // The person can do something about it, and try again.
///     Err(ChangeError::Storage(error)) => println!("not saved: {error}"),
///     Err(other) => return Err(other.into()),
/// }
/// assert_eq!(note.to_json().await?["title"], "one", "the document is as it was");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// What the edit itself ran into.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The document's content is no value of the type asked for, or the value does not become JSON.
    #[error("the content does not fit the type")]
    Shape(#[from] serde_json::Error),
    /// The change exceeds a limit that every server holds: split it, or keep large values elsewhere.
    #[error("{detail} ({code})")]
    Refused {
        /// Stable: branch on it.
        code: &'static str,
        /// A sentence for a person.
        detail: String,
    },
    /// Take the handle out of use.
    #[error("the document was deleted on this device")]
    Deleted,
    /// The server may still have it.
    #[error("what is stored of the document is not readable")]
    Unreadable,
    /// The device's own storage did not do its part.
    #[error(transparent)]
    Storage(#[from] StoreError),
    /// The client was closed before the change was stored; whether it was shows when it is opened again.
    #[error("the client was closed")]
    Closed,
}

impl From<Refusal> for ChangeError {
    fn from(refusal: Refusal) -> Self {
        if refusal == Refusal::StorageFull {
            Self::Storage(StoreError::Full)
        } else if refusal == Refusal::StorageUnavailable {
            Self::Storage(StoreError::Unavailable { reason: "it did not answer".to_owned() })
        } else if refusal == Refusal::DocumentDeleted {
            Self::Deleted
        } else {
            Self::Refused { code: refusal.code(), detail: refusal.to_string() }
        }
    }
}

/// Why a conflict was not settled.
///
/// ```
/// use tiebreak_client::ResolveError;
///
/// /// Whether to show the person the conflicts as they are now.
/// fn is_out_of_date(error: &ResolveError) -> bool {
///     matches!(error, ResolveError::NotOpen | ResolveError::NoSuchCandidate { .. })
/// }
/// assert!(is_out_of_date(&ResolveError::NotOpen));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// It was settled or overtaken, or another one took its place.
    #[error("there is no such conflict in the document any more")]
    NotOpen,
    /// The conflict has others.
    #[error("the conflict has no such candidate; its candidates are {}", candidates.join(", "))]
    NoSuchCandidate {
        /// Their ids.
        candidates: Vec<String>,
    },
    /// More than one candidate is worth keeping: name one.
    #[error("several candidates are worth keeping; name one of {}", candidates.join(", "))]
    KeepWhich {
        /// Their ids.
        candidates: Vec<String>,
    },
    /// A rule about the whole document is broken: edit the document until it is kept.
    #[error("the rule is about the document as a whole: edit the document until it is kept")]
    WholeDocument,
    /// The server may still have the document.
    #[error("what is stored of the document is not readable")]
    Unreadable,
    /// The device gave no random numbers.
    #[error("the device gave no random numbers")]
    Random,
    /// The change was not made or stored.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<SettleError> for ResolveError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::NotOpen => Self::NotOpen,
            SettleError::NoSuchCandidate(candidates) => Self::NoSuchCandidate { candidates },
            SettleError::KeepWhich(candidates) => Self::KeepWhich { candidates },
            SettleError::WholeDocument => Self::WholeDocument,
            SettleError::Refused(refusal) => Self::Change(refusal.into()),
        }
    }
}

/// Why a document could not be looked into.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
/// use tiebreak_client::ReadError;
///
/// let note = tiebreak.create(&serde_json::json!({ "title": "one" })).await?;
/// #[derive(serde::Deserialize)]
/// struct Counted {
///     #[expect(dead_code)]
///     count: u32,
/// }
/// assert!(matches!(note.value::<Counted>().await, Err(ReadError::Shape(_))));
/// tiebreak.delete(note.id()).await?;
/// assert!(matches!(note.to_json().await, Err(ReadError::Deleted)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The content is no value of the type asked for.
    #[error("the content does not fit the type")]
    Shape(#[from] serde_json::Error),
    /// Take the handle out of use.
    #[error("the document was deleted on this device")]
    Deleted,
    /// The server may still have it.
    #[error("what is stored of the document is not readable")]
    Unreadable,
    /// The device's own storage did not do its part.
    #[error(transparent)]
    Storage(#[from] StoreError),
    /// Nothing more will happen.
    #[error("the client was closed")]
    Closed,
}

/// Why a wait ended without what was waited for.
///
/// ```
/// use tiebreak_client::WaitError;
///
/// /// Whether a worker should be woken again for what is left.
/// fn is_worth_another_try(error: &WaitError) -> bool {
///     matches!(error, WaitError::Timeout { .. })
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// Time ran out; what was under way goes on.
    #[error("time ran out with {pending_changes} changes not uploaded{}", because(last_error.as_ref()))]
    Timeout {
        /// Changes not uploaded by then.
        pending_changes: usize,
        /// Why there is no connection, as far as the last try showed: no server at this address, for instance.
        /// `None` while there is one.
        last_error: Option<String>,
    },
    /// The server refuses this client; [`status`](crate::Tiebreak::status) says why. Waiting longer is of no use.
    #[error("the server does not let this client in: {reason}")]
    Stopped {
        /// For a person.
        reason: String,
    },
    /// Everything else is on the server; it refuses what is left, and will not take it however long one waits. It
    /// stays on this device, and pending. What an app can do: show it, copy what the person wrote into a new
    /// document, and delete this one.
    #[error("the server does not take what is left of document {document}: {detail} ({code})")]
    Refused {
        /// One of those that are left.
        document: DocumentId,
        /// Stable: branch on it.
        code: &'static str,
        /// A sentence for a person.
        detail: String,
    },
    /// Everything else is on the server; what is left cannot be read from this device's disk.
    #[error("what is stored of document {document} is not readable, and not all of it was uploaded")]
    Unreadable {
        /// One of those that are left.
        document: DocumentId,
    },
    /// The client has no address to connect to.
    #[error("the client was opened without the address of a server")]
    NoServer,
    /// Nothing more will happen.
    #[error("the client was closed")]
    Closed,
}

impl WaitError {
    pub(crate) fn of((document, obstacle): (DocumentId, Obstacle)) -> Self {
        match obstacle {
            Obstacle::Refused(refusal) => {
                Self::Refused { document, code: refusal.code(), detail: refusal.to_string() }
            }
            Obstacle::Unreadable => Self::Unreadable { document },
        }
    }
}

fn because(reason: Option<&String>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// Why the local data could not be wiped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClearError {
    /// The system refused.
    #[error("could not remove the local data")]
    Remove(#[from] std::io::Error),
}

/// Why signing out was not done to its end. It can be called again.
///
/// ```
/// # async fn example(tiebreak: tiebreak_client::Tiebreak, account: tiebreak_client::Account) {
/// if let Err(error) = tiebreak.sign_out(&account).await {
///     eprintln!("still here: {error}");
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignOutError {
    /// The documents are not all removed.
    #[error(transparent)]
    Documents(#[from] ClearError),
    /// The documents are gone, the credentials are not.
    #[error(transparent)]
    Credentials(#[from] AccountError),
}
