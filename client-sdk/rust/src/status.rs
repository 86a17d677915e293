//! How far this device and the server are apart: one snapshot for the whole client.

use crate::error::WaitError;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tiebreak_protocol::DocumentId;
use tiebreak_sync::link::ConnectionState;
use tiebreak_sync::replica::{Obstacle, Progress, RefusedChange, Standing};
use tokio::sync::watch;

/// How far this device and the server are apart, at one moment.
///
/// `pending_changes` is never 0 while anything written here has not reached the server's disk.
///
/// ```
/// use tiebreak_client::{ConnectionState, SyncStatus};
///
/// fn icon(status: &SyncStatus) -> &'static str {
///     match &status.state {
///         ConnectionState::Unauthorized { .. } | ConnectionState::Rejected { .. } => "⚠",
///         ConnectionState::Connected if status.uploading || status.downloading => "⟳",
///         ConnectionState::Connected if status.is_uploaded() => "✓",
///         _ => "…",
///     }
/// }
/// assert_eq!(icon(&SyncStatus::default()), "…");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct SyncStatus {
    /// Where the connection stands.
    pub state: ConnectionState,
    /// Something is on its way to the server.
    pub uploading: bool,
    /// The server has been asked, or has something that is not here.
    pub downloading: bool,
    /// Documents with pending changes.
    pub pending_documents: usize,
    /// Changes on this device that the server has not said to have on disk.
    pub pending_changes: usize,
    /// When everything here was last in step with the server, by this device's clock; `None`: never, or not with
    /// this server. It outlives a restart; after the app was killed it may be a minute older than it was.
    pub last_synced_at: Option<SystemTime>,
    /// What went wrong last. It stays when all is well again: compare it with `state` and the counts.
    pub last_error: Option<SyncError>,
    /// Why nothing of what is pending will get to the server, when that is so, told of one document.
    pub(crate) obstacle: Option<(DocumentId, Obstacle)>,
}

impl SyncStatus {
    /// Whether everything here was ever in step with the server.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// // The first start of an app on a new device: there is more than it can show yet.
    /// if !tiebreak.status().has_synced() {
    ///     println!("fetching your notes…");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn has_synced(&self) -> bool {
        self.last_synced_at.is_some()
    }

    /// Whether everything written here has reached the server's disk.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let tiebreak = tiebreak_client::Tiebreak::open(tiebreak_client::TiebreakConfig::new(folder.path())).await?;
    /// assert!(tiebreak.status().is_uploaded());
    /// tiebreak.create(&serde_json::json!({})).await?;
    /// assert!(!tiebreak.status().is_uploaded(), "not before the server has said so");
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_uploaded(&self) -> bool {
        self.pending_changes == 0
    }

    /// What a wait says whose time has run out.
    pub(crate) fn timeout(self) -> WaitError {
        let last_error = match self.last_error {
            Some(SyncError::Connection { reason }) if self.state != ConnectionState::Connected => {
                Some(reason)
            }
            Some(_) | None => None,
        };
        WaitError::Timeout { pending_changes: self.pending_changes, last_error }
    }
}

/// What can go wrong in the background.
///
/// ```
/// use tiebreak_client::{RefusedBy, SyncError};
///
/// fn explain(error: &SyncError) -> String {
///     match error {
///         SyncError::Connection { reason } => format!("no connection just now: {reason}"),
///         SyncError::Refused { document, refused } if refused.by == RefusedBy::Server => {
///             format!("a change of {document} stays on this device: {}", refused.detail)
///         }
///         other => other.to_string(),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// A connection ended, or was not made. The client tries again by itself unless `state` says otherwise.
    #[error("connection: {reason}")]
    Connection {
        /// For a person.
        reason: String,
    },
    /// A change was not taken.
    #[error("document {document}: {refused}")]
    Refused {
        /// Of which document.
        document: DocumentId,
        /// By whom, and why.
        refused: RefusedChange,
    },
    /// The device's own storage failed or is full.
    #[error("storage: {reason}")]
    Storage {
        /// Of which document, if of one alone.
        document: Option<DocumentId>,
        /// For a person.
        reason: String,
    },
}

/// Gathers what the parts of a client know into one status.
#[derive(Debug, Default)]
pub(crate) struct StatusBoard {
    known: Mutex<Known>,
    published: watch::Sender<SyncStatus>,
}

#[derive(Debug, Default)]
struct Known {
    status: SyncStatus,
    standing_by_document: BTreeMap<DocumentId, Standing>,
    /// Of documents with pending changes, those of which nothing will get to the server.
    obstacles: BTreeMap<DocumentId, Obstacle>,
    uploading: usize,
    downloading: usize,
}

impl StatusBoard {
    /// The present status.
    pub(crate) fn status(&self) -> SyncStatus {
        self.published.borrow().clone()
    }

    /// Hears of every status from now on, the present one first.
    pub(crate) fn subscribe(&self) -> watch::Receiver<SyncStatus> {
        self.published.subscribe()
    }

    pub(crate) fn connection(&self, state: ConnectionState) {
        self.update(|known| known.status.state = state);
    }

    /// A connection was asked for, where there is none and none under way.
    pub(crate) fn connecting(&self) {
        self.update(|known| {
            if known.status.state.is_stopped() {
                known.status.state = ConnectionState::Connecting { attempt: 0 };
            }
        });
    }

    pub(crate) fn stands(&self, document: DocumentId, standing: Standing) {
        self.update(|known| {
            known.forget(document);
            known.count(standing, 1);
            let obstacle = standing.obstacle.filter(|_| standing.pending_changes > 0);
            known.obstacles.extend(obstacle.map(|obstacle| (document, obstacle)));
            known.standing_by_document.insert(document, standing);
        });
    }

    /// A document is not on this device any more.
    pub(crate) fn forget(&self, document: DocumentId) {
        self.update(|known| known.forget(document));
    }

    pub(crate) fn synced(&self, at: SystemTime) {
        self.update(|known| {
            known.status.last_synced_at = Some(at);
        });
    }

    pub(crate) fn failed(&self, error: SyncError) {
        self.update(|known| known.status.last_error = Some(error));
    }

    fn update(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.lock();
        change(&mut known);
        known.status.uploading = known.uploading > 0;
        known.status.downloading = known.downloading > 0;
        let all = known.obstacles.len() == known.status.pending_documents;
        let obstacle = known.obstacles.first_key_value().filter(|_| all);
        known.status.obstacle = obstacle.map(|(document, obstacle)| (*document, *obstacle));
        // Under the lock, so that statuses are published in the order in which they came about.
        self.published.send_if_modified(|published| {
            let is_new = *published != known.status;
            if is_new {
                published.clone_from(&known.status);
            }
            is_new
        });
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget(&mut self, document: DocumentId) {
        if let Some(standing) = self.standing_by_document.remove(&document) {
            self.count(standing, -1);
            self.obstacles.remove(&document);
        }
    }

    /// Adds a document's part to the sums, or takes it away.
    fn count(&mut self, standing: Standing, sign: isize) {
        let changes = isize::try_from(standing.pending_changes).unwrap_or(isize::MAX);
        let add = |sum: &mut usize, part: isize| *sum = sum.saturating_add_signed(part * sign);
        add(&mut self.status.pending_changes, changes);
        add(&mut self.status.pending_documents, isize::from(changes > 0));
        add(&mut self.uploading, isize::from(standing.progress == Progress::Uploading));
        let is_downloading = matches!(standing.progress, Progress::Asking | Progress::Downloading);
        add(&mut self.downloading, isize::from(is_downloading));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(n: u8) -> DocumentId {
        DocumentId::from_bytes([n; 16])
    }

    const fn standing(pending_changes: usize, progress: Progress) -> Standing {
        Standing { pending_changes, progress, obstacle: None }
    }

    #[test]
    fn the_sums_follow_every_document_and_forget_those_that_go() {
        let board = StatusBoard::default();
        board.stands(id(1), standing(2, Progress::Detached));
        board.stands(id(2), standing(1, Progress::Uploading));
        board.stands(id(3), standing(0, Progress::Asking));
        let status = board.status();
        assert_eq!((status.pending_documents, status.pending_changes), (2, 3));
        assert!(status.uploading && status.downloading && !status.is_uploaded());
        board.stands(id(2), standing(0, Progress::InStep));
        board.stands(id(3), standing(0, Progress::InStep));
        board.forget(id(1));
        let status = board.status();
        assert_eq!((status.pending_documents, status.pending_changes), (0, 0));
        assert!(!status.uploading && !status.downloading && status.is_uploaded());
    }

    #[test]
    fn an_obstacle_is_told_when_nothing_else_is_pending() {
        let board = StatusBoard::default();
        let refused = Standing { obstacle: Some(Obstacle::Unreadable), ..standing(2, Progress::Over) };
        board.stands(id(1), refused);
        board.stands(id(2), standing(1, Progress::Uploading));
        assert_eq!(board.status().obstacle, None, "the other is on its way");
        board.stands(id(2), standing(0, Progress::InStep));
        assert_eq!(board.status().obstacle, Some((id(1), Obstacle::Unreadable)));
        assert_eq!(board.status().pending_changes, 2);
        board.forget(id(1));
        assert_eq!(board.status().obstacle, None);
    }

    #[test]
    fn nothing_is_published_when_nothing_changes() {
        let board = StatusBoard::default();
        board.stands(id(1), standing(1, Progress::Uploading));
        let mut statuses = board.subscribe();
        statuses.mark_unchanged();
        board.stands(id(1), standing(1, Progress::Uploading));
        assert!(!statuses.has_changed().unwrap());
    }
}
