//! The one task that writes: takes everything that waits, commits it together, then answers everyone.

use super::failure::Failure;
use super::ownership::Ownership;
use super::session::Session;
use super::writes::{self, Outcome};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tiebreak_protocol::{DocumentId, StorageId};
use tiebreak_storage::group::{Alone, Verdict};
use tiebreak_storage::relational::{Step, Transacted};
use tiebreak_storage::shared_heads::{SharedHeadsBuffer, SharedHeadsEntry};
use tiebreak_storage::status::Status;
use tiebreak_storage::{Append, Committed, Compaction, QuarantinedChange, StorageError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Requests that one transaction takes.
const GROUP_MAX: usize = 1024;

/// After this long without a write the writer looks after its connection and the heads that wait.
const IDLE: Duration = Duration::from_secs(2);

/// Between two looks for shared heads that nobody has renewed for long.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// Times that one group is begun when connections break under it.
const ATTEMPTS_MAX: u32 = 3;

/// What a caller wants written.
#[derive(Debug)]
pub(super) enum Work {
    Append(Append),
    Compact(Compaction),
    Delete(DocumentId),
    Quarantine(QuarantinedChange),
    Transact(Vec<Step>),
    OwnStorageId(StorageId),
    Probe,
    ForgetSharedHeads,
}

/// What the caller hears once it is durable.
#[derive(Debug)]
pub(super) enum Answer {
    Committed(Committed),
    Done,
    Deleted(bool),
    StorageId(StorageId),
    Transacted(Transacted),
}

/// A write and who waits for it; nobody, for a write behind the scenes.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) work: Work,
    pub(super) reply: Option<oneshot::Sender<Outcome>>,
    pub(super) _room: OwnedSemaphorePermit,
}

pub(super) struct Writer {
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) shared_heads: Arc<SharedHeadsBuffer>,
    pub(super) status: Arc<Status>,
    pub(super) stop: CancellationToken,
    pub(super) ownership: Ownership,
    /// When old shared heads were last looked for.
    pub(super) forgot_at: Option<Instant>,
}

impl Work {
    pub(super) fn as_append(&self) -> Option<&Append> {
        match self {
            Self::Append(append) => Some(append),
            Self::Compact(_)
            | Self::Delete(_)
            | Self::Quarantine(_)
            | Self::Transact(_)
            | Self::OwnStorageId(_)
            | Self::Probe
            | Self::ForgetSharedHeads => None,
        }
    }
}

impl Request {
    fn answer(self, outcome: Outcome) {
        if let Some(reply) = self.reply {
            // The caller may have gone away; the write stands.
            drop(reply.send(outcome));
        }
    }
}

impl Writer {
    /// Runs until it is stopped and nothing waits, or until a failure after which nothing may be written.
    pub(super) async fn run(mut self) {
        let mut stopping = false;
        loop {
            let mut group = Vec::new();
            let open = tokio::select! {
                taken = self.requests.recv_many(&mut group, GROUP_MAX) => taken > 0,
                () = sleep(IDLE) => true,
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.requests.close();
                    continue;
                }
            };
            if let Err(fatal) = self.commit_group(group).await {
                return self.fail(fatal).await;
            }
            if !open {
                return;
            }
        }
    }

    async fn commit_group(&mut self, group: Vec<Request>) -> Result<(), StorageError> {
        let heads = self.shared_heads.waiting();
        if group.is_empty() && heads.is_empty() {
            self.ownership.look_after().await?;
            return self.forget_shared_heads().await;
        }
        let works: Vec<_> = group.iter().map(|request| &request.work).collect();
        let committed = self.commit(&works, &heads).await;
        // Written or not: an entry that spoils a commit must not spoil the next one.
        self.shared_heads.settle(&heads);
        match committed {
            Ok(outcomes) => {
                for (request, outcome) in group.into_iter().zip(outcomes) {
                    request.answer(outcome);
                }
                Ok(())
            }
            Err(error) => match Verdict::of(&error) {
                Verdict::EachAlone => self.commit_each(group).await,
                verdict @ (Verdict::Stop | Verdict::ToEveryone) => {
                    for request in group {
                        request.answer(Err(error.clone()));
                    }
                    if verdict == Verdict::Stop { Err(error) } else { Ok(()) }
                }
            },
        }
    }

    /// Nobody waits for it. Left out for whatever reason, it is done the next time.
    async fn forget_shared_heads(&mut self) -> Result<(), StorageError> {
        if self.forgot_at.is_some_and(|forgot_at| forgot_at.elapsed() < FORGET_EVERY) {
            return Ok(());
        }
        self.forgot_at = Some(Instant::now());
        match self.commit(&[&Work::ForgetSharedHeads], &[]).await {
            Err(error) if Verdict::of(&error) == Verdict::Stop => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the storage was not tidied up");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    async fn commit_each(&mut self, group: Vec<Request>) -> Result<(), StorageError> {
        let mut alone = Alone::default();
        for request in group {
            let outcome = match alone.spoiled() {
                Some(fatal) => Err(fatal),
                None => self
                    .commit(&[&request.work], &[])
                    .await
                    .and_then(|mut outcomes| outcomes.pop().unwrap_or(Ok(Answer::Done))),
            };
            alone.note(&outcome);
            request.answer(outcome);
        }
        alone.end()
    }

    /// One transaction, one flush. The error is that of the whole transaction, of which then nothing was kept.
    /// After a fatal one every call fails, from before its first caller hears of it.
    async fn commit(
        &mut self,
        works: &[&Work],
        heads: &[SharedHeadsEntry],
    ) -> Result<Vec<Outcome>, StorageError> {
        let committed = self.transact(works, heads).await;
        if let Err(fatal @ StorageError::Fatal(_)) = &committed {
            self.status.fail(fatal.clone());
        }
        committed
    }

    async fn transact(
        &mut self,
        works: &[&Work],
        heads: &[SharedHeadsEntry],
    ) -> Result<Vec<Outcome>, StorageError> {
        let mut cause = String::new();
        for _ in 0..ATTEMPTS_MAX {
            let session = self.ownership.session().await?;
            let mark = self.ownership.next_mark();
            let outcomes = match self.ownership.within(perform(&session, works, heads, &mark)).await {
                Ok(outcomes) => outcomes,
                Err(Failure::Refused(error)) => {
                    // Dropping the session instead would cost a new one; a rollback that fails drops it.
                    if self.ownership.within(statement(&session, "ROLLBACK")).await.is_ok() {
                        self.ownership.keep(session);
                    }
                    return Err(error);
                }
                Err(Failure::Lost(lost)) => {
                    cause = lost;
                    continue;
                }
            };
            match self.ownership.within(statement(&session, "COMMIT")).await {
                Ok(()) => self.ownership.keep(session),
                Err(Failure::Refused(error)) => {
                    self.ownership.keep(session);
                    return Err(error);
                }
                Err(Failure::Lost(lost)) => {
                    drop(session);
                    cause = lost;
                    if !self.ownership.was_committed(&mark).await? {
                        continue;
                    }
                }
            }
            self.status.count_commit();
            return Ok(outcomes);
        }
        Err(StorageError::Unavailable(cause))
    }

    /// Nothing more is written: everyone who waits or comes later gets this failure.
    async fn fail(mut self, fatal: StorageError) {
        tracing::error!(error = %fatal, "storage failed; the process must restart");
        self.status.fail(fatal.clone());
        self.requests.close();
        while let Some(request) = self.requests.recv().await {
            request.answer(Err(fatal.clone()));
        }
    }
}

async fn perform(
    session: &Session,
    works: &[&Work],
    heads: &[SharedHeadsEntry],
    mark: &str,
) -> Result<Vec<Outcome>, Failure> {
    statement(session, "BEGIN").await?;
    let outcomes = writes::apply(session, works).await?;
    writes::shared_heads(session, heads).await?;
    session.mark_commit(mark).await?;
    Ok(outcomes)
}

async fn statement(session: &Session, text: &str) -> Result<(), Failure> {
    Ok(session.client.batch_execute(text).await?)
}
