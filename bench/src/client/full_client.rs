//! A real client: it holds an automerge document and speaks through the library's own sync protocol.

use super::{CONNECT_TIME_MAX, SocketOptions, connect, new_peer_id, next_binary, send_all};
use crate::server_process::Endpoint;
use anyhow::bail;
use automerge::sync::{Message, State, SyncDoc};
use automerge::transaction::Transactable;
use automerge::{Automerge, ROOT, ReadDoc};
use bytes::Bytes;
use std::time::{Duration, Instant};
use tiebreak_protocol::{DocumentId, Frame, Join, PeerId, PeerMetadata, StorageId, SyncFrame};
use tokio::time::timeout;

/// A client that is synced waits this long for something that changes the answer.
const QUIET_TIME: Duration = Duration::from_secs(5);

const VISIT_TIME_MAX: Duration = Duration::from_secs(60);

/// What a client got.
pub(crate) struct Fetched {
    pub(crate) document: Automerge,
    /// From before the connection to the last message that brought something.
    pub(crate) elapsed: Duration,
    pub(crate) received_bytes: usize,
    /// The part of `elapsed` that the library used here.
    pub(crate) apply_time: Duration,
}

/// Connects a new client and waits until `is_enough` holds, or until it is synced (or refused) and quiet, or
/// until the limit.
pub(crate) async fn fetch(
    endpoint: &Endpoint,
    options: &SocketOptions,
    id: DocumentId,
    limit: Duration,
    is_enough: impl Fn(&Automerge) -> bool,
) -> anyhow::Result<Fetched> {
    let started = Instant::now();
    let mut socket = timeout(CONNECT_TIME_MAX, connect(endpoint, options)).await??;
    let mut client = FullClient::new(id)?;
    let (mut elapsed, mut received_bytes) = (Duration::ZERO, 0);
    let mut out = vec![client.join()];
    send_all(&mut socket, &mut out).await?;
    loop {
        let left = limit.saturating_sub(started.elapsed());
        let patience = if client.is_settled { left.min(QUIET_TIME) } else { left };
        let Ok(message) = timeout(patience, next_binary(&mut socket)).await else { break };
        let message = message?;
        received_bytes += message.len();
        client.receive(&message, &mut out)?;
        send_all(&mut socket, &mut out).await?;
        elapsed = started.elapsed();
        if client.is_settled && is_enough(&client.document) {
            break;
        }
    }
    Ok(Fetched { document: client.document, elapsed, received_bytes, apply_time: client.apply_time })
}

/// A device that keeps its document and what it knows of the server from one visit to the next.
pub(crate) struct Device {
    document: Automerge,
    /// As stock clients keep it: encoded, with the shared heads alone.
    state: Vec<u8>,
    storage: StorageId,
}

impl Device {
    /// A device with this document that has never met the server.
    pub(crate) fn new(document: Automerge) -> anyhow::Result<Self> {
        let storage = new_peer_id("device")?.as_str().parse()?;
        Ok(Self { document, state: State::new().encode(), storage })
    }

    /// Changes one value while nobody looks.
    pub(crate) fn edit(&mut self, value: i64) -> anyhow::Result<()> {
        let mut transaction = self.document.transaction();
        transaction.put(ROOT, "visits", value)?;
        transaction.commit();
        Ok(())
    }

    /// Connects, syncs until both have the same, and leaves. Answers how long that took.
    pub(crate) async fn visit(&mut self, endpoint: &Endpoint, id: DocumentId) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let mut socket = timeout(CONNECT_TIME_MAX, connect(endpoint, &SocketOptions::default())).await??;
        let mut client = FullClient::new(id)?;
        client.document = std::mem::take(&mut self.document);
        client.state = State::decode(&self.state)?;
        let mut out = vec![client.join_with(Some(self.storage.clone()))];
        while !client.is_equal {
            send_all(&mut socket, &mut out).await?;
            let message = timeout(VISIT_TIME_MAX, next_binary(&mut socket)).await??;
            client.receive(&message, &mut out)?;
        }
        let elapsed = started.elapsed();
        send_all(&mut socket, &mut out).await?;
        socket.close(None).await?;
        self.state = client.state.encode();
        self.document = client.document;
        Ok(elapsed)
    }
}

/// The document of a saved file, and how long the library takes to load it.
pub(crate) fn loaded_document(saved: &[u8]) -> anyhow::Result<(Automerge, Duration)> {
    let started = Instant::now();
    let document = Automerge::load(saved)?;
    Ok((document, started.elapsed()))
}

struct FullClient {
    id: PeerId,
    server: Option<PeerId>,
    document_id: DocumentId,
    document: Automerge,
    state: State,
    /// The server's heads are here, or the server has none.
    is_settled: bool,
    /// The server has just said that it has what is here, and nothing else.
    is_equal: bool,
    apply_time: Duration,
}

impl FullClient {
    fn new(document_id: DocumentId) -> anyhow::Result<Self> {
        Ok(Self {
            id: new_peer_id("full")?,
            server: None,
            document_id,
            document: Automerge::new(),
            state: State::new(),
            is_settled: false,
            is_equal: false,
            apply_time: Duration::ZERO,
        })
    }

    fn join(&self) -> Bytes {
        self.join_with(None)
    }

    fn join_with(&self, storage_id: Option<StorageId>) -> Bytes {
        let is_ephemeral = storage_id.is_none();
        let metadata = PeerMetadata { storage_id, is_ephemeral, ..PeerMetadata::default() };
        Frame::Join(Join::new(self.id.clone(), metadata)).encode()
    }

    fn receive(&mut self, message: &Bytes, out: &mut Vec<Bytes>) -> anyhow::Result<()> {
        match Frame::decode(message)? {
            Frame::Peer(peer) => {
                self.server = Some(peer.sender);
                out.extend(self.next_message().map(|sync| Frame::Request(sync).encode()));
            }
            Frame::Sync(sync) | Frame::Request(sync) if sync.document == self.document_id => {
                let started = Instant::now();
                let message = Message::decode(&sync.data)?;
                let heads = message.heads.clone();
                self.document.receive_sync_message(&mut self.state, message)?;
                let has = |hash| self.document.get_change_by_hash(hash).is_some();
                self.is_settled |= !heads.is_empty() && heads.iter().all(has);
                self.is_equal = heads == self.document.get_heads();
                self.apply_time += started.elapsed();
                out.extend(self.next_message().map(|sync| Frame::Sync(sync).encode()));
            }
            Frame::DocUnavailable { .. } => self.is_settled = true,
            Frame::Error { message, .. } => bail!("the server says: {message}"),
            Frame::Join(_)
            | Frame::Sync(_)
            | Frame::Request(_)
            | Frame::Ephemeral(_)
            | Frame::RemoteSubscriptionChange(_)
            | Frame::RemoteHeadsChanged(_)
            | Frame::Leave { .. }
            | Frame::Extension { .. }
            | Frame::Unknown { .. } => {}
        }
        Ok(())
    }

    fn next_message(&mut self) -> Option<SyncFrame> {
        let started = Instant::now();
        let message = self.document.generate_sync_message(&mut self.state)?;
        self.apply_time += started.elapsed();
        Some(SyncFrame {
            document: self.document_id,
            sender: self.id.clone(),
            target: self.server.clone()?,
            data: message.encode().into(),
        })
    }
}
