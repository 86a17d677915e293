//! One WebSocket, open or on its way: a task that reads and writes, and queues on either side of it.

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tiebreak_sync::link::{End, Input, Token};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, UrlError};
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, protocol::CloseFrame};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use tokio_util::task::TaskTracker;

/// Messages from the server that wait for the client to take them up; the socket waits with them.
const INCOMING_MAX: usize = 16;
/// Messages to the server that wait to be written. With more the connection is given up: it is not moving.
const OUTGOING_MAX: usize = 4096;
/// Bytes of those from which no more is taken from documents.
const OUTGOING_BYTES_FULL: usize = 16 * 1024 * 1024;

/// How long a goodbye may take.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where to, and how to know that it is the right one.
#[derive(Clone)]
pub(crate) struct Address {
    url: String,
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
        let secure = match request.uri().scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            Some(_) | None => {
                return Err(InvalidAddress::Url(UrlError::UnsupportedUrlScheme.to_string()));
            }
        };
        let connector = if secure { tls(roots)? } else { Connector::Plain };
        Ok(Self { url: url.to_owned(), connector, message_bytes_max })
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
    /// `None` once the task has been told to say goodbye and end by itself.
    task: Option<AbortHandle>,
}

/// Bytes that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Load {
    bytes: AtomicUsize,
    eased: Notify,
}

impl Load {
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
        let task = tasks.spawn(run(address.clone(), token, to_write, read, Arc::clone(&load)));
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
            self.task = None;
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.load.bytes.load(Ordering::Relaxed) >= OUTGOING_BYTES_FULL
    }

    pub(crate) fn load(&self) -> Arc<Load> {
        Arc::clone(&self.load)
    }

    fn push(&self, message: Message) -> Result<(), Stuck> {
        self.load.bytes.fetch_add(message.len(), Ordering::Relaxed);
        self.outgoing.try_send(message).map_err(|_full_or_ended| Stuck)
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
    let end = match connect(&address, token.as_ref()).await {
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

async fn connect(address: &Address, token: Option<&Token>) -> Result<Stream, End> {
    let request = address.request(token).map_err(|reason| End::Broken { reason })?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(address.message_bytes_max))
        .max_frame_size(Some(address.message_bytes_max));
    let connector = Some(address.connector.clone());
    let connected = Box::pin(connect_async_tls_with_config(request, Some(config), true, connector)).await;
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
    tokio::time::sleep(CLOSE_TIME_MAX).await;
    closed(None)
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
