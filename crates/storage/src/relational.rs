//! Transactions of plain rows: the primitive on which everything beside the documents is stored.

mod columns;

pub use columns::{Columns, FromValue};

use crate::audit::AuditEntry;
use crate::{StorageError, StoreFuture};
use std::fmt;
use tiebreak_protocol::{
    AccountId, ActorId, ConflictId, ConflictState, ConflictType, DeviceId, DocumentId, KeyId, Role,
};

/// Steps of one transaction.
pub const STEPS_MAX: usize = 64;

/// Rows that one statement may answer; one that answers more has failed.
pub const ROWS_MAX: usize = 10_000;

/// A store of rows. A transaction is durable when it answers, and joins the store's group commit.
///
/// Transactions happen one after the other: what a step has read is still so when the next one writes.
pub trait RelationalStore: Send + Sync + fmt::Debug + 'static {
    /// Does all steps, or none when an expectation is not met.
    fn transact(&self, steps: Vec<Step>) -> StoreFuture<'_, Transacted>;

    /// Reads what is committed.
    fn query(&self, statement: Statement) -> StoreFuture<'_, Vec<Row>>;
}

/// What a column holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The columns that a statement answers with, in its order.
pub type Row = Vec<Value>;

/// SQL that both dialects understand, with `$1`, `$2`, … in the order in which they first appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sql: &'static str,
    pub values: Vec<Value>,
}

/// On what a transaction goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Anything,
    /// At least one row was answered or touched.
    Rows,
    NoRows,
}

/// One step of a transaction.
#[derive(Debug, Clone)]
pub enum Step {
    Do(Statement, Expect),
    /// Adds a link to the audit chain.
    Audit {
        entry: AuditEntry,
        at_ms: i64,
    },
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transacted {
    /// All of it, with the rows that each step answered.
    Done(Vec<Vec<Row>>),
    /// Nothing of it, because of this step; with the rows of the steps up to it, its own included.
    Unmet { step: usize, rows: Vec<Vec<Row>> },
}

impl Statement {
    pub fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql, values: values.into() }
    }

    /// Bytes that it takes while it waits.
    pub fn bytes(&self) -> usize {
        self.values.iter().map(Value::bytes).sum()
    }
}

impl Expect {
    /// Whether a statement that answered or touched this many rows leaves the transaction going.
    pub fn is_met(self, rows: usize) -> bool {
        match self {
            Self::Anything => true,
            Self::Rows => rows > 0,
            Self::NoRows => rows == 0,
        }
    }
}

impl Step {
    /// Bytes that it takes while it waits.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Do(statement, _) => statement.bytes(),
            Self::Audit { entry, .. } => entry.subject.len() + entry.detail.len(),
        }
    }
}

/// Refuses a transaction of too many steps.
///
/// # Errors
/// When there are more than [`STEPS_MAX`].
pub fn check_steps(steps: &[Step]) -> Result<(), StorageError> {
    let most = STEPS_MAX;
    if steps.len() <= most {
        return Ok(());
    }
    Err(StorageError::Unavailable(format!("a transaction has at most {most} steps, not {}", steps.len())))
}

/// What a statement answers that has more rows than [`ROWS_MAX`].
pub fn too_many_rows() -> StorageError {
    StorageError::Unavailable(format!("a statement answered more than {ROWS_MAX} rows"))
}

impl Value {
    fn bytes(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Integer(_) => size_of::<i64>(),
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// Values may be secrets, and what is printed ends in logs.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "text of {} bytes", text.len()),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<&ActorId> for Value {
    fn from(actor: &ActorId) -> Self {
        Self::Bytes(actor.as_bytes().to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! words {
    ($($word:ty),*) => {$(
        impl From<$word> for Value {
            fn from(word: $word) -> Self {
                word.as_str().into()
            }
        }
    )*};
}

words!(Role, ConflictType, ConflictState);

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Self::from(*id.as_bytes())
            }
        }
    )*};
}

ids!(AccountId, DeviceId, KeyId, DocumentId, ConflictId);
