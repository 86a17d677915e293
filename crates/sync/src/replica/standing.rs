//! Where a document stands with the server.

use tiebreak_protocol::Refusal;

/// What a client knows of how far its document and the server's are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Changes in the document that the server has not said to have on disk.
    pub pending_changes: usize,
    pub progress: Progress,
    /// Why none of the pending changes will get there, if that is known.
    pub obstacle: Option<Obstacle>,
}

/// What is going on between a document and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// Nothing: they do not speak.
    #[default]
    Detached,
    /// The server was greeted and has not answered.
    Asking,
    /// The server has changes that are not here.
    Downloading,
    /// Everything of the server's is here; not everything from here is there.
    Uploading,
    /// Both have the same.
    InStep,
    /// The server has no such document.
    Unavailable,
    /// The document was deleted here, or cannot be read: there is nothing to keep in step.
    Over,
}

/// What keeps all that is pending of a document from the server, and does not pass by waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The server refuses it, at least on the last connection.
    Refused(Refusal),
    /// What is stored here is not readable.
    Unreadable,
}

impl Standing {
    /// Tells uploading from being in step.
    pub(super) fn with_uploads(self) -> Self {
        match self.progress {
            Progress::InStep if self.pending_changes > 0 => Self { progress: Progress::Uploading, ..self },
            Progress::Detached
            | Progress::Asking
            | Progress::Downloading
            | Progress::Uploading
            | Progress::InStep
            | Progress::Unavailable
            | Progress::Over => self,
        }
    }

    /// Whether the server has answered and nothing more is to come, either way.
    pub fn is_settled(self) -> bool {
        match self.progress {
            Progress::Over => true,
            Progress::InStep | Progress::Unavailable => self.pending_changes == 0,
            Progress::Detached | Progress::Asking | Progress::Downloading | Progress::Uploading => false,
        }
    }
}
