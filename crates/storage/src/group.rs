//! What becomes of the writes of a group whose one transaction failed: the policy that every writer follows.

use crate::StorageError;

/// What a writer does with a group after its transaction failed and was rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every caller hears of the failure, and nothing is written any more.
    Stop,
    /// Every caller hears of the failure: trying again one by one would only wait as often.
    ToEveryone,
    /// Something in the group cannot be written. Alone, each write gets its own verdict, and the innocent ones go
    /// in. This costs a commit each, but only in groups that fail.
    EachAlone,
}

impl Verdict {
    pub fn of(error: &StorageError) -> Self {
        match error {
            StorageError::Fatal(_) => Self::Stop,
            StorageError::Unavailable(_) => Self::ToEveryone,
            StorageError::Full | StorageError::Deleted | StorageError::Damaged(_) => Self::EachAlone,
        }
    }
}

/// The writes of a group, one by one: after a fatal failure nothing more is tried.
#[derive(Debug, Default)]
pub struct Alone {
    fatal: Option<StorageError>,
}

impl Alone {
    /// What the next write hears without being tried, if it must not be.
    pub fn spoiled(&self) -> Option<StorageError> {
        self.fatal.clone()
    }

    /// Takes note of what became of one.
    pub fn note<T>(&mut self, outcome: &Result<T, StorageError>) {
        if let Err(error @ StorageError::Fatal(_)) = outcome {
            self.fatal.get_or_insert_with(|| error.clone());
        }
    }

    /// Whether the writer may go on.
    pub fn end(self) -> Result<(), StorageError> {
        self.fatal.map_or(Ok(()), Err)
    }
}
