//! Where the columns of a change lie: their specifications, sorted out into slices.

use super::reader::Reader;
use tiebreak_protocol::Refusal;

/// Column id in the upper bits, type in the lower three; bit 3 would mark a deflated column, which
/// changes must not have. In the order in which they stand.
const SPECIFICATIONS: [u64; 14] =
    [0x01, 0x02, 0x11, 0x13, 0x15, 0x34, 0x42, 0x56, 0x57, 0x70, 0x71, 0x73, 0x94, 0xa5];

/// Columns in a group; no version of the format has more than half as many.
const COLUMNS_MAX: u64 = 32;

/// What is told of a column before the columns themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Specification {
    pub(crate) column: u64,
    pub(crate) length: u64,
}

/// Reads the specifications of a group of columns, which must rise: none is repeated or misplaced.
pub(crate) fn specifications(reader: &mut Reader<'_>) -> Result<Vec<Specification>, Refusal> {
    /// Deflated columns stand where they would stand otherwise.
    const DEFLATED: u64 = 1 << 3;
    let mut found: Vec<Specification> = Vec::new();
    let count = reader.unsigned()?;
    if count > COLUMNS_MAX {
        return Err(Refusal::MalformedChange);
    }
    for _ in 0..count {
        let (column, length) = (reader.unsigned()?, reader.unsigned()?);
        if found.last().is_some_and(|last| last.column & !DEFLATED >= column & !DEFLATED) {
            return Err(Refusal::MalformedChange);
        }
        found.push(Specification { column, length });
    }
    Ok(found)
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) object_actor: &'a [u8],
    pub(super) object_counter: &'a [u8],
    pub(super) key_actor: &'a [u8],
    pub(super) key_counter: &'a [u8],
    pub(super) key_text: &'a [u8],
    pub(super) insert: &'a [u8],
    pub(super) action: &'a [u8],
    pub(super) value_meta: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) predecessor_count: &'a [u8],
    pub(super) predecessor_actor: &'a [u8],
    pub(super) predecessor_counter: &'a [u8],
    pub(super) expand: &'a [u8],
    pub(super) mark_name: &'a [u8],
}

impl<'a> Columns<'a> {
    /// Reads the column specifications and takes the columns' bytes, which follow them.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Refusal> {
        let mut lengths = [0_u64; SPECIFICATIONS.len()];
        for Specification { column, length } in specifications(reader)? {
            let index = SPECIFICATIONS.binary_search(&column).map_err(|_| Refusal::MalformedChange)?;
            if length == 0 {
                return Err(Refusal::NotCanonical);
            }
            lengths[index] = length;
        }
        let mut columns = [&[][..]; SPECIFICATIONS.len()];
        for (column, length) in columns.iter_mut().zip(lengths) {
            *column = reader.take(length)?;
        }
        Ok(Self::sorted_out(columns))
    }

    const fn sorted_out(columns: [&'a [u8]; SPECIFICATIONS.len()]) -> Self {
        let [
            object_actor,
            object_counter,
            key_actor,
            key_counter,
            key_text,
            insert,
            action,
            value_meta,
            value,
            predecessor_count,
            predecessor_actor,
            predecessor_counter,
            expand,
            mark_name,
        ] = columns;
        Self {
            object_actor,
            object_counter,
            key_actor,
            key_counter,
            key_text,
            insert,
            action,
            value_meta,
            value,
            predecessor_count,
            predecessor_actor,
            predecessor_counter,
            expand,
            mark_name,
        }
    }
}
