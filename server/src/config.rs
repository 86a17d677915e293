//! The server's configuration: one struct, filled from flags, `TIEBREAK_…` variables and a TOML file, in
//! that order of precedence. Nothing else reads the environment.

mod file;
mod log_filter;
mod seconds;
mod setting;
mod web;

pub use file::ConfigFile;
pub use log_filter::LogFilter;
pub use seconds::{InvalidSeconds, Seconds};
pub use setting::{Origin, Setting};
pub use web::{InvalidWebName, WebHost, WebOrigin};

use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tiebreak_protocol::Limits;
use tokio::sync::Semaphore;

/// Where the embedded store is if nobody says.
pub(crate) const DEFAULT_DATA: &str = "./tiebreak-data";

/// What `tiebreak serve` can be told.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address and port to listen on
    #[arg(long, env = "TIEBREAK_LISTEN", default_value = "127.0.0.1:7070")]
    pub listen: SocketAddr,
    /// Serve /healthz, /readyz and /metrics on this address as well
    #[arg(long, env = "TIEBREAK_ADMIN_LISTEN")]
    pub admin_listen: Option<SocketAddr>,
    /// Directory of the embedded store; created if it does not exist
    #[arg(long, env = "TIEBREAK_DATA", default_value = DEFAULT_DATA)]
    pub data: PathBuf,
    /// Web pages that may connect besides those that this machine serves, by origin, as in `https://app.example`;
    /// may be given several times
    #[arg(long, env = "TIEBREAK_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<WebOrigin>,
    /// Names by which the server may be asked besides this machine's own, as in sync.example: those under which a
    /// proxy forwards to it; may be given several times
    #[arg(long, env = "TIEBREAK_ALLOW_HOST", value_name = "HOST", value_delimiter = ',')]
    pub allow_host: Vec<WebHost>,
    /// Where documents live: `sqlite`, or a `postgres://…` URL
    #[arg(long, env = "TIEBREAK_STORE", default_value = "sqlite", hide_env_values = true)]
    pub store: StoreChoice,
    /// Who may connect. `open`: anybody who reaches the address, so loopback only
    #[arg(long, env = "TIEBREAK_AUTH", default_value = "open")]
    pub auth: Auth,
    /// Leave out the demo, the page at /demo/ that shows two devices at work
    #[arg(
        long,
        env = "TIEBREAK_NO_DEMO",
        action = clap::ArgAction::Set,
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_name = "true|false"
    )]
    pub no_demo: bool,
    /// A TOML file with any of these settings, under their long names
    #[arg(long, env = "TIEBREAK_CONFIG")]
    pub config: Option<PathBuf>,
    /// How log lines are written to standard error
    #[arg(long, env = "TIEBREAK_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Which log lines: a level, or `target=level,…`
    #[arg(long, env = "TIEBREAK_LOG", default_value = "info")]
    pub log: LogFilter,
    /// Connections at once; further ones are told to come back later
    #[arg(long, env = "TIEBREAK_CONNECTIONS_MAX", default_value_t = 20_000)]
    pub connections_max: usize,
    /// Memory cap of the process, MiB; near it nothing new is opened. Default: three quarters of the machine's
    #[arg(long, env = "TIEBREAK_MEMORY_MAX_MIB")]
    pub memory_max_mib: Option<u64>,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub http: HttpArgs,
}

/// Where documents live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    Sqlite,
    Postgres(String),
}

impl std::str::FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(url.to_owned()))
            }
            _other => {
                Err("expected `sqlite` or a URL such as postgres://user:password@host/database".to_owned())
            }
        }
    }
}

impl std::fmt::Display for StoreChoice {
    /// Without the password that a URL may hold, before its host or among its parameters.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite => f.write_str("sqlite"),
            Self::Postgres(url) => {
                let place = url.split_once("://").map_or("", |(_, place)| place);
                let place = place.split_once('?').map_or(place, |(place, _)| place);
                write!(f, "postgres://{}", place.rsplit_once('@').map_or(place, |(_, place)| place))
            }
        }
    }
}

/// Whether the page at /demo/ is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demo {
    Served,
    LeftOut,
}

/// How callers prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// They do not.
    Open,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

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
}

/// Why the configuration is not one to start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "refusing to start: --auth open lets in anybody who reaches {0}; listen on 127.0.0.1 or [::1] instead"
    )]
    OpenToTheWorld(SocketAddr),
    #[error("could not read the configuration file {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the configuration file {} is not valid TOML", path.display())]
    NotToml {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("the configuration file {} has an unknown key `{key}`; `tiebreak config` lists the known ones", path.display())]
    UnknownKey { path: PathBuf, key: String },
    #[error("the configuration file {} has a value for `{key}` that is neither text, number nor boolean", path.display())]
    NotAValue { path: PathBuf, key: String },
    #[error("the configuration file {} is not accepted: {reason}", path.display())]
    InvalidValue { path: PathBuf, reason: String },
}

impl Config {
    pub fn demo(&self) -> Demo {
        if self.no_demo { Demo::LeftOut } else { Demo::Served }
    }

    /// Refuses what must not be started, with the way out.
    ///
    /// # Errors
    /// When the server would be reachable by strangers without knowing who they are.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self.auth {
            Auth::Open if !self.listen.ip().is_loopback() => Err(ConfigError::OpenToTheWorld(self.listen)),
            Auth::Open => Ok(()),
        }
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
            silence_time: time,
            room_idle_time: time,
            snapshot_changes_min: OTHER,
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn times_that_would_overflow_a_clock_are_refused() {
        assert_eq!("31536000".parse::<Seconds>().map(Seconds::time), Ok(Duration::from_secs(31_536_000)));
        for text in ["31536001", "18446744073709551615", "-1", "1.5", ""] {
            assert_eq!(text.parse::<Seconds>(), Err(InvalidSeconds), "{text}");
        }
    }
}
