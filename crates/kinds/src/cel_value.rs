//! JSON as CEL sees it. CEL's own maps iterate in an order of chance; these iterate by key, so that every replica
//! gives the same answer. And all that is asked of a document is counted: what an expression costs grows with the
//! document, which a stranger may have made large.

mod array;
mod object;

use crate::limits::MAX_EXPRESSION_STEPS;
use array::Array;
use cel::ExecutionError;
use cel::common::traits::Iterator as Lend;
use cel::common::types::{CelBool, CelDouble, CelInt, CelNull, CelString, CelUInt};
use cel::common::value::Val;
use object::Object;
use serde_json::{Number, Value};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of text that cost a step.
const TEXT_BYTES_PER_STEP: usize = 256;

/// What one answer has cost so far. Values of CEL cross threads, hence the atomic.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    taken: AtomicUsize,
}

impl Steps {
    /// Takes so many steps, if there are as many left.
    fn take(&self, steps: usize) -> Result<(), ExecutionError> {
        self.taken.fetch_add(steps, Ordering::Relaxed);
        if self.are_used_up() { Err(ExecutionError::function_error("doc", "too many steps")) } else { Ok(()) }
    }

    /// Whether the answer, if there is one, was given without looking at all that it is about.
    pub(crate) fn are_used_up(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > MAX_EXPRESSION_STEPS
    }
}

/// The value, borrowed where it can be.
pub(crate) fn to_cel<'a>(value: &'a Value, steps: &'a Steps) -> Box<dyn Val + 'a> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => number_to_cel(number),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(elements) => Box::new(Array::new(elements, steps)),
        Value::Object(entries) => Box::new(Object::new(entries, steps)),
    }
}

fn number_to_cel<'a>(number: &Number) -> Box<dyn Val + 'a> {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(number), _, _) => Box::new(CelInt::from(number)),
        (None, Some(number), _) => Box::new(CelUInt::from(number)),
        (None, None, Some(number)) => Box::new(CelDouble::from(number)),
        (None, None, None) => Box::new(CelNull),
    }
}

/// The value of one key or element, which costs a step and more for a long text.
fn hand_out<'a>(value: &'a Value, steps: &'a Steps) -> Result<Box<dyn Val + 'a>, ExecutionError> {
    steps.take(1 + value.as_str().map_or(0, str::len) / TEXT_BYTES_PER_STEP)?;
    Ok(to_cel(value, steps))
}

/// Lends one value after another. An iterator cannot fail: without steps it ends, and the answer does not count.
struct Lending<'b, T> {
    rest: std::slice::Iter<'b, T>,
}

impl<'b, T> Lending<'b, T> {
    fn over(all: &'b [T], steps: &Steps) -> Self {
        let rest = if steps.take(all.len()).is_ok() { all } else { &[] };
        Self { rest: rest.iter() }
    }
}

impl<'b, 'a: 'v, 'v> Lend<'b, 'v> for Lending<'b, CelString<'a>> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.rest.next().map(|key| key as &(dyn Val + 'v))
    }
}

impl<'b, 'a: 'v, 'v> Lend<'b, 'v> for Lending<'b, Box<dyn Val + 'a>> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.rest.next().map(|element| &**element as &(dyn Val + 'v))
    }
}
