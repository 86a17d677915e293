//! What stands at a path.

use crate::json::{scalar_to_json, to_json};
use crate::path::PathStep;
use automerge::{AutomergeError, ObjId, ObjType, Prop, ROOT, ReadDoc, ScalarValue, Value};
use serde_json::Value as Json;

/// What stands at a path.
#[derive(Debug)]
pub(super) enum Found {
    Object(ObjId, ObjType),
    Scalar(ScalarValue),
}

impl Found {
    /// As a person names it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Object(_, ObjType::Map | ObjType::Table) => "a map",
            Self::Object(_, ObjType::List) => "a list",
            Self::Object(_, ObjType::Text) => "a text",
            Self::Scalar(ScalarValue::Counter(_)) => "a counter",
            Self::Scalar(_) => "a plain value",
        }
    }
}

/// `None` if nothing is there, be it that the path leads through something that holds nothing.
pub(super) fn find(library: &impl ReadDoc, path: &[PathStep]) -> Result<Option<Found>, AutomergeError> {
    let mut found = Found::Object(ROOT, ObjType::Map);
    for step in path {
        let prop = match (&found, step) {
            (Found::Object(_, ObjType::Map | ObjType::Table), PathStep::Key(key)) => Prop::Map(key.clone()),
            (Found::Object(_, ObjType::List), PathStep::Position(position)) => Prop::Seq(*position),
            (Found::Object(..) | Found::Scalar(_), _) => return Ok(None),
        };
        let Found::Object(object, _) = &found else { return Ok(None) };
        found = match library.get(object, prop)? {
            Some((Value::Object(kind), object)) => Found::Object(object, kind),
            Some((Value::Scalar(scalar), _)) => Found::Scalar(scalar.into_owned()),
            None => return Ok(None),
        };
    }
    Ok(Some(found))
}

/// What stands at a path, with all that is in it.
pub(super) fn read(library: &impl ReadDoc, path: &[PathStep]) -> Result<Option<Json>, AutomergeError> {
    match find(library, path)? {
        Some(Found::Object(object, _)) => Ok(Some(to_json(&library.hydrate(&object, None)?))),
        Some(Found::Scalar(scalar)) => Ok(Some(scalar_to_json(&scalar))),
        None => Ok(None),
    }
}
