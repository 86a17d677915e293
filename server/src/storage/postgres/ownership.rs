//! The hold of this server on its database: taken again after each lost connection, unless another server came in.
//!
//! A commit whose answer is lost is neither repeated nor called failed on suspicion. Every transaction writes a
//! mark of its own; the next session that gets the owner's lock, which means that the old one has ended, reads
//! the last mark and knows. Callers wait meanwhile. When it cannot be learned in time the store fails for good,
//! and the server that restarts reads what is there.

use super::failure::Failure;
use super::session::Session;
use super::{OpenError, PostgresOptions};
use std::time::Duration;
use tiebreak_storage::StorageError;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_postgres::Config;

/// Between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// For the database to end an old session of this server and to free its lock.
const HANDOVER_ATTEMPTS: u32 = 20;
const HANDOVER_PAUSE: Duration = Duration::from_millis(50);

/// The epoch under which this server owns the database, and the session that proves it, unless it was lost.
pub(super) struct Ownership {
    config: Config,
    options: PostgresOptions,
    epoch: i64,
    session: Option<Session>,
    last_pid: i32,
    next_attempt: Instant,
    settings_checked_at: Instant,
    transactions: u64,
}

impl Ownership {
    /// Of a session that has taken the lock and begun the epoch.
    pub(super) fn new(config: Config, options: PostgresOptions, session: Session, epoch: i64) -> Self {
        let now = Instant::now();
        Self {
            config,
            options,
            epoch,
            last_pid: session.pid(),
            session: Some(session),
            next_attempt: now,
            settings_checked_at: now,
            transactions: 0,
        }
    }

    /// The owning session, taken out until it has proved itself again; a new one when it was lost.
    pub(super) async fn session(&mut self) -> Result<Session, StorageError> {
        if let Some(session) = self.session.take()
            && !session.client.is_closed()
            && self.is_durable(&session).await?
        {
            return Ok(session);
        }
        sleep_until(self.next_attempt).await;
        let session = self.reconnect().await;
        match &session {
            Ok(_) => self.settings_checked_at = Instant::now(),
            Err(_) => self.next_attempt = Instant::now() + RECONNECT_PAUSE,
        }
        session
    }

    /// Looks at the settings again when the last look is long ago; `false` when the session does not answer.
    async fn is_durable(&mut self, session: &Session) -> Result<bool, StorageError> {
        if self.settings_checked_at.elapsed() < self.options.settings_checked_every {
            return Ok(true);
        }
        match timeout(self.options.answer_time, session.check_settings()).await {
            Ok(Ok(())) => {
                self.settings_checked_at = Instant::now();
                Ok(true)
            }
            Ok(Err(error @ OpenError::NotDurable { .. })) => Err(StorageError::Fatal(error.to_string())),
            Ok(Err(_)) | Err(_) => Ok(false),
        }
    }

    /// Takes a session back that answered to the end.
    pub(super) fn keep(&mut self, session: Session) {
        self.session = Some(session);
    }

    /// A mark that no other transaction on this database has.
    pub(super) fn next_mark(&mut self) -> String {
        self.transactions += 1;
        format!("{}.{}", self.epoch, self.transactions)
    }

    /// Learns what became of a commit whose answer was lost.
    pub(super) async fn was_committed(&mut self, mark: &str) -> Result<bool, StorageError> {
        tracing::warn!("the answer to a commit was lost; asking the database what became of it");
        let deadline = Instant::now() + self.options.outcome_time;
        while Instant::now() < deadline {
            match self.session().await {
                Ok(session) => {
                    let last = self.within(async { Ok(session.last_commit().await?) }).await;
                    if let Ok(last) = last {
                        self.session = Some(session);
                        return Ok(last.as_deref() == Some(mark));
                    }
                }
                Err(fatal @ StorageError::Fatal(_)) => return Err(fatal),
                Err(error) => tracing::debug!(%error, "still asking"),
            }
            sleep(RECONNECT_PAUSE).await;
        }
        Err(StorageError::Fatal("a commit was sent and its outcome could not be learned".to_owned()))
    }

    /// Notices early when the connection is gone and another server came in.
    pub(super) async fn look_after(&mut self) -> Result<(), StorageError> {
        match self.session().await {
            Ok(session) => self.session = Some(session),
            Err(fatal @ StorageError::Fatal(_)) => return Err(fatal),
            Err(error) => tracing::warn!(%error, "no connection to PostgreSQL"),
        }
        Ok(())
    }

    /// Treats silence as a lost connection.
    pub(super) async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = || Err(Failure::Lost("PostgreSQL did not answer in time".to_owned()));
        timeout(self.options.answer_time, answer).await.unwrap_or_else(|_elapsed| late())
    }

    async fn reconnect(&mut self) -> Result<Session, StorageError> {
        let session = Session::connect(&self.config, &self.options).await.map_err(|error| {
            // Somebody changed the settings: waiting does not help.
            let durable = !matches!(error, OpenError::NotDurable { .. });
            let make = if durable { StorageError::Unavailable } else { StorageError::Fatal };
            make(error_chain(&error))
        })?;
        match self.within(async { self.own_again(&session).await }).await {
            Ok(true) => {
                self.last_pid = session.pid();
                tracing::info!("connected to PostgreSQL again");
                Ok(session)
            }
            Ok(false) => Err(StorageError::Fatal("another server has taken over this database".to_owned())),
            Err(failure) => Err(failure.into_storage_error()),
        }
    }

    /// Takes the lock again; `false` when another server had it meanwhile.
    async fn own_again(&self, session: &Session) -> Result<bool, Failure> {
        for attempt in 0..HANDOVER_ATTEMPTS {
            if session.epoch().await? != Some(self.epoch) {
                return Ok(false);
            }
            if session.take_ownership().await? {
                return Ok(session.epoch().await? == Some(self.epoch));
            }
            if attempt == 0 {
                session.end_session_of(self.last_pid).await?;
            }
            sleep(HANDOVER_PAUSE).await;
        }
        Err(Failure::Lost("another session holds the database".to_owned()))
    }
}

/// With its causes: "could not talk to PostgreSQL" alone helps nobody.
fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
