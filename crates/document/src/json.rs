//! A document as JSON.

use crate::{Document, OpenError};
use automerge::ScalarValue;
use automerge::hydrate::Value;
use serde_json::{Number, Value as Json};

impl Document {
    /// The present state as JSON. Text objects are strings, counters numbers, timestamps numbers of
    /// milliseconds since the Unix epoch, bytes arrays of numbers; numbers that JSON lacks are null.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn to_json(&mut self) -> Result<Json, OpenError> {
        self.opened()?.read(|engine| to_json(&engine.automerge.hydrate(None)))
    }
}

/// Depth is bounded by the gatekeeper for every document that was ever merged, so recursion is too.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Map(map) => map.iter().map(|(key, entry)| (key.to_string(), to_json(&entry.value))).collect(),
        Value::List(list) => list.iter().map(|entry| to_json(&entry.value)).collect(),
        Value::Text(text) => Json::String(text.to_string()),
        Value::Scalar(scalar) => scalar_to_json(scalar),
    }
}

pub(crate) fn scalar_to_json(scalar: &ScalarValue) -> Json {
    match scalar {
        ScalarValue::Str(text) => Json::String(text.to_string()),
        ScalarValue::Int(number) => Json::from(*number),
        ScalarValue::Uint(number) => Json::from(*number),
        ScalarValue::F64(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        ScalarValue::Counter(counter) => Json::from(i64::from(counter)),
        ScalarValue::Timestamp(milliseconds) => Json::from(*milliseconds),
        ScalarValue::Boolean(value) => Json::Bool(*value),
        ScalarValue::Bytes(bytes) => Json::from(bytes.clone()),
        ScalarValue::Unknown { .. } | ScalarValue::Null => Json::Null,
    }
}
