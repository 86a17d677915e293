//! The budget of everything that a peer can make grow. One value, passed down; nothing reads it from elsewhere.

use std::time::Duration;

/// Bounds on what peers may send and hold. [`Limits::default`] is what a small server holds; every
/// field is a command-line flag of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest WebSocket message taken from a peer, bytes. Stock peers put all that a document lacks
    /// here into one message and one frame, so this bounds the largest offline catch-up.
    pub message_bytes_max: usize,
    /// What all changes of one message may inflate to, bytes: they are held together until they are
    /// judged. A message is for one document, so nothing of it is lost to a peer of good will as long as
    /// this is not below `document_bytes_max`; twice that leaves room for changes that are already here.
    pub message_inflated_bytes_max: usize,
    /// Operations in all changes of one message, counted by summing run lengths. Each weighs 32 bytes in
    /// a document, so one of the largest size holds a million; twice that, for the same reason. Walking
    /// them takes a fraction of a second.
    pub message_operations_max: u64,
    /// Largest change, inflated, bytes.
    pub change_bytes_max: usize,
    /// Most operations in one change, counted by summing run lengths.
    pub change_operations_max: u64,
    /// Deepest nesting of objects in a document; the root is 0.
    pub depth_max: usize,
    /// Documents one connection may have open.
    pub documents_per_connection_max: usize,
    /// Changes a connection may send per second in the long run; faster senders are read more slowly.
    pub changes_per_second: u32,
    /// Changes a connection may send at once before `changes_per_second` holds.
    pub changes_burst: u32,
    /// Ephemeral messages per second and connection; surplus ones are dropped (they carry no state).
    pub ephemeral_per_second: u32,
    /// Largest document, bytes that its history takes uncompressed; an operation counts for 32 at least.
    pub document_bytes_max: u64,
    /// Actors that may ever write to one document.
    pub actors_per_document_max: usize,
    /// Changes that stand side by side with nothing after them. The library's merge is quadratic in them.
    pub heads_max: usize,
    /// Changes that wait for their dependencies, per connection and document.
    pub waiting_changes_max: usize,
    /// Bytes of those, counted as those of a document: at least one change of the largest size.
    pub waiting_bytes_max: usize,
    /// How long they wait.
    pub waiting_time: Duration,
    /// The join must arrive within this time, in one message of `handshake_bytes_max`.
    pub handshake_time: Duration,
    pub handshake_bytes_max: usize,
    /// Messages that wait for a slow reader before its connection is closed.
    pub outbox_messages_max: usize,
    /// Bytes of those.
    pub outbox_bytes_max: usize,
    /// Messages from connections that wait for one room.
    pub room_inbox_messages_max: usize,
    /// Bytes that the changes in those unfold to.
    pub room_inbox_bytes_max: usize,
    /// Conflicts of one document that are open and recorded at once. Others are found when some of those are closed.
    pub conflicts_open_max: usize,
    /// Without a message from the peer (WebSocket pongs count) the connection is closed; half of it is the ping interval.
    pub silence_time: Duration,
    /// A snapshot is worth making when this many changes have gathered since the last one.
    pub snapshot_changes_min: usize,
    /// A room without traffic gives its document's memory back after this time.
    pub room_idle_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        Self {
            message_bytes_max: 16 * MIB,
            message_inflated_bytes_max: 64 * MIB,
            message_operations_max: 2_000_000,
            change_bytes_max: MIB,
            change_operations_max: 100_000,
            depth_max: 64,
            documents_per_connection_max: 500,
            changes_per_second: 50,
            changes_burst: 500,
            ephemeral_per_second: 50,
            document_bytes_max: 32 * MIB as u64,
            actors_per_document_max: 10_000,
            heads_max: 1_000,
            waiting_changes_max: 64,
            waiting_bytes_max: 4 * MIB,
            waiting_time: Duration::from_secs(30),
            handshake_time: Duration::from_secs(5),
            handshake_bytes_max: 16 * KIB,
            outbox_messages_max: 1024,
            outbox_bytes_max: 4 * MIB,
            room_inbox_messages_max: 1024,
            conflicts_open_max: 1000,
            room_inbox_bytes_max: 64 * MIB,
            silence_time: Duration::from_secs(60),
            snapshot_changes_min: 1_000,
            room_idle_time: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_limit_lets_in_the_next_has_room_for() {
        let limits = Limits::default();
        // As documents count operations.
        let change = limits.change_operations_max * 32;
        assert!(limits.waiting_bytes_max as u64 >= change.max(limits.change_bytes_max as u64));
        assert!(limits.document_bytes_max >= limits.message_bytes_max as u64);
        assert!(limits.message_inflated_bytes_max as u64 >= limits.document_bytes_max);
        assert!(limits.message_operations_max >= limits.document_bytes_max / 32);
    }
}
