//! The server's configuration: one struct, filled from flags, `TIEBREAK_…` variables and a TOML file, in
//! that order of precedence. Nothing else reads the environment.

mod file;
mod identity_provider;
mod limits;
mod log_filter;
mod seconds;
mod setting;
mod start_up;
mod transport;
mod web;

pub use file::ConfigFile;
pub use identity_provider::{IdentityProviderConfig, InvalidKeySource, JwtArgs, KeySource};
pub use limits::{HttpArgs, LimitArgs};
pub use log_filter::LogFilter;
pub use seconds::{InvalidSeconds, Seconds};
pub use setting::{Origin, Setting};
pub use start_up::StartUpError;
pub use transport::{Proxy, TlsFiles, TransportArgs};
pub use web::{InvalidWebName, WebHost, WebOrigin};

use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// Web pages that may connect besides those of this server, by origin, as in `https://app.example`; may be given
    /// several times. With --auth open every page that this machine serves may
    #[arg(long, env = "TIEBREAK_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<WebOrigin>,
    /// Names by which the server may be asked besides this machine's own, as in sync.example: those under which a
    /// proxy forwards to it; may be given several times
    #[arg(long, env = "TIEBREAK_ALLOW_HOST", value_name = "HOST", value_delimiter = ',')]
    pub allow_host: Vec<WebHost>,
    /// Where documents live: `sqlite`, or a `postgres://…` URL
    #[arg(long, env = "TIEBREAK_STORE", default_value = "sqlite", hide_env_values = true)]
    pub store: StoreChoice,
    /// Directory with kinds of your own, one `.json` file each, besides the built-in ones
    #[arg(long, env = "TIEBREAK_KINDS", value_name = "DIR")]
    pub kinds: Option<PathBuf>,
    /// What becomes of disagreements in documents that name no kind
    #[arg(long, env = "TIEBREAK_PLAIN_DOCUMENTS", default_value = "merged")]
    pub plain_documents: PlainDocuments,
    /// How callers prove who they are
    #[arg(long, env = "TIEBREAK_AUTH", default_value = "open")]
    pub auth: Auth,
    /// Take API keys that are marked for it in addresses, as `?key=…`, for clients that can carry them nowhere else
    #[arg(
        long,
        env = "TIEBREAK_ALLOW_URL_KEYS",
        action = clap::ArgAction::Set,
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_name = "true|false"
    )]
    pub allow_url_keys: bool,
    #[command(flatten)]
    pub jwt: JwtArgs,
    #[command(flatten)]
    pub transport: TransportArgs,
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

/// What becomes of disagreements in documents without a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlainDocuments {
    /// They are merged, and nobody is asked
    Merged,
    /// Each is a conflict
    Flagged,
}

impl From<PlainDocuments> for tiebreak_sync::room::PlainDocuments {
    fn from(plain: PlainDocuments) -> Self {
        match plain {
            PlainDocuments::Merged => Self::Merged,
            PlainDocuments::Flagged => Self::Flagged,
        }
    }
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
    /// They do not: anybody who reaches the address may do everything, so loopback only
    Open,
    /// With accounts that this server keeps
    Accounts,
    /// With tokens of an identity provider
    Jwt,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Why a configuration file is not one to go by.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
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

    /// Whose tokens are taken, with `--auth jwt`.
    pub fn identity_provider(&self) -> Option<IdentityProviderConfig> {
        if self.auth == Auth::Jwt { self.jwt.identity_provider().ok() } else { None }
    }

    /// Refuses what must not be started, with the way out.
    ///
    /// # Errors
    /// When strangers would come in, or passwords and tokens would cross a network in the clear.
    pub fn check(&self) -> Result<(), StartUpError> {
        start_up::check(self)
    }
}
