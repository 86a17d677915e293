//! The one connection that writes. It holds the lock that makes this server the only one on the database, so a
//! write that goes through proves that the lock was held, and losing the connection is losing the lock.

use super::{OpenError, PostgresOptions};
use deadpool_postgres::ClientWrapper;
use tiebreak_storage::sql;
use tokio_postgres::{Config, NoTls};

/// Held for the life of the session, by every server of this name on this database.
const OWNER_LOCK: i64 = 0x0074_6965_6272_6561;

/// Written by every commit: after a lost answer it tells whether that commit happened.
const LAST_COMMIT_KEY: &str = "last_commit";

/// Oldest PostgreSQL that the tests know of.
const SERVER_VERSION_MIN: i32 = 130_000;

/// A connection that owns the database.
pub(super) struct Session {
    pub(super) client: ClientWrapper,
    pid: i32,
}

impl Session {
    /// Connects and checks the settings that durability rests on; owns nothing yet.
    pub(super) async fn connect(config: &Config, options: &PostgresOptions) -> Result<Self, OpenError> {
        let connecting = async {
            let (client, connection) = config.connect(NoTls).await?;
            let driver = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(%error, "the writing connection to PostgreSQL ended");
                }
            });
            let client = ClientWrapper::new(client, driver);
            let pid = client.query_one("SELECT pg_backend_pid()", &[]).await?.try_get(0)?;
            check_version(&client).await?;
            let session = Self { client, pid };
            // A change of the server's configuration does not reach what a session has set itself.
            let pin = "SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)";
            session.client.execute(pin, &[]).await?;
            session.check_settings().await?;
            Ok(session)
        };
        tokio::time::timeout(options.answer_time, connecting).await.unwrap_or(Err(OpenError::NoAnswer))
    }

    /// Looks whether what was committed stays committed. Two of the settings are the server's alone, and may be
    /// changed while it runs.
    pub(super) async fn check_settings(&self) -> Result<(), OpenError> {
        // `local` and `remote_write` flush here too, but whoever sets them asks for less than a full commit.
        let durable: [(&'static str, &'static [&'static str]); 3] = [
            ("synchronous_commit", &["on", "remote_apply"]),
            ("fsync", &["on"]),
            ("full_page_writes", &["on"]),
        ];
        let statement = "SELECT current_setting('synchronous_commit'), current_setting('fsync'), \
            current_setting('full_page_writes')";
        let statement = self.client.prepare_cached(statement).await?;
        let row = self.client.query_one(&statement, &[]).await?;
        for (column, (setting, accepted)) in durable.into_iter().enumerate() {
            let found: String = row.try_get(column)?;
            if !accepted.contains(&found.as_str()) {
                return Err(OpenError::NotDurable { setting, found });
            }
        }
        Ok(())
    }

    /// Whether this session is now the owner.
    pub(super) async fn take_ownership(&self) -> Result<bool, tokio_postgres::Error> {
        self.client.query_one("SELECT pg_try_advisory_lock($1)", &[&OWNER_LOCK]).await?.try_get(0)
    }

    /// Ends an earlier session of this server that the database still believes in, after a cut in the network.
    pub(super) async fn end_session_of(&self, pid: i32) -> Result<(), tokio_postgres::Error> {
        let high = i64::from((OWNER_LOCK >> 32) as i32);
        let low = i64::from(OWNER_LOCK as i32);
        self.client
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                 AND classid::bigint = $1 AND objid::bigint = $2 AND pid = $3 AND granted",
                &[&high, &low, &pid],
            )
            .await
            .map(|_rows| ())
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// Raises the epoch: whoever owned the database before finds a number that is not its own.
    pub(super) async fn begin_epoch(&self) -> Result<i64, tokio_postgres::Error> {
        let row = self
            .client
            .query_one(
                "INSERT INTO settings (key, value) VALUES ($1, '1') ON CONFLICT (key) \
                 DO UPDATE SET value = (settings.value::bigint + 1)::text RETURNING value::bigint",
                &[&sql::OWNER_EPOCH_KEY],
            )
            .await?;
        row.try_get(0)
    }

    /// The epoch of the latest owner.
    pub(super) async fn epoch(&self) -> Result<Option<i64>, tokio_postgres::Error> {
        Ok(self.setting(sql::OWNER_EPOCH_KEY).await?.and_then(|value| value.parse().ok()))
    }

    /// Marks the open transaction.
    pub(super) async fn mark_commit(&self, mark: &str) -> Result<(), tokio_postgres::Error> {
        let statement = self.client.prepare_cached(sql::UPSERT_SETTING).await?;
        self.client.execute(&statement, &[&LAST_COMMIT_KEY, &mark]).await.map(|_rows| ())
    }

    /// The mark of the last commit.
    pub(super) async fn last_commit(&self) -> Result<Option<String>, tokio_postgres::Error> {
        self.setting(LAST_COMMIT_KEY).await
    }

    pub(super) async fn setting(&self, key: &str) -> Result<Option<String>, tokio_postgres::Error> {
        let statement = self.client.prepare_cached(sql::SETTING).await?;
        self.client.query_opt(&statement, &[&key]).await?.map(|row| row.try_get(0)).transpose()
    }
}

async fn check_version(client: &ClientWrapper) -> Result<(), OpenError> {
    let version: String = client.query_one("SHOW server_version_num", &[]).await?.try_get(0)?;
    if version.parse().is_ok_and(|version: i32| version < SERVER_VERSION_MIN) {
        return Err(OpenError::ServerTooOld { found: version });
    }
    Ok(())
}
