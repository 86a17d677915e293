//! The one registry of open rooms: opens a room on first use, forgets it when it is done.

use crate::conflicts::ConflictRecords;
use crate::memory::Memory;
use crate::outbox::Outbox;
use crate::room_driver::RoomDriver;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tiebreak_document::CheckedChange;
use tiebreak_driver::{Clock, Compactor};
use tiebreak_protocol::{DocumentId, Limits, Refusal};
use tiebreak_storage::DocumentStore;
use tiebreak_sync::room::{Answer, Expected, Flagging, Input, Question, Settle, Submitter};
use tiebreak_sync::{Room, SessionId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
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

/// The way into a room. Bounded in messages and in what their changes unfold to: whoever brings more waits,
/// and with a connection its peer.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    messages: mpsc::Sender<Queued>,
    /// One permit for each KiB.
    space: Arc<Semaphore>,
    kib_max: u32,
}

/// A message and the space it takes until the room's turn takes it up.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) message: Message,
    pub(crate) space: Option<OwnedSemaphorePermit>,
}

impl Inbox {
    fn new(limits: &Limits) -> (Self, mpsc::Receiver<Queued>) {
        let kib_max = u32::try_from(limits.room_inbox_bytes_max / 1024).unwrap_or(u32::MAX).max(1);
        let (messages, queued) = mpsc::channel(limits.room_inbox_messages_max);
        (Self { messages, space: Arc::new(Semaphore::new(kib_max as usize)), kib_max }, queued)
    }

    /// Waits for space.
    ///
    /// # Errors
    /// Gives the message back when the room has gone.
    pub(crate) async fn send(&self, message: Message) -> Result<(), Message> {
        // A message larger than all the space there is waits until it has all of it.
        let kib = u32::try_from(message.weight() / 1024).unwrap_or(u32::MAX).min(self.kib_max);
        let space = if kib == 0 {
            None
        } else {
            match Arc::clone(&self.space).acquire_many_owned(kib).await {
                Ok(space) => Some(space),
                Err(_closed) => return Err(message),
            }
        };
        self.messages.send(Queued { message, space }).await.map_err(|unsent| unsent.0.message)
    }

    /// Lets those go who wait for space in a room that takes nothing more.
    pub(crate) fn close(&self) {
        self.space.close();
    }

    fn try_send(&self, message: Message) {
        // A room with a full inbox is in use; it has nothing to give back.
        self.messages.try_send(Queued { message, space: None }).ok();
    }

    fn is_closed(&self) -> bool {
        self.messages.is_closed()
    }
}

impl Message {
    /// Bytes that the changes in it unfold to.
    fn weight(&self) -> u64 {
        let changes = match self {
            Self::FromSession { input: Input::Received(received), .. } => &received.changes,
            Self::Call { call: Call::Submit(_, changes, _), .. } => changes,
            Self::FromSession { .. } | Self::Call { .. } | Self::Relieve => return 0,
        };
        changes.iter().map(CheckedChange::weight).sum()
    }
}

/// What the server's own code may want of a document.
#[derive(Debug)]
pub(crate) enum Call {
    Ask(Question),
    Submit(Expected, Vec<CheckedChange>, Submitter),
    Settle(Box<Settle>),
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
    pub(crate) flagging: Flagging,
    pub(crate) conflicts: ConflictRecords,
}

/// A cheap handle to all rooms.
#[derive(Debug, Clone)]
pub(crate) struct Rooms {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    context: RoomContext,
    inbox_by_document: Mutex<HashMap<DocumentId, Inbox>>,
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
    pub(crate) fn enter(&self, document: DocumentId) -> Result<Inbox, Refusal> {
        let mut inboxes = self.inboxes();
        // The inbox of a room whose task ended in a panic is closed, but nobody has forgotten it.
        if let Some(inbox) = inboxes.get(&document).filter(|inbox| !inbox.is_closed()) {
            return Ok(inbox.clone());
        }
        if self.shared.context.memory.is_full() {
            return Err(Refusal::Busy);
        }
        let context = self.shared.context.clone();
        let (inbox, messages) = Inbox::new(&context.limits);
        let (room, effects) = Room::open(document, Arc::clone(&context.limits), context.clock.now());
        let room = room.flagging(context.flagging.clone());
        let driver = Box::new(RoomDriver::new(room, context, (inbox.clone(), messages), self.clone()));
        self.shared.tasks.spawn(driver.run(effects, self.shared.closing.clone()));
        inboxes.insert(document, inbox.clone());
        Ok(inbox)
    }

    /// Forgets a room if nothing waits for it; its driver may stop then.
    pub(crate) fn forget(&self, document: DocumentId, messages: &mut mpsc::Receiver<Queued>) -> bool {
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
                Err(unsent) => message = unsent,
            }
        }
        Err(Refusal::Busy)
    }

    /// Asks every room to close its document if it can.
    pub(crate) fn relieve(&self) {
        let inboxes: Vec<_> = self.inboxes().values().cloned().collect();
        for inbox in inboxes {
            inbox.try_send(Message::Relieve);
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

    fn inboxes(&self) -> std::sync::MutexGuard<'_, HashMap<DocumentId, Inbox>> {
        self.shared.inbox_by_document.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
