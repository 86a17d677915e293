//! One open document: the replica, and the task that does what it wants.

mod conflicts;
mod task;

pub(crate) use task::{DocumentTask, Parts};

use crate::error::{ChangeError, ReadError, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tiebreak_document::{Author, Document, TransactError, Transaction};
use tiebreak_driver::{Clock, unix_ms};
use tiebreak_protocol::{DocumentId, Heads, Refusal};
use tiebreak_sync::Replica;
use tiebreak_sync::replica::{Effect, Input, Standing, Word};
use tiebreak_sync::room::{self, Answer, Condition, Expected, Flagging, PeerInfo, Submitter, Ticket};
use tokio::sync::{Mutex, MutexGuard, Notify, OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Words from the server that wait for one document; with more, the connection waits.
const WORDS_MAX: usize = 16;

/// Documents from this size on are worked on outside the runtime's threads.
const HEAVY_BYTES: u64 = 64 * 1024;

/// A word from the server, and the space that it takes until it is taken up.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) word: Word,
    pub(crate) space: Option<OwnedSemaphorePermit>,
}

/// A document that is open on this device, shared by its handles, its task and the connection.
#[derive(Debug)]
pub(crate) struct OpenDocument {
    pub(crate) id: DocumentId,
    clock: Clock,
    actor: Arc<[u8]>,
    flagging: Flagging,
    state: Arc<Mutex<State>>,
    /// There are effects to perform, or nobody holds the document any more.
    pub(crate) nudge: Notify,
    /// Callers that wait until something can be done with the document: between two turns they go first.
    callers_waiting: AtomicUsize,
    /// What can be done with the document may have changed.
    ready: Notify,
    /// The connection on which it takes part, if any.
    pub(crate) peer: watch::Sender<Option<Arc<PeerInfo>>>,
    pub(crate) words: mpsc::Sender<Delivery>,
    pub(crate) heads: watch::Sender<Heads>,
    pub(crate) standing: watch::Sender<Standing>,
    /// Cancelled when the document's task is gone: because it ended, or its runtime did.
    ended: CancellationToken,
}

/// What the lock guards. It is never held while anything is waited for.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) replica: Replica,
    /// To be performed by the task.
    effects: Vec<Effect>,
    callers: BTreeMap<Ticket, oneshot::Sender<Result<Answer, Refusal>>>,
    next_ticket: u64,
    /// The client is closing: the task takes nothing more.
    is_closed: bool,
}

impl State {
    fn new_ticket(&mut self) -> (Ticket, oneshot::Receiver<Result<Answer, Refusal>>) {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let (caller, answer) = oneshot::channel();
        self.callers.insert(ticket, caller);
        (ticket, answer)
    }
}

/// A caller's place before the next turn, for as long as it waits.
struct Place<'a>(&'a OpenDocument);

impl<'a> Place<'a> {
    fn take(document: &'a OpenDocument) -> Self {
        document.callers_waiting.fetch_add(1, Ordering::Relaxed);
        Self(document)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.callers_waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.nudge.notify_one();
    }
}

/// What becomes of a wait until something can be done with the document.
enum Unfit {
    Deleted,
    Unreadable,
    Unread,
    Closed,
}

impl OpenDocument {
    /// Makes one edit; durable when this returns. If nobody waits for it to the end, it is made all the same.
    pub(crate) async fn edit<T, E>(
        &self,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, ChangeError>
    where
        ChangeError: From<E>,
    {
        let (value, answer) = {
            let mut state = self.fit([Condition::Ready]).await?;
            let author = Author { actor: &self.actor, time_s: unix_ms() / 1000 };
            let (ticket, answer) = state.new_ticket();
            let edited = state.replica.edit(self.clock.now(), ticket, &author, edit);
            match edited {
                Ok((value, effects)) => {
                    state.effects.extend(effects);
                    (value, answer)
                }
                Err(error) => {
                    state.callers.remove(&ticket);
                    return Err(match error {
                        TransactError::Edit(error) => error.into(),
                        TransactError::Refused(refusal) => refusal.into(),
                        TransactError::Document(_) => ChangeError::Unreadable,
                    });
                }
            }
        };
        self.nudge.notify_one();
        self.submitted(answer).await?;
        Ok(value)
    }

    /// Writes changes that were made elsewhere, all into a document that is not there yet.
    pub(crate) async fn fill(
        &self,
        changes: Vec<tiebreak_document::CheckedChange>,
    ) -> Result<(), ChangeError> {
        let answer = {
            let mut state = self.fit([Condition::Ready]).await?;
            let (ticket, answer) = state.new_ticket();
            let (expected, by) = (Expected::Heads(Heads::default()), Submitter::default());
            let submit = room::Input::Submit { ticket, expected, changes, by };
            self.put(&mut state, Input::Room(submit));
            answer
        };
        self.nudge.notify_one();
        self.submitted(answer).await
    }

    /// Deletes the document from this device. Answers whether it was there.
    pub(crate) async fn delete(&self) -> Result<bool, ChangeError> {
        let answer = {
            let mut state = match self.fit([Condition::Ready, Condition::Broken]).await {
                Err(ChangeError::Deleted) => return Ok(false),
                state => state?,
            };
            let (ticket, answer) = state.new_ticket();
            let delete = room::Input::Delete { ticket, expected: Expected::Anything };
            self.put(&mut state, Input::Room(delete));
            answer
        };
        self.nudge.notify_one();
        Ok(self.answered(answer).await? == Answer::Deleted)
    }

    /// Looks into the document, which then holds nothing that is not durable.
    pub(crate) async fn read<T>(&self, look: impl FnOnce(&mut Document) -> T) -> Result<T, ReadError> {
        let mut state = self.fit([Condition::Ready]).await.map_err(|error| match error {
            ChangeError::Deleted => ReadError::Deleted,
            ChangeError::Storage(error) => ReadError::Storage(error),
            ChangeError::Closed => ReadError::Closed,
            ChangeError::Edit(_)
            | ChangeError::Shape(_)
            | ChangeError::Refused { .. }
            | ChangeError::Unreadable => ReadError::Unreadable,
        })?;
        state.replica.read(look).ok_or(ReadError::Unreadable)
    }

    /// Waits until the document has been read, and answers what it came to.
    pub(crate) async fn opened(&self) -> Result<(), ReadError> {
        self.read(|_document| ()).await
    }

    async fn submitted(&self, answer: oneshot::Receiver<Result<Answer, Refusal>>) -> Result<(), ChangeError> {
        match self.answered(answer).await? {
            Answer::Submitted { refused, .. } => match refused.first() {
                Some(first) => Err(first.refusal.into()),
                None => Ok(()),
            },
            Answer::Heads(_)
            | Answer::Json { .. }
            | Answer::File { .. }
            | Answer::History { .. }
            | Answer::Deleted
            | Answer::Unsettled(_)
            | Answer::Unexpected { .. }
            | Answer::Missing => Err(Refusal::StorageUnavailable.into()),
        }
    }

    async fn answered(
        &self,
        answer: oneshot::Receiver<Result<Answer, Refusal>>,
    ) -> Result<Answer, ChangeError> {
        tokio::select! {
            biased;
            answer = answer => Ok(answer.map_err(|_closed| ChangeError::Closed)??),
            () = self.ended.cancelled() => Err(ChangeError::Closed),
        }
    }

    /// The state, once the document is in one of these conditions.
    async fn fit<const N: usize>(
        &self,
        conditions: [Condition; N],
    ) -> Result<MutexGuard<'_, State>, ChangeError> {
        let mut was_opened = false;
        loop {
            // Registered before the look, so that what happens between the two is not missed.
            let mut changed = std::pin::pin!(self.ready.notified());
            changed.as_mut().enable();
            let mut state = self.state.lock().await;
            let condition = state.replica.condition();
            let is_closed = state.is_closed || self.ended.is_cancelled();
            if !is_closed && conditions.contains(&condition) {
                let is_heavy = state.replica.stored_bytes() > HEAVY_BYTES;
                if is_heavy && !state.replica.is_document_open() && !was_opened {
                    drop(state);
                    self.open_elsewhere().await;
                    was_opened = true;
                    continue;
                }
                return Ok(state);
            }
            let unfit = match condition {
                _ if is_closed => Some(Unfit::Closed),
                Condition::Deleted => Some(Unfit::Deleted),
                Condition::Broken => Some(Unfit::Unreadable),
                Condition::Unread => {
                    self.put(&mut state, Input::Reread);
                    self.nudge.notify_one();
                    Some(Unfit::Unread)
                }
                Condition::Reading | Condition::Storing | Condition::Ready => None,
            };
            drop(state);
            match unfit {
                Some(Unfit::Deleted) => return Err(ChangeError::Deleted),
                Some(Unfit::Unreadable) => return Err(ChangeError::Unreadable),
                Some(Unfit::Unread) => {
                    let reason = "the document could not be read just now".to_owned();
                    return Err(ChangeError::Storage(StoreError::Unavailable { reason }));
                }
                Some(Unfit::Closed) => return Err(ChangeError::Closed),
                None => {
                    let _place = Place::take(self);
                    self.ended.run_until_cancelled(changed).await;
                }
            }
        }
    }

    /// Lets those who watch see what is so, in the same moment as those who look.
    fn publish(&self, state: &State) {
        let (heads, standing) = (state.replica.heads(), state.replica.standing());
        self.heads.send_if_modified(|shown| {
            let is_new = shown != heads;
            if is_new {
                shown.clone_from(heads);
            }
            is_new
        });
        self.standing.send_if_modified(|shown| std::mem::replace(shown, standing) != standing);
    }

    /// Opens a large document outside the runtime's threads.
    async fn open_elsewhere(&self) {
        let state = Arc::clone(&self.state);
        let open = move || drop(state.blocking_lock().replica.read(Document::open));
        // What does not open says so to whoever looks into it next.
        tokio::task::spawn_blocking(open).await.ok();
    }

    /// Gives the replica an input; what it wants done is left to the task.
    fn put(&self, state: &mut State, input: Input) {
        let effects = state.replica.handle(self.clock.now(), input);
        state.effects.extend(effects);
    }
}
