//! Budgets that peers and callers are held to.

use super::Seconds;
use clap::Args;
use std::time::Duration;
use tiebreak_protocol::Limits;
use tokio::sync::Semaphore;

macro_rules! limit_args {
    ($($(#[$doc:meta])* $field:ident: $kind:ty = $default:expr, $env:literal, $set:expr;)+) => {
        /// Budgets that peers are held to.
        #[derive(Debug, Clone, Args)]
        #[command(next_help_heading = "Limits")]
        pub struct LimitArgs {
            $($(#[$doc])* #[arg(long, env = $env, default_value_t = $default)] pub $field: $kind,)+
        }

        impl LimitArgs {
            /// The limits in force.
            pub fn limits(&self) -> Limits {
                let mut limits = Limits::default();
                $({ let set: fn(&mut Limits, $kind) = $set; set(&mut limits, self.$field); })+
                limits
            }
        }
    };
}

limit_args! {
    /// Largest WebSocket message from a peer, bytes
    message_bytes_max: usize = Limits::default().message_bytes_max, "TIEBREAK_MESSAGE_BYTES_MAX", |l, v| l.message_bytes_max = v;
    /// Most bytes that the changes of one message may inflate to
    message_inflated_bytes_max: usize = Limits::default().message_inflated_bytes_max, "TIEBREAK_MESSAGE_INFLATED_BYTES_MAX", |l, v| l.message_inflated_bytes_max = v;
    /// Most operations in the changes of one message
    message_operations_max: u64 = Limits::default().message_operations_max, "TIEBREAK_MESSAGE_OPERATIONS_MAX", |l, v| l.message_operations_max = v;
    /// Largest change, inflated, bytes
    change_bytes_max: usize = Limits::default().change_bytes_max, "TIEBREAK_CHANGE_BYTES_MAX", |l, v| l.change_bytes_max = v;
    /// Most operations in one change
    change_operations_max: u64 = Limits::default().change_operations_max, "TIEBREAK_CHANGE_OPERATIONS_MAX", |l, v| l.change_operations_max = v;
    /// Deepest nesting of objects in a document
    depth_max: usize = Limits::default().depth_max, "TIEBREAK_DEPTH_MAX", |l, v| l.depth_max = v;
    /// Documents that one connection may have open
    documents_per_connection_max: usize = Limits::default().documents_per_connection_max, "TIEBREAK_DOCUMENTS_PER_CONNECTION_MAX", |l, v| l.documents_per_connection_max = v;
    /// Changes per second that a connection may send in the long run; faster ones are read more slowly
    changes_per_second: u32 = Limits::default().changes_per_second, "TIEBREAK_CHANGES_PER_SECOND", |l, v| l.changes_per_second = v.max(1);
    /// Changes that a connection may send at once
    changes_burst: u32 = Limits::default().changes_burst, "TIEBREAK_CHANGES_BURST", |l, v| l.changes_burst = v.max(1);
    /// Ephemeral messages per second and connection
    ephemeral_per_second: u32 = Limits::default().ephemeral_per_second, "TIEBREAK_EPHEMERAL_PER_SECOND", |l, v| l.ephemeral_per_second = v.max(1);
    /// Largest document, its history unfolded, bytes; an operation counts for at least 32
    document_bytes_max: u64 = Limits::default().document_bytes_max, "TIEBREAK_DOCUMENT_BYTES_MAX", |l, v| l.document_bytes_max = v;
    /// Actors that may ever write to one document
    actors_per_document_max: usize = Limits::default().actors_per_document_max, "TIEBREAK_ACTORS_PER_DOCUMENT_MAX", |l, v| l.actors_per_document_max = v;
    /// Concurrent changes side by side in one document
    heads_max: usize = Limits::default().heads_max, "TIEBREAK_HEADS_MAX", |l, v| l.heads_max = v;
    /// Changes that may wait for missing dependencies, per connection and document
    waiting_changes_max: usize = Limits::default().waiting_changes_max, "TIEBREAK_WAITING_CHANGES_MAX", |l, v| l.waiting_changes_max = v;
    /// Bytes of those
    waiting_bytes_max: usize = Limits::default().waiting_bytes_max, "TIEBREAK_WAITING_BYTES_MAX", |l, v| l.waiting_bytes_max = v;
    /// How long they wait, seconds
    waiting_seconds: Seconds = Seconds::of(Limits::default().waiting_time), "TIEBREAK_WAITING_SECONDS", |l, v| l.waiting_time = v.time();
    /// Time for a peer's first message, seconds
    handshake_seconds: Seconds = Seconds::of(Limits::default().handshake_time), "TIEBREAK_HANDSHAKE_SECONDS", |l, v| l.handshake_time = v.time();
    /// Largest first message from a peer, bytes
    handshake_bytes_max: usize = Limits::default().handshake_bytes_max, "TIEBREAK_HANDSHAKE_BYTES_MAX", |l, v| l.handshake_bytes_max = v;
    /// Messages waiting for a slow reader before its connection is closed
    outbox_messages_max: usize = Limits::default().outbox_messages_max, "TIEBREAK_OUTBOX_MESSAGES_MAX", |l, v| l.outbox_messages_max = v.clamp(1, Semaphore::MAX_PERMITS);
    /// Bytes of those
    outbox_bytes_max: usize = Limits::default().outbox_bytes_max, "TIEBREAK_OUTBOX_BYTES_MAX", |l, v| l.outbox_bytes_max = v;
    /// Messages from connections that wait for one document; further ones make their connections wait
    room_inbox_messages_max: usize = Limits::default().room_inbox_messages_max, "TIEBREAK_ROOM_INBOX_MESSAGES_MAX", |l, v| l.room_inbox_messages_max = v.clamp(1, Semaphore::MAX_PERMITS);
    /// Bytes that the changes in those unfold to
    room_inbox_bytes_max: usize = Limits::default().room_inbox_bytes_max, "TIEBREAK_ROOM_INBOX_BYTES_MAX", |l, v| l.room_inbox_bytes_max = v;
    /// Conflicts of one document that are open and recorded at once; others are found when some of those are closed
    conflicts_open_max: usize = Limits::default().conflicts_open_max, "TIEBREAK_CONFLICTS_OPEN_MAX", |l, v| l.conflicts_open_max = v;
    /// Changes that gather before a document gets a new snapshot
    snapshot_changes_min: usize = Limits::default().snapshot_changes_min, "TIEBREAK_SNAPSHOT_CHANGES_MIN", |l, v| l.snapshot_changes_min = v;
    /// Silence after which a peer is given up, seconds; it is pinged at half of it
    silence_seconds: Seconds = Seconds::of(Limits::default().silence_time), "TIEBREAK_SILENCE_SECONDS", |l, v| l.silence_time = v.at_least(2);
    /// Idle time after which a room gives its document's memory back, seconds
    room_idle_seconds: Seconds = Seconds::of(Limits::default().room_idle_time), "TIEBREAK_ROOM_IDLE_SECONDS", |l, v| l.room_idle_time = v.at_least(1);
}

/// Budgets of requests over HTTP.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct HttpArgs {
    /// Requests for documents that are worked on or answered at once; further ones are told to come back later
    #[arg(long, env = "TIEBREAK_HTTP_REQUESTS_MAX", default_value_t = 64)]
    pub http_requests_max: usize,
    /// Time for the head of a request, the pause before it included, seconds
    #[arg(long, env = "TIEBREAK_HTTP_HEAD_SECONDS", default_value = "30")]
    pub http_head_seconds: Seconds,
    /// Time from the head of a request to its answer, seconds
    #[arg(long, env = "TIEBREAK_HTTP_REQUEST_SECONDS", default_value = "60")]
    pub http_request_seconds: Seconds,
    /// A caller that takes nothing of its answer for this long is given up, seconds
    #[arg(long, env = "TIEBREAK_HTTP_WRITE_SECONDS", default_value = "60")]
    pub http_write_seconds: Seconds,
    /// Connections at once that have not said who they are, plain HTTP among them; further ones are closed
    #[arg(long, env = "TIEBREAK_STRANGERS_MAX", default_value_t = 4096)]
    pub strangers_max: usize,
    /// Those of one address; behind a proxy, where addresses are the proxy's, this bound is its own to keep
    #[arg(long, env = "TIEBREAK_STRANGERS_PER_ADDRESS_MAX", default_value_t = 256)]
    pub strangers_per_address_max: usize,
    /// Event streams at once; further ones are told to come back later. Each is a plain HTTP connection, too
    #[arg(long, env = "TIEBREAK_EVENT_STREAMS_MAX", default_value_t = 2048)]
    pub event_streams_max: usize,
    /// Those of one account; further ones are refused
    #[arg(long, env = "TIEBREAK_EVENT_STREAMS_PER_ACCOUNT_MAX", default_value_t = 16)]
    pub event_streams_per_account_max: usize,
}

impl HttpArgs {
    pub(crate) fn requests_max(&self) -> usize {
        self.http_requests_max.clamp(1, Semaphore::MAX_PERMITS)
    }

    pub(crate) fn head_time_max(&self) -> Duration {
        self.http_head_seconds.at_least(1)
    }

    pub(crate) fn request_time_max(&self) -> Duration {
        self.http_request_seconds.at_least(1)
    }

    pub(crate) fn write_time_max(&self) -> Duration {
        self.http_write_seconds.at_least(1)
    }

    pub(crate) fn event_streams_max(&self) -> usize {
        self.event_streams_max.max(1)
    }

    pub(crate) fn event_streams_per_account_max(&self) -> usize {
        self.event_streams_per_account_max.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, FromArgMatches};

    /// A value that is no default.
    const OTHER: usize = 7;

    #[test]
    fn every_limit_is_a_flag() {
        let command = LimitArgs::augment_args(Command::new("tiebreak"));
        let flags =
            command.get_arguments().map(|argument| format!("--{}={OTHER}", argument.get_long().unwrap()));
        let arguments: Vec<_> = std::iter::once("tiebreak".to_owned()).chain(flags).collect();
        let matches = command.clone().try_get_matches_from(arguments).unwrap();
        let limits = LimitArgs::from_arg_matches(&matches).unwrap().limits();
        let time = Duration::from_secs(OTHER as u64);
        // Written out, so that a limit without a flag does not compile or does not pass.
        let expected = Limits {
            message_bytes_max: OTHER,
            message_inflated_bytes_max: OTHER,
            message_operations_max: OTHER as u64,
            change_bytes_max: OTHER,
            change_operations_max: OTHER as u64,
            depth_max: OTHER,
            documents_per_connection_max: OTHER,
            changes_per_second: OTHER as u32,
            changes_burst: OTHER as u32,
            ephemeral_per_second: OTHER as u32,
            document_bytes_max: OTHER as u64,
            actors_per_document_max: OTHER,
            heads_max: OTHER,
            waiting_changes_max: OTHER,
            waiting_bytes_max: OTHER,
            waiting_time: time,
            handshake_time: time,
            handshake_bytes_max: OTHER,
            outbox_messages_max: OTHER,
            outbox_bytes_max: OTHER,
            room_inbox_messages_max: OTHER,
            room_inbox_bytes_max: OTHER,
            conflicts_open_max: OTHER,
            silence_time: time,
            room_idle_time: time,
            snapshot_changes_min: OTHER,
        };
        assert_eq!(limits, expected);
    }
}
