//! Reads the operations out of a document chunk: one walk over its columns.

use super::{Deed, Operations, Run, ShortPlace, fold};
use crate::document_chunk::DocumentChunk;
use crate::gatekeeper::chunk::Header;
use crate::gatekeeper::run_length::{Delta, Flags, RunLength};
use crate::short_id::{NOWHERE, ShortId};
use automerge::ObjType;
use tiebreak_protocol::Refusal;

const ACTION: u64 = 0x42;

/// Reads the document chunk that `saved` begins with; `None` when it is not what the library is known to write.
pub(super) fn read(saved: &[u8]) -> Option<Operations> {
    read_chunk(saved).ok().flatten()
}

fn read_chunk(saved: &[u8]) -> Result<Option<Operations>, Refusal> {
    let (header, _) = Header::read(saved)?;
    let chunk = DocumentChunk::read(header.body)?;
    let mut operations = Operations::default();
    for (number, actor) in (0_u32..).zip(chunk.actors()) {
        // Ids in the columns are these numbers.
        if operations.actors.note(actor) != number {
            return Ok(None);
        }
    }
    let columns = &chunk.operation_columns;
    if columns.iter().any(|column| column.is_deflated) {
        return Ok(None);
    }
    let column = |wanted| {
        columns.iter().find(|column| column.specification == wanted).map_or(&[][..], |column| column.bytes)
    };
    let rows = RunLength::<u64>::new(column(ACTION)).count_rows(u64::MAX)?;
    let mut columns = Columns::new(column);
    let mut runs = Vec::new();
    for _ in 0..rows {
        runs.push(columns.next(&mut operations)?);
    }
    runs.sort_unstable_by_key(|(id, _)| *id);
    let mut folded = Vec::new();
    for (id, run) in runs {
        fold(&mut folded, id, run);
    }
    operations.runs = folded.into_iter().collect();
    Ok(Some(operations))
}

struct Columns<'a> {
    object_actor: RunLength<'a, u64>,
    object_counter: RunLength<'a, u64>,
    key_actor: RunLength<'a, u64>,
    key_counter: Delta<'a>,
    key_text: RunLength<'a, &'a str>,
    actor: RunLength<'a, u64>,
    counter: Delta<'a>,
    insert: Flags<'a>,
    action: RunLength<'a, u64>,
}

impl<'a> Columns<'a> {
    fn new(column: impl Fn(u64) -> &'a [u8]) -> Self {
        Self {
            object_actor: RunLength::new(column(0x01)),
            object_counter: RunLength::new(column(0x02)),
            key_actor: RunLength::new(column(0x11)),
            key_counter: Delta::new(column(0x13)),
            key_text: RunLength::new(column(0x15)),
            actor: RunLength::new(column(0x21)),
            counter: Delta::new(column(0x23)),
            insert: Flags::new(column(0x34)),
            action: RunLength::new(column(ACTION)),
        }
    }

    fn next(&mut self, operations: &mut Operations) -> Result<(ShortId, Run), Refusal> {
        let object = match (self.object_actor.next()?, self.object_counter.next()?) {
            (None, None) => NOWHERE,
            (actor, counter) => short(actor, counter)?,
        };
        let insert = self.insert.next()?;
        let place = match (self.key_text.next()?, self.key_actor.next()?, self.key_counter.next()?) {
            (Some(text), None, None) => ShortPlace::Property(operations.properties.note(text)),
            (None, None, Some(0)) => ShortPlace::Inserted(NOWHERE),
            (None, actor, counter) if insert => ShortPlace::Inserted(short(actor, counter)?),
            (None, actor, counter) => ShortPlace::Element(short(actor, counter)?),
            (Some(_), _, _) => return Err(Refusal::MalformedChange),
        };
        let deed = match self.action.next_value()? {
            0 => Deed::Makes(ObjType::Map),
            2 => Deed::Makes(ObjType::List),
            4 => Deed::Makes(ObjType::Text),
            6 => Deed::Makes(ObjType::Table),
            7 => Deed::Marks,
            _value => Deed::Writes,
        };
        let id = short(self.actor.next()?, self.counter.next()?)?;
        Ok((id, Run { length: 1, object, place, deed }))
    }
}

fn short(actor: Option<u64>, counter: Option<u64>) -> Result<ShortId, Refusal> {
    let short = |number: Option<u64>| {
        u32::try_from(number.ok_or(Refusal::MalformedChange)?).map_err(|_| Refusal::MalformedChange)
    };
    Ok(ShortId { actor: short(actor)?, counter: short(counter)? })
}
