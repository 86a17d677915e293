//! The one registry of open documents: opens a document on first use, forgets it when nobody needs it.

use crate::open_document::{Delivery, DocumentTask, OpenDocument, Parts};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tiebreak_protocol::DocumentId;
use tiebreak_sync::room::PeerInfo;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// A cheap handle to all open documents.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    open: Arc<Mutex<BTreeMap<DocumentId, Listed>>>,
    tasks: TaskTracker,
    runtime: Handle,
}

#[derive(Debug)]
struct Listed {
    document: Arc<OpenDocument>,
    /// Handles that the app has.
    holders: usize,
}

/// An open document that stays open while this lives.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) document: Arc<OpenDocument>,
    pub(crate) parts: Parts,
    registry: Registry,
}

impl Registry {
    pub(crate) fn new(tasks: TaskTracker, runtime: Handle) -> Self {
        Self { open: Arc::default(), tasks, runtime }
    }

    /// Opens a document for the app.
    pub(crate) fn hold(&self, id: DocumentId, parts: &Parts) -> Held {
        let document = {
            let mut open = self.lock();
            let listed = self.listed(&mut open, id, parts);
            listed.holders += 1;
            if listed.holders == 1 {
                // Under the lock, like its counterpart: the hub's last word is the true one.
                parts.hub.taken(id);
            }
            Arc::clone(&listed.document)
        };
        Held { document, parts: parts.clone(), registry: self.clone() }
    }

    /// Lets a document, opened if it is not, take part in a connection.
    pub(crate) fn attach(&self, id: DocumentId, parts: &Parts, peer: Arc<PeerInfo>) {
        // Under the lock: the document's task does not end in between.
        self.listed(&mut self.lock(), id, parts).document.peer.send_replace(Some(peer));
    }

    /// Lets it take part no more.
    pub(crate) fn detach(&self, id: DocumentId) {
        if let Some(listed) = self.lock().get(&id) {
            listed.document.peer.send_replace(None);
        }
    }

    /// The connection is gone.
    pub(crate) fn detach_all(&self) {
        for listed in self.lock().values() {
            listed.document.peer.send_replace(None);
        }
    }

    /// The way for words from the server to a document, if it is open.
    pub(crate) fn words_to(&self, id: DocumentId) -> Option<mpsc::Sender<Delivery>> {
        self.lock().get(&id).map(|listed| listed.document.words.clone())
    }

    /// Takes a document of which there is nothing here off every list, if nobody holds it.
    pub(crate) fn part_with_nothing(&self, id: DocumentId, parts: &Parts) {
        let open = self.lock();
        if open.get(&id).is_some_and(|listed| listed.holders == 0) {
            parts.board.forget(id);
            parts.hub.gone(id);
        }
    }

    /// Forgets a document if nobody needs it; its task ends then.
    pub(crate) fn forget_unused(&self, id: DocumentId) -> bool {
        let mut open = self.lock();
        let is_unused = |listed: &Listed| listed.holders == 0 && listed.document.peer.borrow().is_none();
        let forgotten = open.get(&id).is_some_and(is_unused);
        if forgotten {
            open.remove(&id);
        }
        forgotten
    }

    fn listed<'a>(
        &self,
        open: &'a mut BTreeMap<DocumentId, Listed>,
        id: DocumentId,
        parts: &Parts,
    ) -> &'a mut Listed {
        open.entry(id).or_insert_with(|| {
            let (document, task) = DocumentTask::new(id, parts.clone(), self.clone());
            self.tasks.spawn_on(task.run(), &self.runtime);
            Listed { document, holders: 0 }
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<DocumentId, Listed>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        self.registry.hold(self.document.id, &self.parts)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self.registry.lock();
        let Some(listed) = open.get_mut(&self.document.id) else { return };
        listed.holders = listed.holders.saturating_sub(1);
        if listed.holders == 0 {
            self.parts.hub.released(self.document.id);
            // Its task may end.
            self.document.nudge.notify_one();
        }
    }
}
