//! The bounded way from rooms to one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tiebreak_protocol::DocumentId;
use tiebreak_sync::room::Notice;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;

/// One notice on its way to a connection.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) document: DocumentId,
    pub(crate) notice: Notice,
}

/// The rooms' end. A full outbox ends the connection: a peer that reconnects catches up, a message
/// that silently went missing would never be noticed.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    messages: mpsc::Sender<Outgoing>,
    bytes: Arc<AtomicUsize>,
    bytes_max: usize,
    overflow: CancellationToken,
}

/// The connection's end.
#[derive(Debug)]
pub(crate) struct OutboxReader {
    messages: mpsc::Receiver<Outgoing>,
    bytes: Arc<AtomicUsize>,
    overflow: CancellationToken,
}

/// Makes both ends.
pub(crate) fn outbox(messages_max: usize, bytes_max: usize) -> (Outbox, OutboxReader) {
    let (sender, receiver) = mpsc::channel(messages_max);
    let (bytes, overflow) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let outbox =
        Outbox { messages: sender, bytes: Arc::clone(&bytes), bytes_max, overflow: overflow.clone() };
    (outbox, OutboxReader { messages: receiver, bytes, overflow })
}

/// The connection is gone, or has just been given up for not reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

impl Outbox {
    pub(crate) fn push(&self, document: DocumentId, notice: Notice) -> Result<(), Gone> {
        let size = size(&notice);
        // One message may be larger than the whole budget: a document is sent in one piece.
        let before = self.bytes.fetch_add(size, Ordering::Relaxed);
        if before > 0 && before + size > self.bytes_max {
            self.overflow.cancel();
            return Err(Gone);
        }
        self.messages.try_send(Outgoing { document, notice }).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.overflow.cancel();
                Gone
            }
            TrySendError::Closed(_) => Gone,
        })
    }
}

impl OutboxReader {
    /// Waits for notices and takes up to `max` of them.
    pub(crate) async fn take(&mut self, into: &mut Vec<Outgoing>, max: usize) {
        self.messages.recv_many(into, max).await;
        let taken = into.iter().map(|outgoing| size(&outgoing.notice)).sum();
        self.bytes.fetch_sub(taken, Ordering::Relaxed);
    }

    /// Cancelled when a room found the outbox full.
    pub(crate) fn overflow(&self) -> CancellationToken {
        self.overflow.clone()
    }
}

fn size(notice: &Notice) -> usize {
    match notice {
        Notice::Sync(data) => data.len(),
        Notice::Ephemeral(ephemeral) => ephemeral.data.len(),
        Notice::Unavailable
        | Notice::RemoteHeads(_)
        | Notice::Durable(_)
        | Notice::Refused { .. }
        | Notice::Close(_) => 0,
    }
}
