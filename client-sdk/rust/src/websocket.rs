//! One WebSocket, open or on its way: a task that reads and writes, and queues on either side of it.

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tiebreak_sync::link::{End, Input, Token};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, UrlError};
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, protocol::CloseFrame};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Messages from the server that wait for the client to take them up; the socket waits with them.
const INCOMING_MAX: usize = 16;
/// Messages to the server that wait to be written. With more the connection is given up: it is not moving.
const OUTGOING_MAX: usize = 4096;
/// Of those, as many as from which no more is taken from documents.
const OUTGOING_FULL: usize = OUTGOING_MAX / 2;
/// Bytes of those from which no more is taken from documents.
const OUTGOING_BYTES_FULL: usize = 16 * 1024 * 1024;

/// So much must wait for what is written to count as movement.
const BACKLOG_BYTES: usize = 64 * 1024;
/// How long a goodbye may take.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);

type Stream = WebSocketStream<MaybeTlsStream<Metered>>;

/// A TCP stream that notes how much it moves.
#[derive(Debug)]
struct Metered {
    stream: TcpStream,
    load: Arc<Load>,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.load.moved.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        // The system takes some megabytes for a connection that is dead. That it takes more, with much still to go,
        // shows that those before have arrived.
        if let Poll::Ready(Ok(written)) = written
            && self.load.bytes.load(Ordering::Relaxed) >= BACKLOG_BYTES
        {
            self.load.moved.fetch_add(written as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Where to, and how to know that it is the right one.
#[derive(Clone)]
pub(crate) struct Address {
    url: String,
    host: String,
    port: u16,
    connector: Connector,
    message_bytes_max: usize,
}

/// An address that no connection can be made to.
#[derive(Debug)]
pub(crate) enum InvalidAddress {
    Url(String),
    Certificate(String),
}

impl Address {
    /// Parses an address and the certificates (DER) that are trusted besides the web's.
    pub(crate) fn new(
        url: &str,
        roots: &[Vec<u8>],
        message_bytes_max: usize,
    ) -> Result<Self, InvalidAddress> {
        let request = url.into_client_request().map_err(|error| InvalidAddress::Url(error.to_string()))?;
        let uri = request.uri();
        let (connector, usual_port) = match uri.scheme_str() {
            Some("ws") => (Connector::Plain, 80),
            Some("wss") => (tls(roots)?, 443),
            Some(_) | None => {
                return Err(InvalidAddress::Url(UrlError::UnsupportedUrlScheme.to_string()));
            }
        };
        let Some(host) = uri.host() else {
            return Err(InvalidAddress::Url(UrlError::NoHostName.to_string()));
        };
        // An IPv6 address stands in brackets in an address, and nowhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(usual_port);
        Ok(Self { url: url.to_owned(), host, port, connector, message_bytes_max })
    }

    /// Whether what is sent there can be read on the way.
    pub(crate) fn is_exposed(&self) -> bool {
        let is_here = self.host == "localhost"
            || self.host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        matches!(self.connector, Connector::Plain) && !is_here
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn request(&self, token: Option<&Token>) -> Result<Request, String> {
        let mut request = self.url.as_str().into_client_request().map_err(|error| error.to_string())?;
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
                .map_err(|_| "the token has characters that no header can carry".to_owned())?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("url", &self.url).finish_non_exhaustive()
    }
}

fn tls(roots: &[Vec<u8>]) -> Result<Connector, InvalidAddress> {
    let unreadable = |error: rustls::Error| InvalidAddress::Certificate(error.to_string());
    let mut trusted = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in roots {
        trusted.add(CertificateDer::from(root.clone())).map_err(unreadable)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unreadable)?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}

/// A WebSocket, or the try to open one. Dropping it ends it at once.
#[derive(Debug)]
pub(crate) struct Socket {
    outgoing: mpsc::Sender<Message>,
    incoming: mpsc::Receiver<Input>,
    load: Arc<Load>,
    /// `None` once it was told.
    task: Option<AbortHandle>,
}

/// What the hub and the task of a socket know of one another.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Bytes that wait to be written.
    bytes: AtomicUsize,
    eased: Notify,
    /// Bytes that have come in, or gone out while more waited: what shows that a connection moves, however slowly.
    moved: AtomicU64,
    /// The task is to say goodbye and end.
    leaving: CancellationToken,
}

impl Load {
    /// A number that changes as long as the connection moves.
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Waits until something was written.
    pub(crate) async fn eased(&self) {
        self.eased.notified().await;
    }
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
        self.incoming.recv().await.unwrap_or_else(|| {
            Input::Ended(End::Broken { reason: "the connection's task has ended".to_owned() })
        })
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
    read: mpsc::Sender<Input>,
    load: Arc<Load>,
) {
    // Nobody needs a connection that is not there yet to be said goodbye.
    let connected = load.leaving.run_until_cancelled(connect(&address, token.as_ref(), &load)).await;
    let Some(connected) = connected else { return };
    let end = match connected {
        Ok(stream) => {
            let (sink, stream) = stream.split();
            // Nobody listens any more: then nobody wants a connection.
            if read.send(Input::Opened).await.is_err() {
                return;
            }
            tokio::select! {
                end = read_all(stream, &read) => end,
                end = write_all(sink, to_write, &load) => end,
            }
        }
        Err(end) => end,
    };
    // Who has let go of the socket does not want to know how it ended.
    read.send(Input::Ended(end)).await.ok();
}

/// Ends a goodbye that takes too long.
async fn leave(leaving: CancellationToken) {
    leaving.cancelled().await;
    tokio::time::sleep(CLOSE_TIME_MAX).await;
}

async fn connect(address: &Address, token: Option<&Token>, load: &Arc<Load>) -> Result<Stream, End> {
    let request = address.request(token).map_err(|reason| End::Broken { reason })?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(address.message_bytes_max))
        .max_frame_size(Some(address.message_bytes_max));
    let connector = Some(address.connector.clone());
    let broken = |error: std::io::Error| End::Broken { reason: error.to_string() };
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(broken)?;
    stream.set_nodelay(true).map_err(broken)?;
    let stream = Metered { stream, load: Arc::clone(load) };
    let connected = Box::pin(client_async_tls_with_config(request, stream, Some(config), connector)).await;
    connected.map(|(stream, _response)| stream).map_err(|error| ended(&error))
}

async fn read_all(mut stream: SplitStream<Stream>, read: &mpsc::Sender<Input>) -> End {
    loop {
        let input = match stream.next().await {
            Some(Ok(Message::Binary(bytes))) => Input::Binary(bytes),
            Some(Ok(Message::Close(frame))) => return closed(frame),
            Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                Input::Heard
            }
            Some(Err(error)) => return ended(&error),
            None => return closed(None),
        };
        if read.send(input).await.is_err() {
            // Whoever let go of the socket gave it a goodbye to write.
            while !matches!(stream.next().await, Some(Ok(Message::Close(_)) | Err(_)) | None) {}
            return closed(None);
        }
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
