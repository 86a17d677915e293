//! The hub: one task that owns the connection and decides which documents take part in it.

mod connection;
mod notes;

pub(crate) use notes::HubSender;

use crate::open_document::{Delivery, Parts};
use crate::registry::Registry;
use crate::token::TokenProvider;
use crate::websocket::{Address, Load, Socket};
use futures_util::future::BoxFuture;
use notes::{Note, Notes, Presence};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tiebreak_protocol::DocumentId;
use tiebreak_sync::link::{Input, Link, TokenAnswer};
use tiebreak_sync::replica::Word;
use tiebreak_sync::room::{Notice, PeerInfo};
use tiebreak_sync::roster::{Action, Roster};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

/// Messages from documents that wait for the connection.
const TELLS_MAX: usize = 8;
/// Space for all that the server has sent and no document has taken up, as it unfolds.
const SPACE_KIB: u32 = 64 * 1024;
/// How long a document that could not go on is left alone.
const STALL_TIME: Duration = Duration::from_secs(10);

/// What the app wants of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Connect,
    Disconnect,
    NetworkChanged,
}

/// A message of a document to the server.
#[derive(Debug)]
pub(crate) struct Tell {
    pub(crate) document: DocumentId,
    pub(crate) notice: Notice,
}

/// The task around a client's [`Link`] and [`Roster`].
pub(crate) struct Hub {
    link: Link,
    roster: Roster,
    parts: Parts,
    registry: Registry,
    tasks: TaskTracker,
    address: Option<Address>,
    tokens: Option<Arc<dyn TokenProvider>>,
    notes: Arc<Notes>,
    tells: mpsc::Receiver<Tell>,
    socket: Option<Socket>,
    /// How much the socket had moved when it was last pinged, if nothing was heard since.
    moved_at_ping: Option<u64>,
    peer: Option<Arc<PeerInfo>>,
    token: Option<BoxFuture<'static, TokenAnswer>>,
    /// The words of the last message that are not delivered; until they are, nothing more is read.
    held: VecDeque<Held>,
    /// For all that waits to be taken up by documents; a permit for each KiB.
    space: Arc<Semaphore>,
    /// When documents that stalled are given another try.
    retry_at: Option<Instant>,
    /// Who waits until everything is in step, as far as it can be.
    waiting_for_step: Vec<oneshot::Sender<()>>,
    was_done: bool,
}

/// A word on its way to its document.
struct Held {
    words: mpsc::Sender<Delivery>,
    word: Word,
    kib: u32,
}

/// What a hub is made of, beside what documents need too.
#[derive(Debug)]
pub(crate) struct HubParts {
    pub(crate) link: Link,
    pub(crate) places: usize,
    pub(crate) address: Option<Address>,
    pub(crate) tokens: Option<Arc<dyn TokenProvider>>,
}

/// The ends of the hub that documents hold, and the one that the hub holds.
pub(crate) fn channel() -> (HubSender, HubReceiver) {
    let (tell, tells) = mpsc::channel(TELLS_MAX);
    let notes = Arc::new(Notes::default());
    (HubSender::new(Arc::clone(&notes), tell), HubReceiver { notes, tells })
}

/// What documents send to the hub.
#[derive(Debug)]
pub(crate) struct HubReceiver {
    notes: Arc<Notes>,
    tells: mpsc::Receiver<Tell>,
}

impl Hub {
    pub(crate) fn new(
        hub: HubParts,
        receiver: HubReceiver,
        parts: Parts,
        registry: Registry,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            link: hub.link,
            roster: Roster::new(hub.places),
            parts,
            registry,
            tasks,
            address: hub.address,
            tokens: hub.tokens,
            notes: receiver.notes,
            tells: receiver.tells,
            socket: None,
            moved_at_ping: None,
            peer: None,
            token: None,
            held: VecDeque::new(),
            space: Arc::new(Semaphore::new(SPACE_KIB as usize)),
            retry_at: None,
            waiting_for_step: Vec::new(),
            was_done: false,
        }
    }

    /// Keeps these documents in step until the client closes.
    pub(crate) async fn run(mut self, documents: Vec<DocumentId>) {
        // Also when the runtime drops the task: without it nothing would ever answer.
        let _closed = self.parts.closing.clone().drop_guard();
        for document in documents {
            self.roster.add(document);
        }
        loop {
            let is_full = self.socket.as_ref().is_some_and(Socket::is_full);
            // While documents are behind, what the server says waits in the socket: it is not the one that is silent,
            // unless it does not listen either.
            let is_behind = !self.held.is_empty() && !is_full;
            let deadline = self.link.deadline().filter(|_| !is_behind);
            let deadline = deadline.map(|elapsed| self.parts.clock.instant(elapsed));
            let load = self.socket.as_ref().map(Socket::load);
            let is_listening = self.held.is_empty();
            tokio::select! {
                biased;
                () = self.parts.closing.cancelled() => break,
                () = deliver(&mut self.held, &self.space) => self.feed(Input::Heard),
                answer = answered(&mut self.token) => self.feed(Input::Token(answer)),
                () = eased(load), if is_full => {}
                // Before what is heard: answers must not pile up behind a server that does not stop talking.
                Some(Tell { document, notice }) = self.tells.recv(), if !is_full => {
                    if self.roster.is_attached(document) {
                        self.feed(Input::Tell { document, notice });
                    }
                }
                input = heard(&mut self.socket), if is_listening => self.feed(input),
                () = self.notes.arrived() => self.read_notes(),
                () = wait_until(self.retry_at) => {
                    self.retry_at = None;
                    let actions = self.roster.retry();
                    self.act(actions);
                }
                () = wait_until(deadline) => {
                    // A large message that is on its way shows nothing until it is there.
                    let is_moving = self.moved_at_ping.is_some_and(|then| then != self.moved());
                    self.feed(if is_moving { Input::Heard } else { Input::DeadlinePassed });
                }
            }
            self.look_around();
        }
        self.feed(Input::Disconnect);
    }

    fn obey(&mut self, command: Command) {
        match command {
            // Without an address there is nothing to connect to.
            Command::Connect if self.address.is_none() => {}
            Command::Connect => {
                self.feed(Input::Connect);
                let actions = self.roster.revisit();
                self.act(actions);
            }
            Command::Disconnect => self.feed(Input::Disconnect),
            Command::NetworkChanged => self.feed(Input::NetworkChanged),
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match (action, &self.peer) {
                (Action::Attach(document), Some(peer)) => {
                    self.registry.attach(document, &self.parts, Arc::clone(peer));
                }
                (Action::Attach(_), None) => {}
                (Action::Detach(document), _) => {
                    self.registry.detach(document);
                    self.feed(Input::Close(document));
                }
            }
        }
    }

    fn read_notes(&mut self) {
        for command in self.notes.take_commands() {
            self.obey(command);
            // The status was set when the app asked; what it asked later may have overtaken that.
            self.parts.board.connection(self.link.state());
        }
        self.waiting_for_step.extend(self.notes.take_waiting());
        self.waiting_for_step.retain(|waiting| !waiting.is_closed());
        for (document, note) in self.notes.take() {
            let Note { presence, is_in_use, standing, is_stalled } = note;
            match presence {
                Some(Presence::Gone) => {
                    let actions = self.roster.remove(document);
                    self.act(actions);
                    continue;
                }
                Some(Presence::Here) => {
                    let actions = self.roster.add(document);
                    self.act(actions);
                }
                None => {}
            }
            if is_stalled {
                self.roster.stall(document);
                self.registry.detach(document);
                self.feed(Input::Close(document));
                self.retry_at = Some(Instant::now() + STALL_TIME);
            }
            let mut actions = match is_in_use {
                Some(true) => self.roster.take(document),
                Some(false) => self.roster.release(document),
                None => Vec::new(),
            };
            if let Some((session, standing)) = standing {
                let is_present = session.is_some() && session == self.peer.as_ref().map(|peer| peer.session);
                actions.extend(if is_present {
                    self.roster.stands(document, standing)
                } else {
                    self.roster.stands_apart(document, standing)
                });
            }
            self.act(actions);
        }
    }

    fn look_around(&mut self) {
        let is_done = self.roster.is_done();
        if is_done && (!self.was_done || !self.waiting_for_step.is_empty()) {
            if self.parts.board.status().is_uploaded() {
                self.parts.board.synced(SystemTime::now());
            }
            for waiting in self.waiting_for_step.drain(..) {
                // Who has given up wants no answer.
                waiting.send(()).ok();
            }
        }
        self.was_done = is_done;
    }
}

/// Waits until there is space for a word, and hands it to its document.
async fn deliver(held: &mut VecDeque<Held>, space: &Arc<Semaphore>) {
    let Some(Held { words, kib, .. }) = held.front() else { return std::future::pending().await };
    let space = match kib {
        0 => None,
        kib => Arc::clone(space).acquire_many_owned(*kib).await.ok(),
    };
    // A document that has gone needs no words.
    let place = words.clone().reserve_owned().await;
    if let (Some(Held { word, .. }), Ok(place)) = (held.pop_front(), place) {
        place.send(Delivery { word, space });
    }
}

async fn answered(token: &mut Option<BoxFuture<'static, TokenAnswer>>) -> TokenAnswer {
    let Some(fetching) = token else { return std::future::pending().await };
    let answer = fetching.await;
    *token = None;
    answer
}

async fn heard(socket: &mut Option<Socket>) -> Input {
    let Some(open) = socket else { return std::future::pending().await };
    let input = open.next().await;
    // It would say so for ever, and nothing behind it in the loop would get its turn.
    if matches!(input, Input::Ended(_)) {
        *socket = None;
    }
    input
}

async fn eased(load: Option<Arc<Load>>) {
    match load {
        Some(load) => load.eased().await,
        None => std::future::pending().await,
    }
}

async fn wait_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
