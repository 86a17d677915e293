//! One WebSocket to a server on this machine.

use crate::server_process::Endpoint;
use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Whole documents arrive in one message.
const MESSAGE_BYTES_MAX: usize = 1 << 30;

pub(crate) struct SocketOptions {
    /// The loopback address to connect from; many connections need several.
    pub(crate) source: Ipv4Addr,
    pub(crate) read_buffer_bytes: usize,
    /// Says who connects, where the server asks.
    pub(crate) bearer: Option<String>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { source: Ipv4Addr::LOCALHOST, read_buffer_bytes: 128 << 10, bearer: None }
    }
}

/// The settings of every socket here, the broadcast's too.
pub(crate) fn configuration(read_buffer_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(read_buffer_bytes)
        .write_buffer_size(64 << 10)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

/// Opens a WebSocket to a server on this machine; there is no way to name another.
pub(crate) async fn connect(endpoint: &Endpoint, options: &SocketOptions) -> anyhow::Result<Socket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((options.source, 0)))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, endpoint.port));
    let stream = socket.connect(address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{address}{}", endpoint.path).into_client_request()?;
    if let Some(bearer) = &options.bearer {
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {bearer}").parse()?);
    }
    let configuration = Some(configuration(options.read_buffer_bytes));
    let (socket, _response) =
        tokio_tungstenite::client_async_with_config(request, stream, configuration).await?;
    Ok(socket)
}

/// Waits for the next binary message.
pub(crate) async fn next_binary(socket: &mut Socket) -> anyhow::Result<Bytes> {
    loop {
        if let Some(bytes) = binary(socket.next().await)? {
            return Ok(bytes);
        }
    }
}

/// The next binary message, if one has arrived already.
pub(crate) fn try_next_binary(socket: &mut Socket) -> anyhow::Result<Option<Bytes>> {
    while let Some(message) = socket.next().now_or_never() {
        if let Some(bytes) = binary(message)? {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn binary(message: Option<Result<Message, Error>>) -> anyhow::Result<Option<Bytes>> {
    match message.context("the server closed the connection")?? {
        Message::Binary(bytes) => Ok(Some(bytes)),
        Message::Close(frame) => bail!("the server closed the connection: {frame:?}"),
        Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
    }
}

/// Sends everything in `out` with one flush.
pub(crate) async fn send_all(socket: &mut Socket, out: &mut Vec<Bytes>) -> anyhow::Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    for bytes in out.drain(..) {
        socket.feed(Message::Binary(bytes)).await?;
    }
    socket.flush().await?;
    Ok(())
}
