//! How a document chunk is laid out: actors, heads, and the columns of changes and of operations.

use crate::gatekeeper::chunk::{CHANGE, DEFLATED_CHANGE, Header, TYPE_AT, inflated_length};
use crate::gatekeeper::columns::{Specification, specifications};
use crate::gatekeeper::reader::{Reader, write_unsigned};
use tiebreak_protocol::Refusal;

/// The type of a chunk that holds a whole document.
pub(crate) const DOCUMENT: u8 = 0;

/// Of a column's specification: its bytes are deflated.
const DEFLATED: u64 = 1 << 3;
const HASH_BYTES: u64 = 32;

/// The body of a document chunk, taken apart but not inflated.
#[derive(Debug)]
pub(crate) struct DocumentChunk<'a> {
    /// As they stand, each with its length: a list of many empty ones would take far more space.
    actors: &'a [u8],
    pub(crate) change_columns: Vec<Column<'a>>,
    pub(crate) operation_columns: Vec<Column<'a>>,
}

/// A column as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    /// Its specification, whether it is deflated or not.
    pub(crate) specification: u64,
    pub(crate) is_deflated: bool,
    pub(crate) bytes: &'a [u8],
}

impl<'a> DocumentChunk<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(body);
        let count = reader.unsigned()?;
        let actors = reader.rest();
        for _ in 0..count {
            reader.length_prefixed()?;
        }
        let actors = actors.get(..actors.len() - reader.rest().len()).unwrap_or_default();
        let heads = reader.unsigned()?;
        reader.take(heads.checked_mul(HASH_BYTES).ok_or(Refusal::MalformedChange)?)?;
        let change_columns = specifications(&mut reader)?;
        let operation_columns = specifications(&mut reader)?;
        Ok(Self {
            actors,
            change_columns: columns(&mut reader, change_columns)?,
            operation_columns: columns(&mut reader, operation_columns)?,
        })
    }

    /// Ids in the columns are places in this list.
    pub(crate) fn actors(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut reader = Reader::new(self.actors);
        std::iter::from_fn(move || reader.length_prefixed().ok())
    }
}

/// How many bytes a chunk takes that nothing in it is deflated of; what cannot be read counts as it is.
pub(crate) fn plain_length(chunk: &[u8]) -> u64 {
    let Ok((header, _)) = Header::read(chunk) else { return chunk.len() as u64 };
    let inflated = match header.chunk_type {
        DEFLATED_CHANGE => {
            let body_length = inflated_length(header.body);
            let mut header = vec![0; TYPE_AT + 1];
            write_unsigned(body_length, &mut header);
            header.len() as u64 + body_length
        }
        CHANGE => chunk.len() as u64,
        _document => DocumentChunk::read(header.body).map_or(0, |document| {
            let columns = document.change_columns.iter().chain(&document.operation_columns);
            columns
                .map(|column| {
                    let length = column.bytes.len() as u64;
                    if column.is_deflated { inflated_length(column.bytes) } else { length }
                })
                .sum()
        }),
    };
    inflated.max(chunk.len() as u64)
}

fn columns<'a>(
    reader: &mut Reader<'a>,
    specifications: Vec<Specification>,
) -> Result<Vec<Column<'a>>, Refusal> {
    let column = |Specification { column, length }| {
        let is_deflated = column & DEFLATED != 0;
        Ok(Column { specification: column & !DEFLATED, is_deflated, bytes: reader.take(length)? })
    };
    specifications.into_iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use automerge::transaction::Transactable;
    use automerge::{AutoCommit, ROOT};

    #[test]
    fn the_plain_length_of_a_chunk_is_that_of_the_chunk_saved_plain() {
        let mut automerge = AutoCommit::new();
        automerge.put(ROOT, "zeros", "0".repeat(100_000)).unwrap();
        let (saved, plain) = (automerge.save(), automerge.save_nocompress());
        assert!(saved.len() < 1_000);
        let difference = plain.len() as u64 - plain_length(&saved);
        assert!(difference < 200, "{difference}");
        assert_eq!(plain_length(&plain), plain.len() as u64);
        let mut change = automerge.get_last_local_change().unwrap();
        assert_eq!(plain_length(&change.bytes()), change.raw_bytes().len() as u64);
        assert_eq!(plain_length(b"no chunk"), 8);
    }
}
