//! The bounded way from rooms to one connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tiebreak_protocol::{DocumentId, Limits};
use tiebreak_sync::room::Notice;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Places that an empty outbox keeps for the next burst.
const PLACES_KEPT: usize = 64;

/// One notice on its way to a connection.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) document: DocumentId,
    pub(crate) notice: Notice,
}

/// The rooms' end. A full outbox ends the connection: a peer that reconnects catches up, a message
/// that silently went missing would never be noticed.
#[derive(Debug, Clone)]
pub(crate) struct Outbox(Arc<Shared>);

/// The connection's end.
#[derive(Debug)]
pub(crate) struct OutboxReader(Arc<Shared>);

/// A queue of its own rather than a channel: most connections are idle most of the time, and a channel
/// keeps room for dozens of messages even so.
#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Notify,
    overflow: CancellationToken,
    messages_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Outgoing>,
    bytes: usize,
    is_closed: bool,
}

/// Makes both ends.
pub(crate) fn outbox(limits: &Limits) -> (Outbox, OutboxReader) {
    let shared = Arc::new(Shared {
        queue: Mutex::default(),
        arrived: Notify::new(),
        overflow: CancellationToken::new(),
        messages_max: limits.outbox_messages_max,
        bytes_max: limits.outbox_bytes_max,
    });
    (Outbox(Arc::clone(&shared)), OutboxReader(shared))
}

/// The connection is gone, or has just been given up for not reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

impl Outbox {
    pub(crate) fn push(&self, document: DocumentId, notice: Notice) -> Result<(), Gone> {
        let size = size(&notice);
        let mut queue = self.0.queue();
        if queue.is_closed {
            return Err(Gone);
        }
        // One message may be larger than the whole budget: a document is sent in one piece.
        let has_space = queue.messages.len() < self.0.messages_max
            && (queue.bytes == 0 || queue.bytes + size <= self.0.bytes_max);
        if !has_space {
            self.0.overflow.cancel();
            return Err(Gone);
        }
        queue.bytes += size;
        queue.messages.push_back(Outgoing { document, notice });
        drop(queue);
        self.0.arrived.notify_one();
        Ok(())
    }
}

impl OutboxReader {
    /// Waits for notices and takes up to `max` of them.
    pub(crate) async fn take(&mut self, into: &mut Vec<Outgoing>, max: usize) {
        loop {
            let arrived = self.0.arrived.notified();
            {
                let mut queue = self.0.queue();
                let count = queue.messages.len().min(max);
                into.extend(queue.messages.drain(..count));
                queue.bytes -= into.iter().map(|outgoing| size(&outgoing.notice)).sum::<usize>();
                if queue.messages.is_empty() {
                    queue.messages.shrink_to(PLACES_KEPT);
                }
            }
            if !into.is_empty() {
                return;
            }
            arrived.await;
        }
    }

    /// Cancelled when a room found the outbox full.
    pub(crate) fn overflow(&self) -> CancellationToken {
        self.0.overflow.clone()
    }
}

impl Drop for OutboxReader {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        *queue = Queue { is_closed: true, ..Queue::default() };
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(notice: &Notice) -> usize {
    match notice {
        Notice::Sync(data) | Notice::Request(data) | Notice::Part { data, .. } => data.len(),
        Notice::Ephemeral(ephemeral) => ephemeral.data.len(),
        Notice::RemoteHeads(heads) => heads.iter().map(|head| 32 * head.heads.len()).sum(),
        Notice::Unavailable
        | Notice::Durable(_)
        | Notice::Refused(_)
        | Notice::Conflict { .. }
        | Notice::Created
        | Notice::Denied
        | Notice::Close(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const DOCUMENT: DocumentId = DocumentId::from_bytes([1; 16]);

    fn message(length: usize) -> Notice {
        Notice::Sync(Bytes::from(vec![0; length]))
    }

    fn limited(outbox_messages_max: usize, outbox_bytes_max: usize) -> (Outbox, OutboxReader) {
        outbox(&Limits { outbox_messages_max, outbox_bytes_max, ..Limits::default() })
    }

    #[test]
    fn the_message_past_the_limit_gives_the_connection_up() {
        let (outbox, reader) = limited(2, 1_000);
        assert_eq!([outbox.push(DOCUMENT, message(1)), outbox.push(DOCUMENT, message(1))], [Ok(()), Ok(())]);
        assert!(!reader.overflow().is_cancelled());
        assert_eq!(outbox.push(DOCUMENT, message(1)), Err(Gone));
        assert!(reader.overflow().is_cancelled());
    }

    #[test]
    fn the_byte_past_the_limit_gives_the_connection_up() {
        let (outbox, reader) = limited(100, 1_000);
        assert_eq!(outbox.push(DOCUMENT, message(600)), Ok(()));
        assert_eq!(outbox.push(DOCUMENT, message(400)), Ok(()));
        assert!(!reader.overflow().is_cancelled());
        assert_eq!(outbox.push(DOCUMENT, message(1)), Err(Gone));
        assert!(reader.overflow().is_cancelled());
    }

    #[tokio::test]
    async fn what_was_taken_makes_space_and_one_message_may_be_larger_than_the_budget() {
        let (outbox, mut reader) = limited(100, 1_000);
        let mut taken = Vec::new();
        for _ in 0..3 {
            assert_eq!(outbox.push(DOCUMENT, message(5_000)), Ok(()));
            reader.take(&mut taken, 10).await;
            assert_eq!(taken.drain(..).count(), 1);
        }
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_and_takes_no_more_than_it_asks_for() {
        let (outbox, mut reader) = limited(100, 1_000);
        let waiting = tokio::spawn(async move {
            let mut taken = Vec::new();
            reader.take(&mut taken, 2).await;
            let first = taken.drain(..).count();
            reader.take(&mut taken, 2).await;
            (first, taken.len())
        });
        tokio::task::yield_now().await;
        for _ in 0..3 {
            outbox.push(DOCUMENT, message(1)).unwrap();
        }
        let (first, second) = waiting.await.unwrap();
        assert_eq!((first, second), (2, 1));
    }

    #[test]
    fn nothing_is_kept_for_a_connection_that_has_gone() {
        let (outbox, reader) = limited(100, 1_000);
        drop(reader);
        assert_eq!(outbox.push(DOCUMENT, message(1)), Err(Gone));
    }
}
