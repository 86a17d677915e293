//! The one registry of open rooms: opens a room on first use, forgets it when it is done.

use crate::clock::Clock;
use crate::compaction::Compactor;
use crate::memory::Memory;
use crate::outbox::Outbox;
use crate::room_driver::RoomDriver;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tiebreak_document::CheckedChange;
use tiebreak_protocol::{DocumentId, Limits, Refusal};
use tiebreak_storage::DocumentStore;
use tiebreak_sync::room::{Answer, Expected, Input, Question};
use tiebreak_sync::{Room, SessionId};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often a room may close between entering it and sending to it. Rooms come back; this is for the case
/// that one never does.
pub(crate) const ENTRIES_MAX: usize = 100;

/// What reaches a room from outside.
#[derive(Debug)]
pub(crate) enum Message {
    /// A session's input, with the way back to it.
    FromSession { session: SessionId, outbox: Outbox, input: Input },
    /// A call by the server's own code.
    Call { call: Call, reply: oneshot::Sender<Result<Answer, Refusal>> },
    /// Memory is short.
    Relieve,
}

/// What the server's own code may want of a document.
#[derive(Debug)]
pub(crate) enum Call {
    Ask(Question),
    Submit(Expected, Vec<CheckedChange>),
    Delete(Expected),
}

/// What every room needs.
#[derive(Debug, Clone)]
pub(crate) struct RoomContext {
    pub(crate) store: Arc<dyn DocumentStore>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
    pub(crate) compactor: Compactor,
    pub(crate) memory: Memory,
}

/// A cheap handle to all rooms.
#[derive(Debug, Clone)]
pub(crate) struct Rooms {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    context: RoomContext,
    inbox_by_document: Mutex<HashMap<DocumentId, mpsc::Sender<Message>>>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Rooms {
    pub(crate) fn new(context: RoomContext) -> Self {
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        Self { shared: Arc::new(Shared { context, inbox_by_document: Mutex::default(), tasks, closing }) }
    }

    /// The inbox of a document's room, which is opened if it is not.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when memory is short and the room is not open yet.
    pub(crate) fn enter(&self, document: DocumentId) -> Result<mpsc::Sender<Message>, Refusal> {
        let mut inboxes = self.inboxes();
        // The inbox of a room whose task ended in a panic is closed, but nobody has forgotten it.
        if let Some(inbox) = inboxes.get(&document).filter(|inbox| !inbox.is_closed()) {
            return Ok(inbox.clone());
        }
        if self.shared.context.memory.is_full() {
            return Err(Refusal::Busy);
        }
        let context = self.shared.context.clone();
        let (inbox, messages) = mpsc::channel(context.limits.room_inbox_messages_max);
        let (room, effects) = Room::open(document, Arc::clone(&context.limits), context.clock.now());
        let driver = Box::new(RoomDriver::new(room, context, messages, self.clone()));
        self.shared.tasks.spawn(driver.run(effects, self.shared.closing.clone()));
        inboxes.insert(document, inbox.clone());
        Ok(inbox)
    }

    /// Forgets a room if nothing waits for it; its driver may stop then.
    pub(crate) fn forget(&self, document: DocumentId, messages: &mut mpsc::Receiver<Message>) -> bool {
        let mut inboxes = self.inboxes();
        // Under the lock nobody can get hold of the inbox; whoever did before finds it closed and enters anew.
        let forgotten = messages.is_empty();
        if forgotten {
            messages.close();
            inboxes.remove(&document);
        }
        forgotten
    }

    /// Asks a room and waits for its answer.
    pub(crate) async fn call(&self, document: DocumentId, call: Call) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        let mut message = Message::Call { call, reply };
        for _ in 0..ENTRIES_MAX {
            match self.enter(document)?.send(message).await {
                Ok(()) => return answer.await.unwrap_or(Err(Refusal::ShuttingDown)),
                Err(mpsc::error::SendError(unsent)) => message = unsent,
            }
        }
        Err(Refusal::Busy)
    }

    /// Asks every room to close its document if it can.
    pub(crate) fn relieve(&self) {
        let inboxes: Vec<_> = self.inboxes().values().cloned().collect();
        for inbox in inboxes {
            // A room with a full inbox is in use; it has nothing to give back.
            inbox.try_send(Message::Relieve).ok();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.inboxes().len()
    }

    /// Lets every room finish what it has begun to store.
    pub(crate) async fn close(&self) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn inboxes(&self) -> std::sync::MutexGuard<'_, HashMap<DocumentId, mpsc::Sender<Message>>> {
        self.shared.inbox_by_document.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
