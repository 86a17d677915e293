//! The one thread that writes: takes everything that waits, commits it together, then answers everyone.

use super::failure::{self, Failure};
use super::queue::{Portion, Queue, Taken};
use super::reserve::Reserve;
use super::writes;
use crate::clock::unix_ms;
use crate::group::{Alone, Verdict};
use crate::shared_heads::{SharedHeadsBuffer, SharedHeadsEntry};
use crate::status::Status;
use crate::{StorageError, sql};
use rusqlite::Connection;
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What one transaction takes, so that nobody waits behind an endless one.
const GROUP: Portion = Portion { items_max: 1024, cost_max: 8 * 1024 };

/// After this long without a write the writer tidies up: shared heads, checkpoint, reserve.
const IDLE: Duration = Duration::from_secs(2);

/// Between two looks for shared heads that nobody has renewed for long.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// An idle writer checkpoints a log of this part of its limit, a busy one waits for the limit.
const IDLE_PART: i64 = 4;

/// One caller's write.
pub(super) trait Write: Send {
    /// Writes inside the transaction of a group. Called again when that transaction was rolled back.
    fn apply(&mut self, connection: &Connection) -> Result<(), Failure>;

    /// Tells the caller, after the commit.
    fn answer(self: Box<Self>, outcome: Result<(), StorageError>);

    /// Whether it may use the disk reserve.
    fn frees_space(&self) -> bool;
}

/// The writer's connection and what it shares with the callers.
pub(super) struct Writer {
    pub(super) connection: Connection,
    /// What this server wrote when it opened the data; another value means that another server owns it.
    pub(super) epoch: String,
    pub(super) queue: Arc<Queue<Box<dyn Write>>>,
    pub(super) shared_heads: Arc<SharedHeadsBuffer>,
    pub(super) status: Arc<Status>,
    pub(super) reserve: Reserve,
    /// Pages in the log from which it is checkpointed.
    pub(super) log_pages_max: i64,
    /// When old shared heads were last looked for.
    pub(super) forgot_at: Option<Instant>,
}

/// Drops shared heads that nobody has renewed for long.
struct ForgetSharedHeads;

impl Write for ForgetSharedHeads {
    fn apply(&mut self, connection: &Connection) -> Result<(), Failure> {
        Ok(writes::forget_shared_heads(connection, unix_ms())?)
    }

    fn answer(self: Box<Self>, _outcome: Result<(), StorageError>) {}

    fn frees_space(&self) -> bool {
        true
    }
}

/// For work that can be left out.
fn passing(error: StorageError) -> Result<(), StorageError> {
    if Verdict::of(&error) == Verdict::Stop {
        return Err(error);
    }
    tracing::warn!(%error, "the storage was not tidied up");
    Ok(())
}

type Outcomes = Vec<Result<(), StorageError>>;

impl Writer {
    /// Runs until the queue is closed and empty, or until a failure after which nothing may be written.
    pub(super) fn run(mut self) {
        self.reserve.fill();
        loop {
            let step = match self.queue.take(GROUP, IDLE) {
                Taken::Items(group) => self.commit_group(group),
                Taken::Nothing => self.tidy(),
                Taken::Closed => break,
            };
            if let Err(fatal) = step {
                return self.stop(fatal);
            }
        }
        if let Err(fatal) =
            self.flush_shared_heads().and_then(|()| self.checkpoint("TRUNCATE").map(|_pages| ()))
        {
            self.stop(fatal);
        }
    }

    fn commit_group(&mut self, mut group: Vec<Box<dyn Write>>) -> Result<(), StorageError> {
        let heads = self.shared_heads.waiting();
        let committed = self.commit(&mut group, &heads);
        // Written or not: an entry that spoils a commit must not spoil the next one.
        self.shared_heads.settle(&heads);
        match committed {
            Ok(outcomes) => {
                for (write, outcome) in group.into_iter().zip(outcomes) {
                    write.answer(outcome);
                }
            }
            Err(error) => match Verdict::of(&error) {
                Verdict::EachAlone => self.commit_each(group)?,
                verdict @ (Verdict::Stop | Verdict::ToEveryone) => {
                    for write in group {
                        write.answer(Err(error.clone()));
                    }
                    if verdict == Verdict::Stop {
                        return Err(error);
                    }
                }
            },
        }
        self.checkpoint_when_due()
    }

    fn commit_each(&mut self, group: Vec<Box<dyn Write>>) -> Result<(), StorageError> {
        let mut alone = Alone::default();
        for mut write in group {
            let outcome = match alone.spoiled() {
                Some(fatal) => Err(fatal),
                None => self.commit_alone(&mut write),
            };
            alone.note(&outcome);
            write.answer(outcome);
        }
        alone.end()
    }

    fn commit_alone(&mut self, write: &mut Box<dyn Write>) -> Result<(), StorageError> {
        let mut outcome = self.commit(slice::from_mut(write), &[]);
        if outcome == Err(StorageError::Full) && write.frees_space() {
            self.reserve.release();
            self.checkpoint("PASSIVE")?;
            outcome = self.commit(slice::from_mut(write), &[]);
        }
        outcome.and_then(|mut outcomes| outcomes.pop().unwrap_or(Ok(())))
    }

    /// One transaction, one fsync. The error is that of the whole transaction, which is then rolled back. After
    /// a fatal one every call fails, from before its first caller hears of it.
    fn commit(
        &mut self,
        group: &mut [Box<dyn Write>],
        heads: &[SharedHeadsEntry],
    ) -> Result<Outcomes, StorageError> {
        let committed = self.transact(group, heads);
        if let Err(fatal @ StorageError::Fatal(_)) = &committed {
            self.status.fail(fatal.clone());
        }
        committed
    }

    fn transact(
        &mut self,
        group: &mut [Box<dyn Write>],
        heads: &[SharedHeadsEntry],
    ) -> Result<Outcomes, StorageError> {
        self.statement("BEGIN IMMEDIATE").map_err(|error| failure::in_statement(&error))?;
        let applied = self.check_owner().and_then(|()| self.apply(group, heads));
        let outcomes = match applied {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.roll_back()?;
                return Err(error);
            }
        };
        if let Err(error) = self.statement("COMMIT") {
            let error = failure::in_commit(&error);
            if !matches!(error, StorageError::Fatal(_)) {
                self.roll_back()?;
            }
            return Err(error);
        }
        self.status.count_commit();
        Ok(outcomes)
    }

    fn apply(
        &self,
        group: &mut [Box<dyn Write>],
        heads: &[SharedHeadsEntry],
    ) -> Result<Outcomes, StorageError> {
        let mut outcomes = Vec::with_capacity(group.len());
        for write in group {
            match write.apply(&self.connection) {
                Ok(()) => outcomes.push(Ok(())),
                Err(Failure::Refused(error)) => outcomes.push(Err(error)),
                Err(Failure::Sqlite(error)) => return Err(failure::in_statement(&error)),
            }
        }
        writes::shared_heads(&self.connection, heads, unix_ms())
            .map_err(|error| failure::in_statement(&error))?;
        Ok(outcomes)
    }

    // The file lock keeps a second server out; this fences the first one when somebody removed the lock file.
    fn check_owner(&self) -> Result<(), StorageError> {
        let epoch = writes::setting(&self.connection, sql::OWNER_EPOCH_KEY)
            .map_err(|error| failure::in_statement(&error))?;
        if epoch.as_deref() == Some(self.epoch.as_str()) {
            return Ok(());
        }
        Err(StorageError::Fatal("another server has taken over this data directory".to_owned()))
    }

    // SQLite rolls some failures back by itself.
    fn roll_back(&self) -> Result<(), StorageError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.statement("ROLLBACK").map_err(|error| StorageError::Fatal(format!("rolling back: {error}")))
    }

    fn tidy(&mut self) -> Result<(), StorageError> {
        self.flush_shared_heads()?;
        if self.forgot_at.is_none_or(|forgot_at| forgot_at.elapsed() >= FORGET_EVERY) {
            self.forgot_at = Some(Instant::now());
            // Nobody waits for it. Left out for whatever reason, it is done the next time.
            let mut forget: Box<dyn Write> = Box::new(ForgetSharedHeads);
            let forgotten = self.commit_alone(&mut forget);
            forgotten.or_else(passing)?;
        }
        self.checkpoint_when_due()
    }

    fn flush_shared_heads(&mut self) -> Result<(), StorageError> {
        let heads = self.shared_heads.waiting();
        if heads.is_empty() {
            return Ok(());
        }
        let flushed = self.commit(&mut [], &heads);
        self.shared_heads.settle(&heads);
        match flushed {
            Err(fatal @ StorageError::Fatal(_)) => Err(fatal),
            Err(error) => {
                tracing::warn!(%error, entries = heads.len(), "the heads shared with peers were not kept");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    fn checkpoint_when_due(&mut self) -> Result<(), StorageError> {
        let pages = self.checkpoint("NOOP")?;
        let idle = self.queue.is_empty();
        if pages >= if idle { self.log_pages_max / IDLE_PART } else { self.log_pages_max } {
            self.checkpoint("PASSIVE")?;
        }
        self.reserve.fill();
        Ok(())
    }

    /// Copies the log into the database file; answers the pages in the log. SQLite's automatic checkpoint is
    /// off, because it keeps the failure of its fsync to itself.
    fn checkpoint(&self, mode: &str) -> Result<i64, StorageError> {
        let pages = self
            .connection
            .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))
            .and_then(|mut statement| statement.query_row((), |row| row.get(1)));
        pages.or_else(|error| match failure::in_commit(&error) {
            fatal @ StorageError::Fatal(_) => Err(fatal),
            // The log holds everything that was committed; a later checkpoint finds more room.
            StorageError::Full
            | StorageError::Unavailable(_)
            | StorageError::Deleted
            | StorageError::Damaged(_) => {
                tracing::warn!(%error, "the checkpoint was put off");
                Ok(0)
            }
        })
    }

    fn statement(&self, text: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(text)?.execute(()).map(|_rows| ())
    }

    /// Nothing more is written, by anybody: everyone who waits or comes later gets this failure.
    fn stop(&self, fatal: StorageError) {
        tracing::error!(error = %fatal, "storage failed; the process must restart");
        self.status.fail(fatal.clone());
        self.queue.close();
        while let Taken::Items(group) = self.queue.take(GROUP, Duration::ZERO) {
            for write in group {
                write.answer(Err(fatal.clone()));
            }
        }
    }
}
