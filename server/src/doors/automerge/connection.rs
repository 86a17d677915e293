//! One connection, owned by one task.

use super::Door;
use crate::access::{self, Principal, Registration, Word};
use crate::http::Remote;
use crate::metrics;
use crate::outbox::{Outbox, OutboxReader, Outgoing, outbox};
use crate::rooms::{ENTRIES_MAX, Inbox, Message as RoomMessage};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tiebreak_protocol::{DocumentId, Refusal, Secret};
use tiebreak_sync::access::{Admission, Identity};
use tiebreak_sync::session::{Effect, Input};
use tiebreak_sync::{Moment, Session, SessionId, room};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// Notices written behind one another before the socket is flushed.
const NOTICES_PER_FLUSH: usize = 256;
/// Messages read behind one another before what they caused is flushed.
const MESSAGES_PER_FLUSH: usize = 256;
/// Messages from this size on are read on a thread of their own right.
const HEAVY_MESSAGE_BYTES: usize = 64 * 1024;
/// How many times the largest greeting is read of who has not joined: who is a little above it is told so.
const GREETINGS_READ_MAX: u64 = 4;
/// A peer that takes nothing for this long is given up.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a connection that is busy writing may leave unheard that it has lost a right.
const WORD_TIME_MAX: Duration = Duration::from_secs(2);
/// How long the closing handshake may take.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);

/// Why a connection ends.
enum End {
    /// The peer closed it, or it broke.
    Gone,
    /// The session decided so, and has counted it.
    Closed(Refusal),
    /// The connection itself is at an end.
    Refused(Refusal),
}

/// Who comes in.
pub(super) struct Comer {
    pub(super) principal: Principal,
    /// Its place among those of whom nobody is known, and how much is read of it so long. `None`: from this process.
    pub(super) remote: Option<Remote>,
    /// Its place among the connections.
    pub(super) place: OwnedSemaphorePermit,
}

pub(super) struct Connection {
    door: Door,
    /// Whose it is, once that is known.
    principal: Principal,
    registration: Option<Registration>,
    session: Session,
    id: SessionId,
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
    outbox: Outbox,
    inbox: OutboxReader,
    overflow: CancellationToken,
    rooms: BTreeMap<DocumentId, Inbox>,
    paused_until: Option<Instant>,
    heard_at: Instant,
    pinged: bool,
    /// What the log has been told of.
    refused: BTreeSet<&'static str>,
    /// Until it has joined: then it is no stranger, and its messages have a budget of their own.
    stranger: Option<Remote>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    pub(super) fn new(door: Door, comer: Comer, socket: WebSocket) -> Self {
        let Comer { principal, remote, place } = comer;
        if let Some(remote) = &remote {
            let greeting_bytes_max = door.limits.handshake_bytes_max as u64;
            remote.reading.limit(greeting_bytes_max.saturating_mul(GREETINGS_READ_MAX));
        }
        let id = SessionId(door.next_session.fetch_add(1, Ordering::Relaxed));
        let limits = Arc::clone(&door.limits);
        let now = door.clock.now();
        let (admission, registration) = admission(&door, &principal, id, now);
        let session = Session::new(id, Arc::clone(&door.identity), Arc::clone(&limits), admission, now);
        let (sink, stream) = socket.split();
        let (outbox, inbox) = outbox(&limits);
        let overflow = inbox.overflow();
        Self {
            door,
            principal,
            registration,
            session,
            id,
            sink,
            stream,
            outbox,
            inbox,
            overflow,
            rooms: BTreeMap::new(),
            paused_until: None,
            heard_at: Instant::now(),
            pinged: false,
            refused: BTreeSet::new(),
            stranger: remote,
            _place: place,
        }
    }

    pub(super) async fn run(mut self: Box<Self>) {
        metrics::connected();
        let end = match self.is_still_in().await {
            Ok(()) => self.converse().await,
            Err(refusal) => End::Refused(refusal),
        };
        for inbox in std::mem::take(&mut self.rooms).into_values() {
            let (session, outbox, input) = (self.id, self.outbox.clone(), room::Input::Left(self.id));
            // A room that has gone has nobody in it who could leave.
            inbox.send(RoomMessage::FromSession { session, outbox, input }).await.ok();
        }
        if let End::Refused(refusal) = end {
            metrics::refused(refusal);
        }
        if let End::Refused(refusal) | End::Closed(refusal) = end {
            debug!(session = self.id.0, code = refusal.code(), "connection closed");
            let reason = Utf8Bytes::from_static(refusal.code());
            let close = Message::Close(Some(CloseFrame { code: refusal.close_code(), reason }));
            // The peer may be gone already; then there is nobody to tell.
            timeout(CLOSE_TIME_MAX, self.say_goodbye(close)).await.ok();
        }
        metrics::disconnected();
    }

    /// Closes, and reads on until the peer has closed too: a socket dropped with unread messages in it would
    /// take the close frame back from the wire.
    async fn say_goodbye(&mut self, close: Message) -> Result<(), axum::Error> {
        self.sink.send(close).await?;
        while let Some(Ok(message)) = self.stream.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
        Ok(())
    }

    async fn converse(&mut self) -> End {
        let mut outgoing = Vec::new();
        loop {
            let wake = self.wake_at();
            let reads = self.paused_until.is_none();
            let step = tokio::select! {
                biased;
                () = self.overflow.cancelled() => Err(End::Refused(Refusal::TooSlow)),
                () = self.door.closing.cancelled() => Err(End::Refused(Refusal::ShuttingDown)),
                word = heard(&mut self.registration) => self.hear(word).await,
                () = self.inbox.take(&mut outgoing, NOTICES_PER_FLUSH) => self.pass_on(&mut outgoing).await,
                message = self.stream.next(), if reads => self.receive(message).await,
                () = sleep_until(wake) => self.wake().await,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// The next time something is due: the handshake's end, a pause's end, a ping, or giving the peer up.
    fn wake_at(&self) -> Instant {
        let silence = self.door.limits.silence_time;
        let ping_or_give_up = self.heard_at + if self.pinged { silence } else { silence / 2 };
        let handshake = self.session.deadline().map(|elapsed| self.door.clock.instant(elapsed));
        handshake
            .into_iter()
            .chain(self.paused_until)
            .chain([ping_or_give_up])
            .min()
            .unwrap_or(ping_or_give_up)
    }

    async fn wake(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
        }
        let silence = self.door.limits.silence_time;
        if self.heard_at + silence <= now {
            metrics::silent();
            return Err(End::Gone);
        }
        if !self.pinged && self.heard_at + silence / 2 <= now {
            self.pinged = true;
            self.write(|sink| sink.send(Message::Ping(Bytes::new())).boxed()).await?;
        }
        let effects = self.session.handle(self.door.clock.now(), Input::DeadlinePassed);
        self.perform(effects).await
    }

    async fn pass_on(&mut self, outgoing: &mut Vec<Outgoing>) -> Result<(), End> {
        for Outgoing { document, notice } in outgoing.drain(..) {
            // What is told from here on is told by the rights of now.
            while let Some(word) = self.registration.as_mut().and_then(Registration::heard_already) {
                self.hear(word).await?;
            }
            let effects = self.session.handle(self.door.clock.now(), Input::FromRoom { document, notice });
            self.perform_unflushed(effects).await?;
        }
        self.flush().await
    }

    async fn receive(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let mut next = message;
        // Whatever has arrived is taken at once, so that replies to it share a flush.
        for taken in 1.. {
            let input = match next {
                // What is in memory already can be served; what would unfold in it can wait.
                Some(Ok(Message::Binary(bytes)))
                    if bytes.len() > HEAVY_MESSAGE_BYTES && self.door.memory.is_full() =>
                {
                    return Err(End::Refused(Refusal::Busy));
                }
                Some(Ok(Message::Binary(bytes))) => Some(Input::Binary(bytes)),
                Some(Ok(Message::Text(_))) => Some(Input::Text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
                Some(Err(error)) if is_too_large(&error) => {
                    return Err(End::Refused(Refusal::MessageTooLarge));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
            };
            (self.heard_at, self.pinged) = (Instant::now(), false);
            if let Some(input) = input {
                let effects = self.handle(input);
                self.perform_unflushed(effects).await?;
                if self.session.is_live()
                    && let Some(remote) = self.stranger.take()
                {
                    remote.reading.lift();
                }
            }
            // Nothing may be taken from the stream after this, or it would be lost.
            let is_word_waiting = self.registration.as_mut().is_some_and(Registration::has_word);
            if self.paused_until.is_some() || is_word_waiting || taken >= MESSAGES_PER_FLUSH {
                break;
            }
            match self.stream.next().now_or_never() {
                Some(message) => next = message,
                None => break,
            }
        }
        self.flush().await
    }

    fn handle(&mut self, input: Input) -> Vec<Effect> {
        let now = self.door.clock.now();
        let heavy = matches!(&input, Input::Binary(bytes) if bytes.len() > HEAVY_MESSAGE_BYTES);
        metrics::messages(1, 0);
        if heavy {
            tokio::task::block_in_place(|| self.session.handle(now, input))
        } else {
            self.session.handle(now, input)
        }
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<(), End> {
        self.perform_unflushed(effects).await?;
        self.flush().await
    }

    async fn perform_unflushed(&mut self, effects: Vec<Effect>) -> Result<(), End> {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Authenticate(token) => {
                    let answer = self.authenticate(&token).await;
                    self.go_on(&mut effects, Input::Authenticated(answer));
                }
                Effect::Authorize(document) => {
                    let input = self.authorize(document).await?;
                    self.go_on(&mut effects, input);
                }
                Effect::Send(bytes) => {
                    metrics::messages(0, 1);
                    self.write(|sink| sink.feed(Message::Binary(bytes)).boxed()).await?;
                }
                Effect::ToRoom { document, input } => self.deliver(document, input).await?,
                Effect::Pause(wait) => {
                    metrics::paused();
                    self.paused_until = Some(Instant::now() + wait);
                }
                Effect::Refused(refusal) => {
                    metrics::refused(refusal);
                    if self.refused.insert(refusal.code()) {
                        info!(
                            session = self.id.0,
                            code = refusal.code(),
                            "refused something of a peer: {refusal}"
                        );
                    }
                }
                Effect::Close(refusal) => {
                    self.flush().await?;
                    return Err(End::Closed(refusal));
                }
                Effect::Hangup => return Err(End::Gone),
            }
        }
        Ok(())
    }

    /// What an answer leads to comes before what else there was to do.
    fn go_on(&mut self, effects: &mut VecDeque<Effect>, answer: Input) {
        for effect in self.session.handle(self.door.clock.now(), answer).into_iter().rev() {
            effects.push_front(effect);
        }
    }

    async fn authenticate(&mut self, token: &Secret) -> Result<Identity, Refusal> {
        let caller = self.door.access.identify(token).await?;
        if let Some(before) = self.principal.caller()
            && before.scope != caller.scope
        {
            // What the other credential has opened would stay open.
            return Err(Refusal::Unauthorized);
        }
        let (live, now) = (self.door.access.live(), self.door.clock.now());
        if self.registration.is_none() {
            self.registration = Some(live.register(caller.account, caller.device, self.id));
        }
        let identity = caller.identity(now);
        self.principal = Principal::Account(caller);
        self.is_still_in().await?;
        Ok(identity)
    }

    /// Whether who came in while its credential was being looked at has not lost it meanwhile: what is taken away from
    /// its registration on, it hears of.
    async fn is_still_in(&self) -> Result<(), Refusal> {
        match self.principal.caller() {
            Some(caller) => self.door.access.check_again(caller).await,
            None => Ok(()),
        }
    }

    /// What the connection may do with a document, as of now.
    async fn authorize(&self, document: DocumentId) -> Result<Input, End> {
        let standing = self.door.access.standing(&self.principal, document).await.map_err(End::Refused)?;
        Ok(Input::Authorized { document, access: access::access(&self.principal, &standing) })
    }

    async fn hear(&mut self, word: Word) -> Result<(), End> {
        let input = match word {
            Word::Ask(document) if !self.session.has_named(document) => return Ok(()),
            Word::Ask(document) => self.authorize(document).await?,
            Word::SignedOut => Input::SignedOut,
        };
        let effects = self.session.handle(self.door.clock.now(), input);
        self.perform(effects).await
    }

    /// Hands input to a room. A full room makes the connection wait, and with it the peer.
    async fn deliver(&mut self, document: DocumentId, input: room::Input) -> Result<(), End> {
        let leaves = matches!(input, room::Input::Left(_));
        let mut message = RoomMessage::FromSession { session: self.id, outbox: self.outbox.clone(), input };
        for _ in 0..ENTRIES_MAX {
            let inbox = match self.rooms.entry(document) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.door.rooms.enter(document).map_err(End::Refused)?),
            };
            let sent = tokio::select! {
                sent = inbox.send(message) => sent,
                () = self.door.closing.cancelled() => return Err(End::Refused(Refusal::ShuttingDown)),
            };
            match sent {
                Ok(()) => {
                    if leaves {
                        self.rooms.remove(&document);
                    }
                    return Ok(());
                }
                Err(unsent) => {
                    // The room was done and has gone; a new one takes its place.
                    message = unsent;
                    self.rooms.remove(&document);
                }
            }
        }
        Err(End::Refused(Refusal::Busy))
    }

    async fn flush(&mut self) -> Result<(), End> {
        self.write(|sink| sink.flush().boxed()).await
    }

    async fn write<'a>(
        &'a mut self,
        write: impl FnOnce(
            &'a mut SplitSink<WebSocket, Message>,
        ) -> futures_util::future::BoxFuture<'a, Result<(), axum::Error>>,
    ) -> Result<(), End> {
        let (overflow, closing) = (self.overflow.clone(), self.door.closing.clone());
        tokio::select! {
            biased;
            written = timeout(WRITE_TIME_MAX, write(&mut self.sink)) => match written {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(End::Gone),
                Err(_) => Err(End::Refused(Refusal::TooSlow)),
            },
            () = overflow.cancelled() => Err(End::Refused(Refusal::TooSlow)),
            () = unheard(&mut self.registration) => Err(End::Refused(Refusal::TooSlow)),
            () = closing.cancelled() => Err(End::Refused(Refusal::ShuttingDown)),
        }
    }
}

/// How a connection is let in, and its place among those of its account. The place comes first: what is taken
/// away from now on is heard of.
fn admission(
    door: &Door,
    principal: &Principal,
    id: SessionId,
    now: Moment,
) -> (Admission, Option<Registration>) {
    match principal {
        Principal::Open | Principal::Operator => (Admission::Open, None),
        Principal::Anonymous => (Admission::Wanted, None),
        Principal::Account(caller) => {
            let registration = door.access.live().register(caller.account, caller.device, id);
            (Admission::Known(caller.identity(now)), Some(registration))
        }
    }
}

/// Resolves when a word has waited for too long: who takes what it is told slowly keeps no right by it.
async fn unheard(registration: &mut Option<Registration>) {
    match registration {
        Some(registration) => {
            registration.word().await;
            sleep(WORD_TIME_MAX).await;
        }
        None => std::future::pending().await,
    }
}

async fn heard(registration: &mut Option<Registration>) -> Word {
    match registration {
        Some(registration) => registration.heard().await,
        None => std::future::pending().await,
    }
}

/// The library wraps the cause; it has no variant of its own for it.
fn is_too_large(error: &axum::Error) -> bool {
    let text = error.to_string();
    text.contains("too long") || text.contains("too big")
}
