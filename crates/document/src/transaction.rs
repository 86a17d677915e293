//! Local edits: what a device writes itself, as one change that passes what changes from elsewhere pass.

mod edit_error;
mod edits;
mod place;
mod reconcile;
mod stretches;
mod value;
mod write;

pub use edit_error::EditError;
pub use value::{Counter, NewValue, Timestamp};

use crate::engine::{Engine, guarded, our_hash};
use crate::gatekeeper::{CheckedChange, check_change};
use crate::path::PathStep;
use crate::{Document, OpenError};
use automerge::transaction::{CommitOptions, Transaction as Library};
use automerge::{ActorId, Automerge, AutomergeError};
use serde_json::Value as Json;
use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use tiebreak_protocol::{ChangeHash, Limits, Refusal};

/// Who writes.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// The actor id: 1 to 64 bytes, of this device alone.
    pub actor: &'a [u8],
    /// The time that the change bears, in seconds since the Unix epoch: a label, never an order.
    pub time_s: i64,
}

/// Why nothing was written; the document is as it was.
#[derive(Debug, thiserror::Error)]
pub enum TransactError<E> {
    /// What the edit itself answered.
    #[error("{0}")]
    Edit(E),
    /// The change would exceed the limits: a server would refuse it.
    #[error("the change would be refused: {0}")]
    Refused(Refusal),
    /// The document does not open, or the library failed on the edit.
    #[error(transparent)]
    Document(#[from] OpenError),
}

impl Document {
    /// Runs `edit` and merges what it wrote as one change; what it returns comes back with that change, or
    /// with `None` if nothing was written. A panic of `edit` goes on, and leaves the document as it was.
    ///
    /// # Errors
    /// The edit's own, or when the document does not open or the change would exceed `limits`. The document
    /// is as it was then. An edit that hides an error of [`Transaction::update`] keeps what that wrote before.
    pub fn transact<T, E>(
        &mut self,
        author: &Author<'_>,
        limits: &Limits,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<(T, Option<CheckedChange>), TransactError<E>> {
        let mut engine = self.take_engine()?;
        let mut transaction = Transaction::begin(&mut engine.automerge, author, limits)?;
        let (edited, ended) = match catch_unwind(AssertUnwindSafe(|| edit(&mut transaction))) {
            Ok(Ok(value)) => (Ok(value), transaction.commit(author.time_s)),
            Ok(Err(error)) => (Err(error), transaction.roll_back()),
            Err(panic) => {
                drop(guarded(|| drop(transaction)));
                resume_unwind(panic);
            }
        };
        let merged = ended.map_err(TransactError::Document).and_then(|written| {
            let change = written.map(|hash| judge(&engine, &hash, limits)).transpose()?;
            self.put_back(engine, change.as_slice())?;
            Ok(change)
        });
        // An edit that failed answers why, even where the rollback failed too.
        let value = edited.map_err(TransactError::Edit)?;
        merged.map(|change| (value, change))
    }

    /// The value at a path as JSON (see [`Document::to_json`]); `None` if there is nothing.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn get(&mut self, path: &[PathStep]) -> Result<Option<Json>, OpenError> {
        let read = self.opened()?.read(|engine| place::read(&engine.automerge, path))?;
        read.map_err(|error| OpenError::Unreadable(error.to_string()))
    }
}

/// Judges a change that the library has just committed.
fn judge<E>(engine: &Engine, hash: &ChangeHash, limits: &Limits) -> Result<CheckedChange, TransactError<E>> {
    let written = engine.read(|engine| engine.change(hash))?;
    let written = written.ok_or_else(|| OpenError::Unreadable("the change is lost".to_owned()))?;
    let judged = check_change(written.bytes, limits)
        .and_then(|change| check_room(engine, &change, limits).map(|()| change));
    judged.map_err(TransactError::Refused)
}

/// What admission asks of a change beyond what a change by the library fulfils by itself: that it follows from
/// all that is here, and refers to nothing else.
fn check_room(engine: &Engine, change: &CheckedChange, limits: &Limits) -> Result<(), Refusal> {
    if change.weight() > limits.document_bytes_max.saturating_sub(engine.weight) {
        return Err(Refusal::DocumentTooLarge);
    }
    let is_new = !engine.last_by_actor.contains_key(change.actor());
    if is_new && engine.last_by_actor.len() >= limits.actors_per_document_max {
        return Err(Refusal::TooManyActors);
    }
    Ok(())
}

/// An edit under way; see [`Document::transact`].
#[derive(Debug)]
pub struct Transaction<'a> {
    library: Library<'a>,
    limits: &'a Limits,
    /// Why the library failed: it is asked nothing more after that, and nothing is committed.
    failure: OnceCell<String>,
}

impl<'a> Transaction<'a> {
    fn begin(
        automerge: &'a mut Automerge,
        author: &Author<'_>,
        limits: &'a Limits,
    ) -> Result<Self, OpenError> {
        let library = guarded(|| automerge.set_actor(ActorId::from(author.actor)).transaction())?;
        Ok(Self { library, limits, failure: OnceCell::new() })
    }

    /// Answers the change, if anything was written.
    fn commit(self, time_s: i64) -> Result<Option<ChangeHash>, OpenError> {
        let Self { library, failure, .. } = self;
        if let Some(failure) = failure.into_inner() {
            drop(guarded(|| drop(library)));
            return Err(OpenError::Unreadable(failure));
        }
        let options = CommitOptions::default().with_time(time_s);
        guarded(|| library.commit_with(options).0.map(our_hash))
    }

    fn roll_back(self) -> Result<Option<ChangeHash>, OpenError> {
        let Self { library, failure, .. } = self;
        guarded(|| library.rollback())?;
        failure.into_inner().map_or(Ok(None), |failure| Err(OpenError::Unreadable(failure)))
    }

    fn check_sound(&self) -> Result<(), EditError> {
        self.failure.get().map_or(Ok(()), |failure| Err(EditError::Library(failure.clone())))
    }

    /// Notes a failure of the library. It is asked for nothing that it should refuse, so whatever it
    /// answers but success leaves its state in doubt.
    fn settle<T>(&self, asked: Result<Result<T, AutomergeError>, OpenError>) -> Result<T, EditError> {
        let error = match asked {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        Err(EditError::Library(self.failure.get_or_init(|| error).clone()))
    }
}

#[cfg(test)]
mod tests;
