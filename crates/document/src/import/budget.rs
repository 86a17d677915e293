//! What a document chunk would unfold to, found by walking its columns without unfolding them.
//!
//! Runs are short and can say much: eleven bytes may claim a billion operations. So every column is
//! inflated within a budget, its runs are added up, and what a document of the largest size could not
//! hold as changes is refused.

use super::FileError;
use crate::document_chunk::{Column, DocumentChunk};
use crate::gatekeeper::chunk::inflate;
use crate::gatekeeper::reader::Reader;
use crate::gatekeeper::{ACTOR_BYTES_MAX, OPERATION_WEIGHT};
use std::borrow::Cow;
use tiebreak_protocol::{Limits, Refusal};

/// Bytes of a document of the largest size that each must account for. Changes and operations can fold
/// together to almost nothing, so these are choices: in 32 MiB 131,072 changes and a million operations,
/// which take the library 160 MB to unfold.
const CHANGE_BYTES: u64 = 256;
const DEPENDENCY_BYTES: u64 = 32;

const CHANGE_COLUMNS: &[u64] = &[0x01, 0x03, 0x13, 0x23, 0x35, 0x40, 0x43, 0x56, 0x57];
const MESSAGE: u64 = 0x35;
const DEPENDENCY_COUNT: u64 = 0x40;
const DEPENDENCY: u64 = 0x43;

const OPERATION_COLUMNS: &[u64] =
    &[0x01, 0x02, 0x11, 0x13, 0x15, 0x21, 0x23, 0x34, 0x42, 0x56, 0x57, 0x80, 0x81, 0x83, 0x94, 0xa5];
const SUCCESSOR_COUNT: u64 = 0x80;
const SUCCESSOR: [u64; 2] = [0x81, 0x83];

/// A column's specification and its bytes.
type Inflated<'a> = (u64, Cow<'a, [u8]>);

/// What is left to unfold to.
#[derive(Debug)]
pub(super) struct Budget {
    change_operations_max: u64,
    inflated_bytes: u64,
    changes: u64,
    dependencies: u64,
    message_bytes: u64,
    operations: u64,
    successors: u64,
}

impl Budget {
    pub(super) const fn new(limits: &Limits) -> Self {
        let bytes = limits.document_bytes_max;
        Self {
            change_operations_max: limits.change_operations_max,
            inflated_bytes: bytes,
            changes: bytes / CHANGE_BYTES,
            dependencies: bytes / DEPENDENCY_BYTES,
            message_bytes: bytes,
            operations: bytes / OPERATION_WEIGHT,
            successors: bytes / OPERATION_WEIGHT,
        }
    }

    /// Walks the body of a document chunk.
    pub(super) fn spend_on(&mut self, body: &[u8]) -> Result<(), FileError> {
        let chunk = DocumentChunk::read(body)?;
        // Every change repeats its author's.
        if chunk.actors().any(|actor| actor.len() > ACTOR_BYTES_MAX) {
            return Err(FileError::TooLarge);
        }
        let is_known = |column: &Column<'_>, known: &[u64]| known.contains(&column.specification);
        if !chunk.change_columns.iter().all(|column| is_known(column, CHANGE_COLUMNS))
            || !chunk.operation_columns.iter().all(|column| is_known(column, OPERATION_COLUMNS))
        {
            return Err(FileError::Unknown);
        }

        let mut changes = 0;
        let mut value_bytes = None;
        for (specification, bytes) in self.inflated(&chunk.change_columns)? {
            let sum = self.sum(specification, &bytes, &mut value_bytes)?;
            match specification {
                MESSAGE => spend(&mut self.message_bytes, sum.text_bytes)?,
                DEPENDENCY_COUNT => spend(&mut self.dependencies, sum.values)?,
                _other => {}
            }
            // Columns inside a group have a row for each of the group's members.
            if specification != DEPENDENCY {
                changes = sum.rows.max(changes);
            }
        }
        spend(&mut self.changes, changes)?;

        let mut operations = 0;
        value_bytes = None;
        for (specification, bytes) in self.inflated(&chunk.operation_columns)? {
            let sum = self.sum(specification, &bytes, &mut value_bytes)?;
            if specification == SUCCESSOR_COUNT {
                spend(&mut self.successors, sum.values)?;
            }
            if !SUCCESSOR.contains(&specification) {
                operations = sum.rows.max(operations);
            }
        }
        if operations > changes.saturating_mul(self.change_operations_max) {
            return Err(FileError::TooLarge);
        }
        spend(&mut self.operations, operations)
    }

    fn inflated<'a>(&mut self, columns: &[Column<'a>]) -> Result<Vec<Inflated<'a>>, FileError> {
        let mut all = Vec::with_capacity(columns.len());
        for column in columns {
            let bytes = if column.is_deflated {
                let room = usize::try_from(self.inflated_bytes).unwrap_or(usize::MAX);
                let mut inflated = Vec::new();
                inflate(column.bytes, room, &mut inflated).map_err(too_large_or_malformed)?;
                Cow::Owned(inflated)
            } else {
                Cow::Borrowed(column.bytes)
            };
            spend(&mut self.inflated_bytes, bytes.len() as u64)?;
            all.push((column.specification, bytes));
        }
        Ok(all)
    }

    fn sum(&self, specification: u64, bytes: &[u8], value_bytes: &mut Option<u64>) -> Result<Sum, FileError> {
        let rows_max = self.operations.max(self.changes).max(self.successors).max(self.dependencies);
        let sum = match specification & 0b111 {
            0..=2 => add_up(bytes, rows_max, |reader| reader.unsigned().map(|value| (value, 0)))?,
            3 => add_up(bytes, rows_max, |reader| reader.signed().map(|_| (0, 0)))?,
            4 => add_up_flags(bytes, rows_max)?,
            5 => add_up(bytes, rows_max, |reader| reader.text().map(|text| (0, text.len() as u64)))?,
            6 => {
                let sum = add_up(bytes, rows_max, |reader| reader.unsigned().map(|meta| (meta >> 4, 0)))?;
                *value_bytes = Some(sum.values);
                sum
            }
            _raw_values => {
                // The lengths that the column before tells must lie within this one.
                if value_bytes.take().unwrap_or_default() > bytes.len() as u64 {
                    return Err(FileError::Malformed);
                }
                Sum::default()
            }
        };
        Ok(sum)
    }
}

/// A column, added up.
#[derive(Debug, Default)]
struct Sum {
    rows: u64,
    /// Of its numbers, where it is a column of counts or lengths.
    values: u64,
    /// Of its texts, each counted as often as it repeats.
    text_bytes: u64,
}

impl Sum {
    fn add(&mut self, times: u64, (value, text_bytes): (u64, u64), rows_max: u64) -> Result<(), FileError> {
        self.rows = self.rows.saturating_add(times);
        self.values = self.values.saturating_add(value.saturating_mul(times));
        self.text_bytes = self.text_bytes.saturating_add(text_bytes.saturating_mul(times));
        if self.rows > rows_max { Err(FileError::TooLarge) } else { Ok(()) }
    }
}

fn add_up<'a>(
    bytes: &'a [u8],
    rows_max: u64,
    read: impl Fn(&mut Reader<'a>) -> Result<(u64, u64), Refusal>,
) -> Result<Sum, FileError> {
    let mut reader = Reader::new(bytes);
    let mut sum = Sum::default();
    while !reader.is_empty() {
        let length = reader.signed()?;
        if length > 0 {
            sum.add(length.unsigned_abs(), read(&mut reader)?, rows_max)?;
        } else if length < 0 {
            for _ in 0..length.unsigned_abs() {
                sum.add(1, read(&mut reader)?, rows_max)?;
            }
        } else {
            sum.add(reader.unsigned()?, (0, 0), rows_max)?;
        }
    }
    Ok(sum)
}

fn add_up_flags(bytes: &[u8], rows_max: u64) -> Result<Sum, FileError> {
    let mut reader = Reader::new(bytes);
    let mut sum = Sum::default();
    while !reader.is_empty() {
        sum.add(reader.unsigned()?, (0, 0), rows_max)?;
    }
    Ok(sum)
}

fn spend(budget: &mut u64, amount: u64) -> Result<(), FileError> {
    *budget = budget.checked_sub(amount).ok_or(FileError::TooLarge)?;
    Ok(())
}

fn too_large_or_malformed(refusal: Refusal) -> FileError {
    if refusal == Refusal::ChangeTooLarge { FileError::TooLarge } else { FileError::Malformed }
}

impl From<Refusal> for FileError {
    /// The reader's own refusals all mean that the bytes are not in order.
    fn from(_refusal: Refusal) -> Self {
        Self::Malformed
    }
}
