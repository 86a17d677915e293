//! The task of one open document: the replica's effects to the store, the connection and whoever waits.

mod perform;

use super::{Delivery, HEAVY_BYTES, OpenDocument, State, WORDS_MAX};
use crate::hub::{HubSender, Tell};
use crate::registry::Registry;
use crate::status::StatusBoard;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tiebreak_driver::{Clock, Compactor, RoomStore};
use tiebreak_protocol::{DocumentId, Limits, StorageId};
use tiebreak_sync::replica::{Effect, Input, Replica};
use tiebreak_sync::room::{self, Condition, Flagging, Notice, PeerInfo};
use tiebreak_sync::{Moment, SessionId};
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::error;

/// Messages to the server that wait for the connection to take them. With more, the document falls silent and
/// begins anew: what it would say by then is one message.
const NOTICES_MAX: usize = 64;

/// What every document of a client needs; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn tiebreak_storage::DocumentStore>,
    pub(crate) compactor: Compactor,
    pub(crate) clock: Clock,
    pub(crate) limits: Arc<Limits>,
    pub(crate) actor: Arc<[u8]>,
    pub(crate) flagging: Flagging,
    pub(crate) board: Arc<StatusBoard>,
    pub(crate) hub: HubSender,
    /// The name under which it is remembered what the server has.
    pub(crate) server: StorageId,
    pub(crate) closing: CancellationToken,
}

/// Owns the work of one document.
pub(crate) struct DocumentTask {
    document: Arc<OpenDocument>,
    parts: Parts,
    store: RoomStore,
    registry: Registry,
    words: mpsc::Receiver<Delivery>,
    /// Bytes that the next step takes up beside those that the document has.
    weight_to_come: u64,
    /// Of words that the replica has and has not taken up.
    space_taken: Vec<OwnedSemaphorePermit>,
    peer: watch::Receiver<Option<Arc<PeerInfo>>>,
    /// Work under way whose end is an input.
    work: FuturesUnordered<BoxFuture<'static, Option<room::Input>>>,
    notices: VecDeque<Notice>,
    /// One of those found no place.
    is_overfull: bool,
    /// The room has nothing to do until something comes.
    is_resting: bool,
    /// The connection that what the replica says is about.
    session: Option<SessionId>,
    turns: Turns,
}

/// Whose turn it is when both callers and what the server sent wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turns {
    CallersFirst,
    /// Callers have just been let go first.
    ServerFirst,
}

impl DocumentTask {
    /// A document that is about to be read, and the task to be run for it.
    pub(crate) fn new(id: DocumentId, parts: Parts, registry: Registry) -> (Arc<OpenDocument>, Self) {
        let now = parts.clock.now();
        let (replica, effects) = Replica::open(id, Arc::clone(&parts.limits), now);
        let (words, words_to_come) = mpsc::channel(WORDS_MAX);
        let (peer, peers_to_come) = watch::channel(None);
        let state = State { replica, effects, callers: BTreeMap::new(), next_ticket: 0, is_closed: false };
        let document = Arc::new(OpenDocument {
            id,
            clock: parts.clock,
            actor: Arc::clone(&parts.actor),
            flagging: parts.flagging.clone(),
            state: Arc::new(Mutex::new(state)),
            nudge: Notify::new(),
            callers_waiting: AtomicUsize::new(0),
            ready: Notify::new(),
            peer,
            words,
            heads: watch::Sender::default(),
            standing: watch::Sender::default(),
            ended: CancellationToken::new(),
        });
        let task = Self {
            document: Arc::clone(&document),
            store: RoomStore::new(Arc::clone(&parts.store), id),
            parts,
            registry,
            words: words_to_come,
            weight_to_come: 0,
            space_taken: Vec::new(),
            peer: peers_to_come,
            work: FuturesUnordered::new(),
            notices: VecDeque::new(),
            is_overfull: false,
            is_resting: false,
            session: None,
            turns: Turns::CallersFirst,
        };
        (document, task)
    }

    /// Runs until the client closes and nothing is being stored, or until nobody needs the document.
    pub(crate) async fn run(mut self) {
        // Also when the runtime drops the task.
        let _ended = self.document.ended.clone().drop_guard();
        // What cannot be remembered counts as not uploaded, until the server says otherwise.
        let (server, id) = (self.parts.server.clone(), self.document.id);
        let confirmed = self.parts.store.shared_heads(server, id).await.ok().flatten().unwrap_or_default();
        self.step(|replica, now| replica.handle(now, Input::Recalled(confirmed))).await;
        while !self.is_over() {
            let (deadline, has_space) = self.outlook().await;
            // Answers that the connection has not taken come first: or a server that talks fast makes a document
            // fall silent that could keep up.
            let is_listening = has_space && self.notices.len() < NOTICES_MAX / 2;
            let (has_work, hub) = (!self.work.is_empty(), self.parts.hub.clone());
            tokio::select! {
                biased;
                Some(input) = self.work.next() => {
                    if let Some(input) = input {
                        self.weight_to_come += weight(&input);
                        self.step(|replica, now| replica.handle(now, Input::Room(input))).await;
                    }
                }
                () = self.document.nudge.notified() => self.step(|_replica, _now| Vec::new()).await,
                () = self.parts.closing.cancelled(), if !has_work => {
                    if self.close().await {
                        break;
                    }
                    self.step(|_replica, _now| Vec::new()).await;
                }
                Ok(()) = self.peer.changed() => self.meet().await,
                permit = hub.reserve(), if !self.notices.is_empty() => {
                    if let (Some(notice), Ok(permit)) = (self.notices.pop_front(), permit) {
                        permit.send(Tell { document: self.document.id, notice });
                    }
                }
                Some(Delivery { word, space }) = self.words.recv(), if is_listening => {
                    self.space_taken.extend(space);
                    self.weight_to_come += word.weight();
                    self.step(|replica, now| replica.handle(now, Input::Word(word))).await;
                }
                () = sleep_until(deadline) => {
                    self.step(|replica, now| replica.handle(now, Input::Room(room::Input::DeadlinePassed)))
                        .await;
                }
            }
        }
        // Also when it ends because nobody needs it.
        let mut state = self.document.state.lock().await;
        state.is_closed = true;
        state.callers.clear();
        drop(state);
        self.document.ready.notify_waiters();
    }

    /// Takes nothing more, unless something was left to be done in the meantime.
    async fn close(&mut self) -> bool {
        let mut state = self.document.state.lock().await;
        state.is_closed = state.effects.is_empty();
        state.is_closed
    }

    /// Whether the document can go: nobody has it open, it takes part in no connection, and nothing is under way.
    fn is_over(&self) -> bool {
        let is_quiet = self.is_resting && self.work.is_empty() && self.peer.borrow().is_none();
        is_quiet && self.registry.forget_unused(self.document.id)
    }

    async fn outlook(&mut self) -> (Option<tokio::time::Instant>, bool) {
        let state = self.document.state.lock().await;
        let deadline = if self.is_resting { None } else { state.replica.deadline() };
        (deadline.map(|elapsed| self.parts.clock.instant(elapsed)), state.replica.has_space())
    }

    /// The connection is another, or none.
    async fn meet(&mut self) {
        let peer = self.peer.borrow_and_update().clone();
        self.notices.clear();
        self.step(|replica, now| {
            let mut effects = replica.handle(now, Input::Silence);
            if let Some(peer) = peer {
                effects.extend(replica.handle(now, Input::Greet(peer)));
            }
            effects
        })
        .await;
    }

    /// Lets the replica do something, takes the turns that are due, and performs what comes of it, with what
    /// handles have left to be performed.
    async fn step(&mut self, work: impl FnOnce(&mut Replica, Moment) -> Vec<Effect> + Send + 'static) {
        self.is_resting = false;
        let effects = self.work_on(work).await;
        self.perform(effects).await;
        while self.is_turn_due().await {
            let effects = self.work_on(Replica::take_turn).await;
            self.weight_to_come = 0;
            self.space_taken.clear();
            self.perform(effects).await;
        }
        if std::mem::take(&mut self.is_overfull) {
            let effects = self.work_on(|replica, now| replica.handle(now, Input::Silence)).await;
            self.perform(effects).await;
            self.stall();
        }
        self.look_around().await;
        self.document.ready.notify_waiters();
    }

    /// A large document is worked on outside the runtime's threads. What does not come back is the runtime's end.
    async fn work_on(
        &mut self,
        work: impl FnOnce(&mut Replica, Moment) -> Vec<Effect> + Send + 'static,
    ) -> Vec<Effect> {
        let (document, clock) = (Arc::clone(&self.document), self.parts.clock);
        let work = move |state: &mut State| {
            let mut effects = std::mem::take(&mut state.effects);
            effects.extend(work(&mut state.replica, clock.now()));
            document.publish(state);
            (effects, state.replica.session())
        };
        let mut state = Arc::clone(&self.document.state).lock_owned().await;
        let (effects, session) = if state.replica.stored_bytes() + self.weight_to_come > HEAVY_BYTES {
            let worked = tokio::task::spawn_blocking(move || work(&mut state)).await;
            worked.inspect_err(|error| error!(%error, "a document's work was cut off")).unwrap_or_default()
        } else {
            work(&mut state)
        };
        self.session = session;
        effects
    }

    /// Whether to take a turn now. Callers that wait go first, but not twice in a row.
    async fn is_turn_due(&mut self) -> bool {
        let is_due = self.document.state.lock().await.replica.is_turn_due();
        let waits = self.document.callers_waiting.load(Ordering::Relaxed) > 0;
        let yields = is_due && waits && self.turns == Turns::CallersFirst;
        self.turns = if yields { Turns::ServerFirst } else { Turns::CallersFirst };
        is_due && !yields
    }

    /// Parts with what is of no use to anybody.
    async fn look_around(&mut self) {
        let state = self.document.state.lock().await;
        if !state.replica.has_queued() {
            self.weight_to_come = 0;
            self.space_taken.clear();
        }
        let is_read = matches!(state.replica.condition(), Condition::Ready | Condition::Deleted);
        if is_read && state.replica.heads().is_empty() {
            self.registry.part_with_nothing(self.document.id, &self.parts);
        }
    }
}

/// Bytes that come with an input.
fn weight(input: &room::Input) -> u64 {
    let room::Input::Loaded(Ok(Some(loaded))) = input else { return 0 };
    let snapshot = loaded.snapshot.iter().map(bytes::Bytes::len);
    snapshot.chain(loaded.tail.iter().map(|change| change.bytes.len())).sum::<usize>() as u64
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
