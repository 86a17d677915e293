//! The server's configuration: one struct, filled from flags, `TIEBREAK_…` variables and a TOML file, in
//! that order of precedence. Nothing else reads the environment.

mod file;
mod setting;
mod web;

pub use file::ConfigFile;
pub use setting::{Origin, Setting};
pub use web::{InvalidWebName, WebHost, WebOrigin};

use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tiebreak_protocol::Limits;

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
    #[arg(long, env = "TIEBREAK_DATA", default_value = "./tiebreak-data")]
    pub data: PathBuf,
    /// Web pages that may connect besides those that this machine serves, by origin, as in https://app.example;
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
    /// A TOML file with any of these settings, under their long names
    #[arg(long, env = "TIEBREAK_CONFIG")]
    pub config: Option<PathBuf>,
    /// How log lines are written to standard error
    #[arg(long, env = "TIEBREAK_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Which log lines: a level, or `target=level,…`
    #[arg(long, env = "TIEBREAK_LOG", default_value = "info")]
    pub log: String,
    /// Connections at once; further ones are told to come back later
    #[arg(long, env = "TIEBREAK_CONNECTIONS_MAX", default_value_t = 20_000)]
    pub connections_max: usize,
    /// Memory cap of the process, MiB; near it nothing new is opened. Default: three quarters of the machine's
    #[arg(long, env = "TIEBREAK_MEMORY_MAX_MIB")]
    pub memory_max_mib: Option<u64>,
    #[command(flatten)]
    pub limits: LimitArgs,
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
    /// Largest document as stored, bytes
    document_bytes_max: u64 = Limits::default().document_bytes_max, "TIEBREAK_DOCUMENT_BYTES_MAX", |l, v| l.document_bytes_max = v;
    /// Actors that may ever write to one document
    actors_per_document_max: usize = Limits::default().actors_per_document_max, "TIEBREAK_ACTORS_PER_DOCUMENT_MAX", |l, v| l.actors_per_document_max = v;
    /// Concurrent changes side by side in one document
    heads_max: usize = Limits::default().heads_max, "TIEBREAK_HEADS_MAX", |l, v| l.heads_max = v;
    /// Changes that may wait for missing dependencies, per connection and document
    waiting_changes_max: usize = Limits::default().waiting_changes_max, "TIEBREAK_WAITING_CHANGES_MAX", |l, v| l.waiting_changes_max = v;
    /// How long they wait, seconds
    waiting_seconds: u64 = Limits::default().waiting_time.as_secs(), "TIEBREAK_WAITING_SECONDS", |l, v| l.waiting_time = Duration::from_secs(v);
    /// Time for a peer's first message, seconds
    handshake_seconds: u64 = Limits::default().handshake_time.as_secs(), "TIEBREAK_HANDSHAKE_SECONDS", |l, v| l.handshake_time = Duration::from_secs(v);
    /// Messages waiting for a slow reader before its connection is closed
    outbox_messages_max: usize = Limits::default().outbox_messages_max, "TIEBREAK_OUTBOX_MESSAGES_MAX", |l, v| l.outbox_messages_max = v.max(1);
    /// Bytes of those
    outbox_bytes_max: usize = Limits::default().outbox_bytes_max, "TIEBREAK_OUTBOX_BYTES_MAX", |l, v| l.outbox_bytes_max = v;
    /// Silence after which a peer is given up, seconds; it is pinged at half of it
    silence_seconds: u64 = Limits::default().silence_time.as_secs(), "TIEBREAK_SILENCE_SECONDS", |l, v| l.silence_time = Duration::from_secs(v.max(2));
    /// Idle time after which a room gives its document's memory back, seconds
    room_idle_seconds: u64 = Limits::default().room_idle_time.as_secs(), "TIEBREAK_ROOM_IDLE_SECONDS", |l, v| l.room_idle_time = Duration::from_secs(v.max(1));
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
