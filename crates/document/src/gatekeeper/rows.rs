//! Walks all columns of a change in step, one operation at a time.

use super::columns::Columns;
use super::operation::{Action, Key, Object, Operation, OperationId, Value};
use super::reader::Reader;
use super::run_length::{Delta, Flags, RunLength};
use tiebreak_protocol::Refusal;

/// A cursor over the operations of a change. What it yields has the shape of an operation; what it
/// refers to is not looked at.
#[derive(Debug, Clone)]
pub(super) struct Rows<'a> {
    next_counter: u64,
    left: u64,
    predecessors_left: u64,
    object_actor: RunLength<'a, u64>,
    object_counter: RunLength<'a, u64>,
    key_actor: RunLength<'a, u64>,
    key_counter: Delta<'a>,
    key_text: RunLength<'a, &'a str>,
    insert: Flags<'a>,
    action: RunLength<'a, u64>,
    value_meta: RunLength<'a, u64>,
    value: Reader<'a>,
    predecessor_count: RunLength<'a, u64>,
    predecessor_actor: RunLength<'a, u64>,
    predecessor_counter: Delta<'a>,
    expand: Option<Flags<'a>>,
    mark_name: RunLength<'a, &'a str>,
}

impl<'a> Rows<'a> {
    /// Starts at the first of `rows` operations. Runs are short and can say much, so the caller bounds
    /// both the operations and what they may overwrite together.
    pub(super) fn new(columns: &Columns<'a>, start_op: u64, rows: u64, predecessors_max: u64) -> Self {
        Self {
            next_counter: start_op,
            left: rows,
            predecessors_left: predecessors_max,
            object_actor: RunLength::new(columns.object_actor),
            object_counter: RunLength::new(columns.object_counter),
            key_actor: RunLength::new(columns.key_actor),
            key_counter: Delta::new(columns.key_counter),
            key_text: RunLength::new(columns.key_text),
            insert: Flags::new(columns.insert),
            action: RunLength::new(columns.action),
            value_meta: RunLength::new(columns.value_meta),
            value: Reader::new(columns.value),
            predecessor_count: RunLength::new(columns.predecessor_count),
            predecessor_actor: RunLength::new(columns.predecessor_actor),
            predecessor_counter: Delta::new(columns.predecessor_counter),
            expand: (!columns.expand.is_empty()).then(|| Flags::new(columns.expand)),
            mark_name: RunLength::new(columns.mark_name),
        }
    }

    /// The next operation; after the last one, the columns must be at their ends.
    pub(super) fn next(&mut self) -> Result<Option<Operation<'a>>, Refusal> {
        if self.left == 0 {
            return self.finish().map(|()| None);
        }
        self.left -= 1;
        let counter = self.next_counter;
        self.next_counter += 1;
        let action = self.action.next_value()?;
        Ok(Some(Operation {
            counter,
            object: self.object()?,
            key: self.key()?,
            insert: self.insert.next()?,
            action: Action::from_number(action).ok_or(Refusal::MalformedChange)?,
            value: self.value()?,
            predecessors: self.predecessors()?,
            expand: self.expand.as_mut().map_or(Ok(false), Flags::next)?,
            mark_name: self.mark_name.next()?,
        }))
    }

    fn object(&mut self) -> Result<Object, Refusal> {
        match (self.object_actor.next()?, self.object_counter.next()?) {
            (None, None) => Ok(Object::Root),
            (Some(actor), Some(counter)) => operation_id(actor, counter).map(Object::Made),
            (None, Some(_)) | (Some(_), None) => Err(Refusal::MalformedChange),
        }
    }

    fn key(&mut self) -> Result<Key<'a>, Refusal> {
        match (self.key_text.next()?, self.key_actor.next()?, self.key_counter.next()?) {
            (Some(text), None, None) => Ok(Key::Property(text)),
            (None, None, Some(0)) => Ok(Key::Head),
            (None, Some(actor), Some(counter)) => operation_id(actor, counter).map(Key::Element),
            (None, None, _) | (Some(_), _, _) | (None, Some(_), None) => Err(Refusal::MalformedChange),
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Refusal> {
        let meta = self.value_meta.next_value()?;
        let bytes = self.value.take(meta >> 4)?;
        let mut reader = Reader::new(bytes);
        let value = match meta & 0xf {
            0 => Value::Null,
            1 => Value::Boolean(false),
            2 => Value::Boolean(true),
            3 => Value::Unsigned(reader.unsigned()?),
            4 => Value::Signed(reader.signed()?),
            5 => Value::Float(f64::from_le_bytes(bytes.try_into().map_err(|_| Refusal::MalformedChange)?)),
            6 => Value::Text(std::str::from_utf8(bytes).map_err(|_| Refusal::MalformedChange)?),
            7 => Value::Bytes(bytes),
            8 => Value::Counter(reader.signed()?),
            9 => Value::Timestamp(reader.signed()?),
            // Four bits are left of the type, so it fits.
            unknown => Value::Unknown(unknown as u8, bytes),
        };
        let read_in_full = match value {
            Value::Null | Value::Boolean(_) | Value::Unsigned(_) => reader.is_empty(),
            Value::Signed(_) | Value::Counter(_) | Value::Timestamp(_) => reader.is_empty(),
            Value::Float(_) | Value::Text(_) | Value::Bytes(_) | Value::Unknown(..) => true,
        };
        if read_in_full { Ok(value) } else { Err(Refusal::MalformedChange) }
    }

    fn predecessors(&mut self) -> Result<Vec<OperationId>, Refusal> {
        let count = self.predecessor_count.next_value()?;
        self.predecessors_left =
            self.predecessors_left.checked_sub(count).ok_or(Refusal::TooManyOperations)?;
        let mut predecessors = Vec::new();
        for _ in 0..count {
            let actor = self.predecessor_actor.next_value()?;
            let counter = self.predecessor_counter.next()?.ok_or(Refusal::MalformedChange)?;
            predecessors.push(operation_id(actor, counter)?);
        }
        Ok(predecessors)
    }

    fn finish(&self) -> Result<(), Refusal> {
        self.object_actor.finish()?;
        self.object_counter.finish()?;
        self.key_actor.finish()?;
        self.key_counter.finish()?;
        self.key_text.finish()?;
        self.insert.finish()?;
        self.action.finish()?;
        self.value_meta.finish()?;
        self.predecessor_count.finish()?;
        self.predecessor_actor.finish()?;
        self.predecessor_counter.finish()?;
        self.mark_name.finish()?;
        if !self.value.is_empty() {
            return Err(Refusal::MalformedChange);
        }
        let Some(expand) = &self.expand else { return Ok(()) };
        expand.finish()?;
        if expand.all_unset() { Err(Refusal::NotCanonical) } else { Ok(()) }
    }
}

fn operation_id(actor: u64, counter: u64) -> Result<OperationId, Refusal> {
    let actor = usize::try_from(actor).map_err(|_| Refusal::MalformedChange)?;
    if counter == 0 { Err(Refusal::MalformedChange) } else { Ok(OperationId { counter, actor }) }
}
