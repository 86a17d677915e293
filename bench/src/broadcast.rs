//! The limit: a bare WebSocket broadcast with no CRDT, no storage and no checks. It relays each edit, shared and
//! never copied, to the others of its room; what waits for a connection goes out with one flush.

use crate::client::{LightFrame, SyncScan, configuration};
use anyhow::Context;
use bytes::Bytes;
use futures_util::SinkExt;
use futures_util::stream::{SplitSink, StreamExt};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::rc::Rc;
use tiebreak_protocol::{Frame, Peer, PeerId, PeerMetadata, SyncFrame};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Messages that wait for a slow reader before it is cut off.
const OUTBOX_MESSAGES_MAX: usize = 16_384;
/// Messages that go out with one flush.
const BATCH_MESSAGES_MAX: usize = 256;

type Outbox = mpsc::Sender<Bytes>;
type Room = Rc<RefCell<Vec<(u64, Outbox)>>>;
type Rooms = Rc<RefCell<HashMap<String, Room>>>;

/// Serves until it is killed.
pub(crate) async fn serve(port: u16, read_buffer_bytes: usize) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let rooms = Rooms::default();
    for id in 0.. {
        let (stream, _address) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let rooms = Rc::clone(&rooms);
        tokio::task::spawn_local(async move {
            // A connection that ends, ends; the broadcast keeps nothing that could be wrong afterwards.
            drop(serve_one(stream, id, read_buffer_bytes, &rooms).await);
        });
    }
    Ok(())
}

async fn serve_one(
    stream: TcpStream,
    id: u64,
    read_buffer_bytes: usize,
    rooms: &Rooms,
) -> anyhow::Result<()> {
    let configuration = Some(configuration(read_buffer_bytes));
    let socket = tokio_tungstenite::accept_async_with_config(stream, configuration).await?;
    let (sink, mut messages) = socket.split();
    let (outbox, waiting) = mpsc::channel(OUTBOX_MESSAGES_MAX);
    let writer = tokio::task::spawn_local(write(sink, waiting));
    let mut member = Member { id, outbox, room: None };
    while let Some(Ok(message)) = messages.next().await {
        if let Message::Binary(bytes) = message
            && member.receive(&bytes, rooms).is_err()
        {
            break;
        }
    }
    member.leave();
    writer.abort();
    Ok(())
}

async fn write(mut sink: SplitSink<WebSocketStream<TcpStream>, Message>, mut waiting: mpsc::Receiver<Bytes>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH_MESSAGES_MAX).await > 0 {
        for bytes in batch.drain(..) {
            if sink.feed(Message::Binary(bytes)).await.is_err() {
                return;
            }
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}

/// One connection and the room of its document.
struct Member {
    id: u64,
    outbox: Outbox,
    room: Option<Room>,
}

impl Member {
    fn receive(&mut self, message: &Bytes, rooms: &Rooms) -> anyhow::Result<()> {
        let frame = LightFrame::scan(message)?;
        if frame.kind == "join" {
            let answer =
                Peer { sender: own_id()?, target: frame.sender.parse()?, metadata: PeerMetadata::default() };
            self.outbox.try_send(Frame::Peer(answer).encode())?;
            return Ok(());
        }
        let data = frame.data.context("neither a join nor a sync message")?;
        let Some(room) = &self.room else {
            let echo = SyncFrame {
                document: frame.document.parse()?,
                sender: own_id()?,
                target: frame.sender.parse()?,
                data: Bytes::copy_from_slice(data),
            };
            self.outbox.try_send(Frame::Sync(echo).encode())?;
            let room = Rc::clone(rooms.borrow_mut().entry(frame.document.to_owned()).or_default());
            room.borrow_mut().push((self.id, self.outbox.clone()));
            self.room = Some(room);
            return Ok(());
        };
        // Acknowledgements end here; edits go on.
        if !SyncScan::scan(data)?.chunks.is_empty() {
            room.borrow_mut()
                .retain(|(id, outbox)| *id == self.id || outbox.try_send(message.clone()).is_ok());
        }
        Ok(())
    }

    fn leave(self) {
        if let Some(room) = self.room {
            room.borrow_mut().retain(|(id, _)| *id != self.id);
        }
    }
}

fn own_id() -> anyhow::Result<PeerId> {
    Ok("broadcast".parse()?)
}
