//! Values as operations of the library.

use super::value::{NewValue, scalar};
use automerge::transaction::{Transactable, Transaction as Library};
use automerge::{AutomergeError, ObjId, ObjType, Prop, ReadDoc, ScalarValue, Value};
use serde_json::Value as Json;

/// Where in an object a value goes.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Key(String),
    /// Over the element at this position.
    Element(usize),
    /// Before the element at this position.
    Insert(usize),
}

impl Slot {
    /// What stands there, unless it is to stay beside the new value.
    pub(super) fn prop(&self) -> Option<Prop> {
        match self {
            Self::Key(key) => Some(Prop::Map(key.clone())),
            Self::Element(position) => Some(Prop::Seq(*position)),
            Self::Insert(_) => None,
        }
    }
}

/// Writes a value, unless an equal one is alone there. Maps and lists are made anew in any case.
pub(super) fn write(
    library: &mut Library<'_>,
    object: &ObjId,
    slot: Slot,
    value: &NewValue,
) -> Result<(), AutomergeError> {
    if let Some(prop) = slot.prop() {
        let mut there = library.get_all(object, prop.clone())?;
        if let (Some((there, id)), true) = (there.pop(), there.is_empty()) {
            match (there, value) {
                // The library takes a counter for equal that began as the new one and was added to since.
                (Value::Scalar(there), NewValue::Counter(value)) => {
                    if let ScalarValue::Counter(there) = there.as_ref() {
                        let by = value.wrapping_sub(i64::from(there));
                        return if by == 0 { Ok(()) } else { library.increment(object, prop, by) };
                    }
                }
                (Value::Scalar(there), NewValue::Json(Json::String(text))) => {
                    if matches!(there.as_ref(), ScalarValue::Str(there) if there == text.as_str()) {
                        return Ok(());
                    }
                }
                (Value::Object(ObjType::Text), NewValue::Json(Json::String(text))) => {
                    if library.text(&id)? == *text {
                        return Ok(());
                    }
                }
                (Value::Scalar(_) | Value::Object(_), _) => {}
            }
        }
    }
    match (value, value.scalar()) {
        (_, Some(scalar)) => write_scalar(library, object, slot, scalar),
        (NewValue::Json(json), None) => write_json(library, object, slot, json),
        (NewValue::Counter(_) | NewValue::Timestamp(_) | NewValue::Bytes(_), None) => Ok(()),
    }
}

pub(super) fn write_scalar(
    library: &mut Library<'_>,
    object: &ObjId,
    slot: Slot,
    scalar: ScalarValue,
) -> Result<(), AutomergeError> {
    match slot {
        Slot::Key(key) => library.put(object, key, scalar),
        Slot::Element(position) => library.put(object, position, scalar),
        Slot::Insert(position) => library.insert(object, position, scalar),
    }
}

/// Its depth has been looked at before, so recursion is bounded.
fn write_json(
    library: &mut Library<'_>,
    object: &ObjId,
    slot: Slot,
    json: &Json,
) -> Result<(), AutomergeError> {
    match json {
        Json::Object(entries) => {
            let made = make(library, object, slot, ObjType::Map)?;
            let mut entries = entries.iter();
            entries.try_for_each(|(key, entry)| write_json(library, &made, Slot::Key(key.clone()), entry))
        }
        Json::Array(items) => {
            let made = make(library, object, slot, ObjType::List)?;
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| write_json(library, &made, Slot::Insert(index), item))
        }
        Json::String(text) => {
            let made = make(library, object, slot, ObjType::Text)?;
            library.splice_text(&made, 0, 0, text)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {
            write_scalar(library, object, slot, scalar(json).unwrap_or(ScalarValue::Null))
        }
    }
}

fn make(
    library: &mut Library<'_>,
    object: &ObjId,
    slot: Slot,
    kind: ObjType,
) -> Result<ObjId, AutomergeError> {
    match slot {
        Slot::Key(key) => library.put_object(object, key, kind),
        Slot::Element(position) => library.put_object(object, position, kind),
        Slot::Insert(position) => library.insert_object(object, position, kind),
    }
}
