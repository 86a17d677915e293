//! What the app and its documents let the hub know. Notes of one document are gathered into one, and of the app's
//! wishes the last counts: so there are never many, and nobody waits to leave one.

use super::{Command, Tell};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tiebreak_protocol::DocumentId;
use tiebreak_sync::SessionId;
use tiebreak_sync::replica::Standing;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{Notify, mpsc, oneshot};

/// What is new about one document.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Note {
    pub(super) presence: Option<Presence>,
    /// The app opened it, or let go of it.
    pub(super) is_in_use: Option<bool>,
    /// With the connection that it is about.
    pub(super) standing: Option<(Option<SessionId>, Standing)>,
    /// It fell silent and wants to be attached anew.
    pub(super) is_stalled: bool,
}

/// Whether there is something of a document on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    Gone,
}

/// What the app wants of the connection.
#[derive(Debug, Default)]
struct Wishes {
    connection: Option<Command>,
    network_changed: Option<Command>,
    /// To be told when everything is in step, as far as it can be; one for each caller that waits.
    step: Vec<oneshot::Sender<()>>,
}

#[derive(Debug, Default)]
pub(super) struct Notes {
    by_document: Mutex<BTreeMap<DocumentId, Note>>,
    wishes: Mutex<Wishes>,
    arrived: Notify,
}

impl Notes {
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    pub(super) fn take(&self) -> BTreeMap<DocumentId, Note> {
        std::mem::take(&mut *self.lock())
    }

    pub(super) fn take_commands(&self) -> impl Iterator<Item = Command> + use<> {
        let mut wishes = self.wishes();
        wishes.connection.take().into_iter().chain(wishes.network_changed.take())
    }

    pub(super) fn take_waiting(&self) -> Vec<oneshot::Sender<()>> {
        std::mem::take(&mut self.wishes().step)
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, document: DocumentId, write: impl FnOnce(&mut Note)) {
        write(self.lock().entry(document).or_default());
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DocumentId, Note>> {
        self.by_document.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A document's end of the hub.
#[derive(Debug, Clone)]
pub(crate) struct HubSender {
    notes: Arc<Notes>,
    tells: mpsc::Sender<Tell>,
}

impl HubSender {
    pub(super) fn new(notes: Arc<Notes>, tells: mpsc::Sender<Tell>) -> Self {
        Self { notes, tells }
    }

    pub(crate) fn command(&self, command: Command) {
        {
            let mut wishes = self.notes.wishes();
            match command {
                Command::Connect | Command::Disconnect => wishes.connection = Some(command),
                Command::NetworkChanged => wishes.network_changed = Some(command),
            }
        }
        self.notes.arrived.notify_one();
    }

    /// Resolves when every document has been in step since this was asked, or cannot be.
    pub(crate) fn step_on_demand(&self) -> oneshot::Receiver<()> {
        let (waiting, step) = oneshot::channel();
        self.notes.wishes().step.push(waiting);
        self.notes.arrived.notify_one();
        step
    }

    /// Waits until the connection takes a message.
    pub(crate) async fn reserve(&self) -> Result<mpsc::Permit<'_, Tell>, SendError<()>> {
        self.tells.reserve().await
    }

    pub(crate) fn taken(&self, document: DocumentId) {
        self.notes.leave(document, |note| {
            // It may be on its way.
            (note.presence, note.is_in_use) = (Some(Presence::Here), Some(true));
        });
    }

    pub(crate) fn released(&self, document: DocumentId) {
        self.notes.leave(document, |note| note.is_in_use = Some(false));
    }

    pub(crate) fn stands(&self, document: DocumentId, session: Option<SessionId>, standing: Standing) {
        self.notes.leave(document, |note| note.standing = Some((session, standing)));
    }

    pub(crate) fn stalled(&self, document: DocumentId) {
        self.notes.leave(document, |note| note.is_stalled = true);
    }

    /// There is something of the document on this device.
    pub(crate) fn kept(&self, document: DocumentId) {
        self.notes.leave(document, |note| note.presence = Some(Presence::Here));
    }

    /// The document is not on this device any more.
    pub(crate) fn gone(&self, document: DocumentId) {
        self.notes.leave(document, |note| *note = Note { presence: Some(Presence::Gone), ..Note::default() });
    }
}
