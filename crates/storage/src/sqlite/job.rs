//! A caller's write on its way through the writer's queue.

use super::failure::Failure;
use super::writer::Write;
use crate::StorageError;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// What a write costs in the queue.
#[derive(Debug, Clone, Copy)]
pub(super) enum Size {
    Kib(u32),
    FreesSpace,
}

impl Size {
    pub(super) fn of(bytes: usize) -> Self {
        Self::Kib(u32::try_from(bytes / 1024).unwrap_or(u32::MAX))
    }

    pub(super) fn cost(self) -> u32 {
        match self {
            Self::Kib(kib) => kib.saturating_add(1),
            Self::FreesSpace => 1,
        }
    }
}

/// A write with its caller; nobody waits for a write behind the scenes.
pub(super) struct Job<T, W> {
    work: W,
    done: Option<T>,
    reply: Option<oneshot::Sender<Result<T, StorageError>>>,
    size: Size,
}

impl<T, W> Job<T, W> {
    pub(super) fn new(work: W, reply: Option<oneshot::Sender<Result<T, StorageError>>>, size: Size) -> Self {
        Self { work, done: None, reply, size }
    }
}

impl<T: Send, W: FnMut(&Connection) -> Result<T, Failure> + Send> Write for Job<T, W> {
    fn apply(&mut self, connection: &Connection) -> Result<(), Failure> {
        self.done = Some((self.work)(connection)?);
        Ok(())
    }

    fn answer(mut self: Box<Self>, outcome: Result<(), StorageError>) {
        let outcome = match (outcome, self.done.take()) {
            (Ok(()), Some(done)) => Ok(done),
            (Ok(()), None) => return,
            (Err(error), _) => Err(error),
        };
        if let Some(reply) = self.reply.take() {
            // The caller may have gone away; the write stands.
            drop(reply.send(outcome));
        }
    }

    fn frees_space(&self) -> bool {
        matches!(self.size, Size::FreesSpace)
    }
}
