//! One WebSocket, open or on its way: a task that reads and writes, and queues on either side of it.

mod address;
mod metered;

pub(crate) use address::Address;
pub(crate) use metered::Load;

use crate::network::dial;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use metered::Metered;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tiebreak_protocol::Limits;
use tiebreak_sync::link::{End, Incoming, Input, Token};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Messages from the server that wait for the client to take them up; the socket waits with them.
const INCOMING_MAX: usize = 16;
/// What the changes in those may unfold to together; one that is larger waits alone.
const INCOMING_KIB_MAX: u32 = 8 * 1024;
/// Messages from this size on are read outside the runtime's threads.
const HEAVY_BYTES: usize = 64 * 1024;
/// Messages to the server that wait to be written. With more the connection is given up: it is not moving.
const OUTGOING_MAX: usize = 4096;
/// Of those, as many as from which no more is taken from documents.
const OUTGOING_FULL: usize = OUTGOING_MAX / 2;
/// Bytes of those from which no more is taken from documents.
const OUTGOING_BYTES_FULL: usize = 16 * 1024 * 1024;

/// How long a goodbye may take.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);

type Stream = WebSocketStream<MaybeTlsStream<Metered>>;

/// A WebSocket, or the try to open one. Dropping it ends it at once.
#[derive(Debug)]
pub(crate) struct Socket {
    outgoing: mpsc::Sender<Message>,
    incoming: mpsc::Receiver<Arrival>,
    load: Arc<Load>,
    /// `None` once it was told.
    task: Option<AbortHandle>,
}

/// Something from a socket, with its share of the space for what waits.
#[derive(Debug)]
struct Arrival {
    input: Input,
    _space: Option<OwnedSemaphorePermit>,
}

/// The connection does not take what it is given.
#[derive(Debug)]
pub(crate) struct Stuck;

impl Socket {
    /// Begins to open one.
    pub(crate) fn open(address: &Address, token: Option<Token>, tasks: &TaskTracker) -> Self {
        let (outgoing, to_write) = mpsc::channel(OUTGOING_MAX);
        let (read, incoming) = mpsc::channel(INCOMING_MAX);
        let load = Arc::new(Load::default());
        let leave = leave(load.leaving.clone());
        let work = run(address.clone(), token, to_write, read, Arc::clone(&load));
        let task = tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = leave => {}
            }
        });
        Self { outgoing, incoming, load, task: Some(task.abort_handle()) }
    }

    /// What happens next.
    pub(crate) async fn next(&mut self) -> Input {
        let ended = || Input::Ended(End::Broken { reason: "the connection's task has ended".to_owned() });
        self.incoming.recv().await.map_or_else(ended, |arrival| arrival.input)
    }

    pub(crate) fn send(&self, bytes: Bytes) -> Result<(), Stuck> {
        self.push(Message::Binary(bytes))
    }

    pub(crate) fn ping(&self) -> Result<(), Stuck> {
        self.push(Message::Ping(Bytes::new()))
    }

    /// Says goodbye behind what waits to be written; the task goes on for a moment to do so.
    pub(crate) fn close(mut self) {
        let reason = Utf8Bytes::from_static("");
        if self.push(Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason }))).is_ok() {
            self.load.leaving.cancel();
            self.task = None;
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.outgoing.max_capacity() - self.outgoing.capacity() >= OUTGOING_FULL
            || self.load.bytes.load(Ordering::Relaxed) >= OUTGOING_BYTES_FULL
    }

    pub(crate) fn load(&self) -> Arc<Load> {
        Arc::clone(&self.load)
    }

    fn push(&self, message: Message) -> Result<(), Stuck> {
        self.load.bytes.fetch_add(message.len(), Ordering::Relaxed);
        match self.outgoing.try_send(message) {
            // How it ended is among what it brought, and still to be heard.
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Stuck),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn run(
    address: Address,
    token: Option<Token>,
    to_write: mpsc::Receiver<Message>,
    read: mpsc::Sender<Arrival>,
    load: Arc<Load>,
) {
    let reader = Reader {
        limits: Arc::clone(address.limits()),
        read,
        space: Arc::new(Semaphore::new(INCOMING_KIB_MAX as usize)),
    };
    // Nobody needs a connection that is not there yet to be said goodbye.
    let connected = load.leaving.run_until_cancelled(connect(&address, token.as_ref(), &load)).await;
    let Some(connected) = connected else { return };
    let end = match connected {
        Ok(stream) => {
            let (sink, stream) = stream.split();
            // Nobody listens any more: then nobody wants a connection.
            if reader.pass_on(Input::Opened).await.is_err() {
                return;
            }
            tokio::select! {
                end = reader.read_all(stream) => end,
                end = write_all(sink, to_write, &load) => end,
            }
        }
        Err(end) => end,
    };
    // Who has let go of the socket does not want to know how it ended.
    reader.pass_on(Input::Ended(end)).await.ok();
}

/// Ends a goodbye that takes too long.
async fn leave(leaving: CancellationToken) {
    leaving.cancelled().await;
    tokio::time::sleep(CLOSE_TIME_MAX).await;
}

async fn connect(address: &Address, token: Option<&Token>, load: &Arc<Load>) -> Result<Stream, End> {
    let request = address.request(token).map_err(|reason| End::Broken { reason })?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(address.limits().message_bytes_max))
        .max_frame_size(Some(address.limits().message_bytes_max));
    let connector = Some(address.connector.clone());
    let broken = |error: std::io::Error| End::Broken { reason: error.to_string() };
    let stream = dial(&address.host, address.port).await.map_err(broken)?;
    stream.set_nodelay(true).map_err(broken)?;
    let stream = Metered { stream, load: Arc::clone(load) };
    let connected = Box::pin(client_async_tls_with_config(request, stream, Some(config), connector)).await;
    connected.map(|(stream, _response)| stream).map_err(|error| ended(&error))
}

/// Reads messages, one after the other, and passes them on.
struct Reader {
    limits: Arc<Limits>,
    read: mpsc::Sender<Arrival>,
    space: Arc<Semaphore>,
}

/// Nobody listens any more.
struct LetGo;

impl Reader {
    async fn read_all(&self, mut stream: SplitStream<Stream>) -> End {
        loop {
            let input = match stream.next().await {
                Some(Ok(Message::Binary(bytes))) => Input::Message(self.read(bytes).await),
                Some(Ok(Message::Close(frame))) => return closed(frame),
                Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                    Input::Heard
                }
                Some(Err(error)) => return ended(&error),
                None => return closed(None),
            };
            if self.pass_on(input).await.is_err() {
                // Whoever let go of the socket gave it a goodbye to write.
                while !matches!(stream.next().await, Some(Ok(Message::Close(_)) | Err(_)) | None) {}
                return closed(None);
            }
        }
    }

    /// Unfolds a message and checks what is in it; of a large one, outside the runtime's threads.
    async fn read(&self, bytes: Bytes) -> Incoming {
        if bytes.len() <= HEAVY_BYTES {
            return Incoming::read(&bytes, &self.limits);
        }
        let limits = Arc::clone(&self.limits);
        let read = tokio::task::spawn_blocking(move || Incoming::read(&bytes, &limits)).await;
        // What panics is not of this protocol, and neither is anything once the runtime has ended.
        read.unwrap_or_else(|_| Incoming::unreadable())
    }

    /// Waits until there is space for it among what waits to be taken up.
    async fn pass_on(&self, input: Input) -> Result<(), LetGo> {
        let weight = if let Input::Message(message) = &input { message.weight() } else { 0 };
        let kib = u32::try_from(weight / 1024).unwrap_or(u32::MAX).min(INCOMING_KIB_MAX);
        let space = match kib {
            0 => None,
            kib => Arc::clone(&self.space).acquire_many_owned(kib).await.ok(),
        };
        self.read.send(Arrival { input, _space: space }).await.map_err(|_| LetGo)
    }
}

/// Writes what there is, in as few pieces as that goes.
async fn write_all(
    mut sink: SplitSink<Stream, Message>,
    mut to_write: mpsc::Receiver<Message>,
    load: &Load,
) -> End {
    while let Some(message) = to_write.recv().await {
        let bytes = message.len();
        let mut written = sink.feed(message).await;
        if to_write.is_empty() && written.is_ok() {
            written = sink.flush().await;
        }
        load.bytes.fetch_sub(bytes, Ordering::Relaxed);
        load.eased.notify_one();
        if let Err(error) = written {
            return ended(&error);
        }
    }
    // The goodbye is written; the server's answer ends the reading.
    std::future::pending().await
}

fn closed(frame: Option<CloseFrame>) -> End {
    match frame {
        Some(frame) => End::Closed { code: frame.code.into(), reason: frame.reason.to_string() },
        None => End::Broken { reason: "the connection was closed without a word".to_owned() },
    }
}

fn ended(error: &Error) -> End {
    match error {
        Error::Http(response) => End::Refused { status: response.status().as_u16() },
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Tls(_)
        | Error::Capacity(_)
        | Error::Protocol(_)
        | Error::WriteBufferFull(_)
        | Error::Utf8(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::HttpFormat(_) => End::Broken { reason: error.to_string() },
    }
}
