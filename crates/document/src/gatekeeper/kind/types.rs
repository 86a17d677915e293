//! Whether a value is of a type that its place takes.

use super::places::Shape;
use crate::gatekeeper::{Action, Operation, Value};
use tiebreak_kinds::{Merge, Node, Type};

/// Whether what the operation writes may stand at `node`, in an object of this shape. A text object is a string as
/// well, and so are the characters inside of it.
pub(super) fn fits(operation: &Operation<'_>, node: &Node, container: Shape) -> bool {
    let types = node.types();
    if types.is_empty() {
        return true;
    }
    match (operation.action, container) {
        (Action::Delete | Action::Mark, _) => true,
        // A map inside of a text is a block of rich text.
        (Action::MakeMap, Shape::Text) => true,
        (Action::Set, Shape::Text) => matches!(operation.value, Value::Text(_)),
        (Action::MakeList | Action::MakeText | Action::Increment, Shape::Text) => false,
        (Action::MakeMap, _) => types.contains(&Type::Object),
        (Action::MakeList, _) => types.contains(&Type::Array),
        (Action::MakeText, _) => types.contains(&Type::String),
        // Beside a counter, an increment hides every value that is none.
        (Action::Increment, _) => node.merge() == Merge::Counter,
        (Action::Set, _) => value_fits(&operation.value, node),
    }
}

/// A counter stands only where increments add up: anywhere else it would merge otherwise than the kind says. Bytes
/// and numbers that JSON lacks are of no type.
fn value_fits(value: &Value<'_>, node: &Node) -> bool {
    let takes = |wanted| node.types().contains(&wanted);
    let takes_integer = || takes(Type::Integer) || takes(Type::Number);
    match *value {
        Value::Null => takes(Type::Null),
        Value::Boolean(_) => takes(Type::Boolean),
        Value::Unsigned(_) | Value::Signed(_) | Value::Timestamp(_) => takes_integer(),
        Value::Float(number) if number.is_finite() => {
            takes(Type::Number) || (number.fract() == 0.0 && takes(Type::Integer))
        }
        Value::Text(_) => takes(Type::String),
        Value::Counter(_) => node.merge() == Merge::Counter && takes_integer(),
        Value::Float(_) | Value::Bytes(_) | Value::Unknown(..) => false,
    }
}
