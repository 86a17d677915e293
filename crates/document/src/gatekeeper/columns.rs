//! Where the columns of a change lie: their specifications, sorted out into slices.

use super::reader::Reader;
use tiebreak_protocol::Refusal;

/// Column id in the upper bits, type in the lower three; bit 3 would mark a deflated column, which
/// changes must not have. In the order in which they stand.
const SPECIFICATIONS: [u64; 14] =
    [0x01, 0x02, 0x11, 0x13, 0x15, 0x34, 0x42, 0x56, 0x57, 0x70, 0x71, 0x73, 0x94, 0xa5];

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
        let mut next = 0;
        for _ in 0..reader.unsigned()? {
            let specification = reader.unsigned()?;
            let skipped = SPECIFICATIONS.get(next..).unwrap_or_default().iter();
            let index = skipped.take_while(|known| **known != specification).count() + next;
            // Unknown, repeated and misplaced columns all end here.
            let length = lengths.get_mut(index).ok_or(Refusal::MalformedChange)?;
            *length = reader.unsigned()?;
            if *length == 0 {
                return Err(Refusal::NotCanonical);
            }
            next = index + 1;
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
