//! The name that a change gives its document: a plain string, or a text object, as some clients write every string.

use super::is_kind_key;
use crate::gatekeeper::{Action, CheckedChange, Key, Object, Operation, OperationId, Value};
use tiebreak_protocol::Refusal;

/// Names of kinds have up to 64 characters.
const NAME_CHARS_MAX: usize = 64;

/// Elements of a text that is read as a name: typing errors and marks may be among them.
const ELEMENTS_MAX: usize = 4 * NAME_CHARS_MAX;

/// The name that the change writes, if it writes one.
pub(super) fn named_in(change: &CheckedChange) -> Result<Option<Box<str>>, Refusal> {
    let mut name = None;
    for operation in change.operations_iter() {
        match operation.key {
            Key::Property(key) if is_kind_key(operation.object, key) => {
                let is_first = name.is_none() && change.start_op() == 1;
                name =
                    Some(if is_first { Name::begin(&operation)? } else { return Err(Refusal::KindFixed) });
            }
            Key::Property(_) | Key::Head | Key::Element(_) => {
                if let Some(Name::Text(text)) = &mut name
                    && operation.object == text.object
                {
                    text.apply(&operation)?;
                }
            }
        }
    }
    let Some(name) = name else { return Ok(None) };
    let name = name.read();
    if name.chars().count() > NAME_CHARS_MAX { Err(Refusal::WrongType) } else { Ok(Some(name)) }
}

enum Name<'a> {
    Value(&'a str),
    Text(Text<'a>),
}

/// A text that is made and filled by one change.
struct Text<'a> {
    object: Object,
    /// The operation that inserted each element, and what it holds.
    elements: Vec<(u64, &'a str)>,
}

impl<'a> Name<'a> {
    fn begin(operation: &Operation<'a>) -> Result<Self, Refusal> {
        match (operation.action, operation.value) {
            (Action::Set, Value::Text(name)) => Ok(Self::Value(name)),
            (Action::MakeText, _) => {
                let object = Object::Made(OperationId { counter: operation.counter, actor: 0 });
                Ok(Self::Text(Text { object, elements: Vec::new() }))
            }
            (
                Action::Set
                | Action::MakeMap
                | Action::MakeList
                | Action::Delete
                | Action::Increment
                | Action::Mark,
                _,
            ) => Err(Refusal::WrongType),
        }
    }

    fn read(self) -> Box<str> {
        match self {
            Self::Value(name) => name.into(),
            Self::Text(Text { elements, .. }) => elements.into_iter().map(|(_, text)| text).collect(),
        }
    }
}

impl<'a> Text<'a> {
    /// Of elements that one author inserts after the same one, the latest comes first.
    fn apply(&mut self, operation: &Operation<'a>) -> Result<(), Refusal> {
        let content = match (operation.action, operation.value) {
            (Action::Set, Value::Text(text)) => text,
            (Action::Delete | Action::Mark, _) => "",
            (Action::Set | Action::Increment | Action::MakeMap | Action::MakeList | Action::MakeText, _) => {
                return Err(Refusal::WrongType);
            }
        };
        let at = match operation.key {
            Key::Element(id) => self.elements.iter().position(|(counter, _)| *counter == id.counter),
            Key::Head | Key::Property(_) => None,
        };
        if !operation.insert {
            if let Some((_, element)) = at.and_then(|at| self.elements.get_mut(at)) {
                *element = content;
            }
            return Ok(());
        }
        if self.elements.len() == ELEMENTS_MAX {
            return Err(Refusal::WrongType);
        }
        self.elements.insert(at.map_or(0, |at| at + 1), (operation.counter, content));
        Ok(())
    }
}
