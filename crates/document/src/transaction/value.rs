//! What a transaction writes: JSON, and the kinds of value that JSON lacks.

use crate::from_json::{operations, scalar_from_number};
use automerge::ScalarValue;
use bytes::Bytes;
use serde_json::Value as Json;

/// A number that devices add to; what they add at the same time adds up. See
/// [`Transaction::increment`](crate::Transaction::increment).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter(pub i64);

/// A moment, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(pub i64);

/// A value to write. Strings become text objects, as stock JavaScript clients make them; numbers that JSON
/// lacks become null.
#[derive(Debug, Clone, PartialEq)]
pub enum NewValue {
    /// Whatever JSON holds, nested too.
    Json(Json),
    /// What it counts from.
    Counter(i64),
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    /// A plain value, replaced as a whole.
    Bytes(Bytes),
}

impl NewValue {
    /// The value, if it takes no object to hold it.
    pub(super) fn scalar(&self) -> Option<ScalarValue> {
        match self {
            Self::Json(json) => scalar(json),
            Self::Counter(value) => Some(ScalarValue::counter(*value)),
            Self::Timestamp(milliseconds) => Some(ScalarValue::Timestamp(*milliseconds)),
            Self::Bytes(bytes) => Some(ScalarValue::Bytes(bytes.to_vec())),
        }
    }

    /// How many operations write it.
    pub(super) fn operations(&self) -> u64 {
        match self {
            Self::Json(json) => operations(json),
            Self::Counter(_) | Self::Timestamp(_) | Self::Bytes(_) => 1,
        }
    }

    /// Whether its objects nest in no more than so many levels.
    pub(super) fn fits(&self, levels: usize) -> bool {
        match self {
            Self::Json(json) => fits(json, levels),
            Self::Counter(_) | Self::Timestamp(_) | Self::Bytes(_) => true,
        }
    }
}

/// `None` for what takes an object to hold it: a map, a list or a text.
pub(super) fn scalar(json: &Json) -> Option<ScalarValue> {
    match json {
        Json::Null => Some(ScalarValue::Null),
        Json::Bool(value) => Some(ScalarValue::Boolean(*value)),
        Json::Number(number) => Some(scalar_from_number(number)),
        Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

fn fits(json: &Json, levels: usize) -> bool {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
        Json::String(_) => levels > 0,
        Json::Array(items) => levels > 0 && items.iter().all(|item| fits(item, levels - 1)),
        Json::Object(entries) => levels > 0 && entries.values().all(|entry| fits(entry, levels - 1)),
    }
}

impl From<Counter> for NewValue {
    fn from(Counter(value): Counter) -> Self {
        Self::Counter(value)
    }
}

impl From<Timestamp> for NewValue {
    fn from(Timestamp(milliseconds): Timestamp) -> Self {
        Self::Timestamp(milliseconds)
    }
}

impl From<Bytes> for NewValue {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&Json> for NewValue {
    fn from(json: &Json) -> Self {
        Self::Json(json.clone())
    }
}

impl From<()> for NewValue {
    fn from((): ()) -> Self {
        Self::Json(Json::Null)
    }
}

macro_rules! from_what_json_holds {
    ($($kind:ty),+) => {
        $(impl From<$kind> for NewValue {
            fn from(value: $kind) -> Self {
                Self::Json(Json::from(value))
            }
        })+
    };
}

from_what_json_holds!(Json, &str, String, bool, i32, i64, u32, u64, usize, f64);
