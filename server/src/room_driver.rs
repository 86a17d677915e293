//! Performs what a room decides: store, sessions, timers. One task owns one room.

use crate::conflicts::{Occasion, Written};
use crate::metrics;
use crate::outbox::Outbox;
use crate::rooms::{Call, Inbox, Message, Queued, RoomContext, Rooms};
use crate::storage::refusal;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tiebreak_document::SavedChange;
use tiebreak_driver::{NewChanges, RoomStore, unix_ms};
use tiebreak_protocol::{DocumentId, Refusal};
use tiebreak_storage::StorageError;
use tiebreak_sync::room::{Answer, ConflictChange, Effect, Input, Notice, Ticket};
use tiebreak_sync::{Room, SessionId};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Documents from this size on are merged and read on a thread of their own right.
const HEAVY_BYTES: u64 = 64 * 1024;

/// How often others go first before a turn that is due.
const GATHERINGS_MAX: usize = 8;

/// The task around one [`Room`].
pub(crate) struct RoomDriver {
    room: Room,
    document: DocumentId,
    context: RoomContext,
    inbox: Inbox,
    messages: mpsc::Receiver<Queued>,
    /// Of what the room has taken and not yet taken up.
    space_taken: Vec<OwnedSemaphorePermit>,
    rooms: Rooms,
    outboxes: BTreeMap<SessionId, Outbox>,
    callers: BTreeMap<Ticket, oneshot::Sender<Result<Answer, Refusal>>>,
    next_ticket: u64,
    /// Work under way whose end is an input.
    work: FuturesUnordered<BoxFuture<'static, Option<Input>>>,
    /// What the log has been told of.
    refused: BTreeSet<&'static str>,
    is_done: bool,
}

impl RoomDriver {
    pub(crate) fn new(
        room: Room,
        context: RoomContext,
        (inbox, messages): (Inbox, mpsc::Receiver<Queued>),
        rooms: Rooms,
    ) -> Self {
        Self {
            document: room.document_id(),
            room,
            context,
            inbox,
            messages,
            space_taken: Vec::new(),
            rooms,
            outboxes: BTreeMap::new(),
            callers: BTreeMap::new(),
            next_ticket: 0,
            work: FuturesUnordered::new(),
            refused: BTreeSet::new(),
            is_done: false,
        }
    }

    /// Runs until the room is done, or, when closing, until nothing is being stored any more.
    pub(crate) async fn run(mut self: Box<Self>, effects: Vec<Effect>, closing: CancellationToken) {
        metrics::rooms_changed(self.rooms.len());
        self.perform(effects);
        loop {
            if self.room.is_turn_due() {
                self.gather().await;
                self.take_turn();
            } else {
                let (has_work, takes_input) = (!self.work.is_empty(), self.room.has_space());
                let deadline = self.room.deadline().map(|elapsed| self.context.clock.instant(elapsed));
                let input = tokio::select! {
                    biased;
                    Some(input) = self.work.next() => input,
                    // The connections have ended by then: the last word of each is in the inbox.
                    Some(queued) = self.messages.recv(), if takes_input => Some(self.translate(queued)),
                    () = closing.cancelled(), if !has_work => break,
                    () = sleep_until(deadline) => Some(Input::DeadlinePassed),
                };
                if let Some(input) = input {
                    self.handle(input);
                }
            }
            if self.is_done && self.work.is_empty() && self.rooms.forget(self.document, &mut self.messages) {
                break;
            }
        }
        metrics::rooms_changed(self.rooms.len());
    }

    /// Lets those go first who were just told something, so that what they send is in this turn: a merge costs
    /// almost the same for many changes as for one. Goes on as long as that brings more, within limits.
    async fn gather(&mut self) {
        for _ in 0..GATHERINGS_MAX {
            yield_now().await;
            let mut came = 0;
            while self.room.has_space()
                && let Ok(queued) = self.messages.try_recv()
            {
                came += 1;
                let input = self.translate(queued);
                self.handle(input);
            }
            if came == 0 {
                break;
            }
        }
    }

    fn take_turn(&mut self) {
        let now = self.context.clock.now();
        let bytes_touched = if self.room.is_turn_long() { self.room.stored_bytes() } else { 0 };
        let effects = run(bytes_touched, || self.room.take_turn(now));
        self.space_taken = Vec::new();
        self.perform(effects);
    }

    fn handle(&mut self, input: Input) {
        self.is_done = false;
        let now = self.context.clock.now();
        let left = if let Input::Left(session) = input { Some(session) } else { None };
        let is_long = matches!(input, Input::Appended(_) | Input::Loaded(_));
        let bytes_touched = if is_long { self.room.stored_bytes() } else { 0 };
        let effects = run(bytes_touched, || self.room.handle(now, input));
        if let Some(session) = left {
            self.outboxes.remove(&session);
        }
        self.perform(effects);
    }

    fn translate(&mut self, Queued { message, space }: Queued) -> Input {
        self.space_taken.extend(space);
        match message {
            Message::FromSession { session, outbox, input } => {
                if !matches!(input, Input::Left(_)) {
                    self.outboxes.entry(session).or_insert(outbox);
                }
                input
            }
            Message::Relieve => Input::Relieve,
            Message::Call { call, reply } => {
                self.next_ticket += 1;
                let ticket = Ticket(self.next_ticket);
                self.callers.insert(ticket, reply);
                match call {
                    Call::Ask(question) => Input::Ask { ticket, question },
                    Call::Submit(expected, changes, by) => Input::Submit { ticket, expected, changes, by },
                    Call::Settle(settle) => Input::Settle { ticket, settle },
                    Call::Delete(expected) => Input::Delete { ticket, expected },
                }
            }
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Load => self.work.push(self.load()),
                Effect::Append { changes, heads, actors, owner, conflicts } => {
                    let new = NewChanges { changes, heads, actors, owner, beside: Vec::new() };
                    self.append(new, conflicts);
                }
                Effect::Record { conflicts } => self.record(conflicts),
                Effect::Unreviewed(reason) => {
                    metrics::unreviewed();
                    error!(document = %self.document, reason, "disagreements could not be looked for");
                }
                Effect::Tell { to, notice } => self.tell(to, notice),
                Effect::Quarantine { change, reason } => self.quarantine(change, reason),
                Effect::Compact => self.compact(),
                Effect::Recall { session, storage } => {
                    let shared = Arc::clone(&self.context.store);
                    let document = self.document;
                    let recall = async move {
                        // Memory that cannot be read costs a longer handshake, nothing else.
                        let heads = shared.shared_heads(storage, document).await.ok().flatten();
                        Some(Input::Recalled { session, heads })
                    };
                    self.work.push(recall.boxed());
                }
                Effect::Remember { storage, heads } => {
                    let (store, document) = (Arc::clone(&self.context.store), self.document);
                    let remember = async move {
                        if let Err(error) = store.remember_shared_heads(storage, document, heads).await {
                            warn!(%document, %error, "a peer's sync state was not kept");
                        }
                        None
                    };
                    self.work.push(remember.boxed());
                }
                Effect::Delete => {
                    let (context, document) = (self.context.clone(), self.document);
                    let delete = async move {
                        let deleted = context.store.delete(document).await;
                        Some(Input::Deleted(deleted.map(drop).map_err(|error| refusal(&error))))
                    };
                    self.work.push(delete.boxed());
                }
                Effect::Answer { ticket, answer } => {
                    if let Some(caller) = self.callers.remove(&ticket) {
                        // A caller that has gone wants no answer.
                        caller.send(answer).ok();
                    }
                }
                Effect::Refused(refusal) => {
                    metrics::refused(refusal);
                    if self.refused.insert(refusal.code()) {
                        info!(document = %self.document, code = refusal.code(), "refused a change: {refusal}");
                    }
                }
                Effect::Broken(reason) => {
                    error!(document = %self.document, reason, "the stored document is unreadable")
                }
                Effect::Done => self.is_done = true,
            }
        }
    }

    fn tell(&mut self, to: SessionId, notice: Notice) {
        let Some(outbox) = self.outboxes.get(&to) else { return };
        if outbox.push(self.document, notice).is_err() {
            self.outboxes.remove(&to);
            self.work.push(std::future::ready(Some(Input::Left(to))).boxed());
        }
    }

    fn load(&self) -> BoxFuture<'static, Option<Input>> {
        let (store, records) = (self.store(), self.context.conflicts.clone());
        let load = async move {
            let Some(mut loaded) = store.load().await? else { return Ok(None) };
            loaded.conflicts = records.open_of(store.document()).await?;
            Ok(Some(loaded))
        };
        load.map(|loaded: Result<_, StorageError>| {
            Some(Input::Loaded(loaded.map_err(|error| refusal(&error))))
        })
        .boxed()
    }

    /// Stores changes, and with them what they bring about.
    fn append(&self, mut new: NewChanges, conflicts: Vec<ConflictChange>) {
        let (store, records) = (self.store(), self.context.conflicts.clone());
        let append = async move {
            metrics::changes_appended(new.changes.len());
            if conflicts.is_empty() {
                return store.append(new).await;
            }
            let changes = new.changes.iter().map(|change| change.hash).collect();
            let occasion = Occasion { document: store.document(), changes: &changes, now_ms: unix_ms() };
            let Written { statements, news } = records.statements(occasion, conflicts).await?;
            new.beside = statements;
            let appended = store.append(new).await?;
            records.announce(news);
            Ok(appended)
        };
        let appended =
            append.map(|appended| Some(Input::Appended(appended.map_err(|error| refusal(&error)))));
        self.work.push(appended.boxed());
    }

    fn record(&self, conflicts: Vec<ConflictChange>) {
        let (document, records) = (self.document, self.context.conflicts.clone());
        let record = async move {
            let occasion = Occasion { document, changes: &BTreeSet::new(), now_ms: unix_ms() };
            records.record(occasion, conflicts).await
        };
        let recorded =
            record.map(|recorded| Some(Input::Recorded(recorded.map_err(|error| refusal(&error)))));
        self.work.push(recorded.boxed());
    }

    fn quarantine(&self, change: SavedChange, reason: String) {
        let (store, document) = (self.store(), self.document);
        error!(%document, change = %change.hash, reason, "a change broke its document and was set aside");
        metrics::quarantined();
        let keep = async move {
            if let Err(error) = store.quarantine(change, reason).await {
                error!(%document, %error, "a quarantined change was not kept");
                refusal(&error);
            }
            None
        };
        self.work.push(keep.boxed());
    }

    fn store(&self) -> RoomStore {
        RoomStore::new(Arc::clone(&self.context.store), self.document)
    }

    fn compact(&self) {
        let (compactor, document) = (self.context.compactor.clone(), self.document);
        let compact = async move { Some(Input::Compacted(compactor.compact(document).await)) };
        self.work.push(compact.boxed());
    }
}

impl Drop for RoomDriver {
    /// A room that panicked can tell nobody anything any more; its members come back to a new one.
    fn drop(&mut self) {
        self.inbox.close();
        if std::thread::panicking() {
            for outbox in self.outboxes.values() {
                // Who has gone needs no word.
                outbox.push(self.document, Notice::Close(Refusal::StorageUnavailable)).ok();
            }
        }
    }
}

/// Runs work that touches so much of a document; with a lot of it the thread's other tasks go elsewhere.
fn run<T>(bytes_touched: u64, work: impl FnOnce() -> T) -> T {
    if bytes_touched > HEAVY_BYTES { tokio::task::block_in_place(work) } else { work() }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
