//! Opening: what the URL may ask for, ownership of the database, its schema.

use super::migrations;
use super::session::Session;
use std::time::{Duration, Instant};
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Connections that read, beside the one that writes.
    pub readers: usize,
    /// After this long without an answer a connection counts as lost.
    pub answer_time: Duration,
    /// How long callers wait to learn the outcome of a commit whose answer was lost.
    pub outcome_time: Duration,
    /// How often the settings that durability rests on are looked at again.
    pub settings_checked_every: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            readers: 4,
            answer_time: Duration::from_secs(20),
            outcome_time: Duration::from_secs(60),
            settings_checked_every: Duration::from_secs(5),
        }
    }
}

/// The database takes a moment to notice that the server before this one has died.
const OWNER_LEAVES_IN: Duration = Duration::from_secs(3);
const OWNER_ASKED_EVERY: Duration = Duration::from_millis(100);

/// The parameter of a URL that says which of several hosts will do.
const TARGET_SESSION_ATTRS: &str = "target_session_attrs=";

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database URL is not valid")]
    Url(#[source] tokio_postgres::Error),
    #[error("the database URL asks for sslmode=require, and this version does not speak TLS to PostgreSQL")]
    TlsUnsupported,
    #[error("another server is using this database")]
    InUse,
    #[error("PostgreSQL has {setting} = {found}: it would forget what it has answered")]
    NotDurable { setting: &'static str, found: String },
    #[error("PostgreSQL version {found} is too old: 13 or newer is needed")]
    ServerTooOld { found: String },
    #[error("the data was written by a newer version (schema {found}, this version knows up to {known})")]
    SchemaTooNew { found: i64, known: i64 },
    #[error("migration {version} ({name}) failed")]
    Migration {
        version: i64,
        name: &'static str,
        #[source]
        source: tokio_postgres::Error,
    },
    #[error("PostgreSQL did not answer in time")]
    NoAnswer,
    #[error("could not set the connection pool up")]
    Pool(#[source] deadpool_postgres::BuildError),
    #[error("could not talk to PostgreSQL")]
    Postgres(#[from] tokio_postgres::Error),
}

/// Reads the URL; what it leaves open gets a value that notices a dead peer.
pub(super) fn config(url: &str, options: &PostgresOptions) -> Result<Config, OpenError> {
    let mut config: Config = url.parse().map_err(OpenError::Url)?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(OpenError::TlsUnsupported);
    }
    // Of several hosts only the primary: a standby may lag behind what was acknowledged.
    if !url.contains(TARGET_SESSION_ATTRS) {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(options.answer_time);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(options.answer_time);
    }
    if config.get_application_name().is_none() {
        config.application_name("tiebreak");
    }
    Ok(config)
}

/// A session that owns the database on an up-to-date schema, and its epoch.
pub(super) async fn own(config: &Config, options: &PostgresOptions) -> Result<(Session, i64), OpenError> {
    let mut session = Session::connect(config, options).await?;
    let deadline = Instant::now() + OWNER_LEAVES_IN;
    while !session.take_ownership().await? {
        if Instant::now() >= deadline {
            return Err(OpenError::InUse);
        }
        tokio::time::sleep(OWNER_ASKED_EVERY).await;
    }
    migrations::apply(&mut session.client).await?;
    let epoch = session.begin_epoch().await?;
    Ok((session, epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_primary_will_do_unless_the_url_says_otherwise() {
        let attrs =
            |url| config(url, &PostgresOptions::default()).map(|config| config.get_target_session_attrs());
        let primary = attrs("postgres://u@a,b/d?connect_timeout=3");
        assert!(matches!(primary, Ok(TargetSessionAttrs::ReadWrite)), "{primary:?}");
        let any = attrs("postgres://u@a,b/d?target_session_attrs=any");
        assert!(matches!(any, Ok(TargetSessionAttrs::Any)), "{any:?}");
    }
}
