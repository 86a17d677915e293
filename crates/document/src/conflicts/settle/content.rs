//! What a person chose, as it is written.

use crate::conflicts::value::whole_number;
use automerge::ScalarValue;
use automerge::hydrate::Value as Hydrated;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tiebreak_kinds::{Merge, Node};

#[derive(Debug, Clone, PartialEq)]
pub(in crate::conflicts) enum Content {
    Scalar(ScalarValue),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

/// What strings become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strings {
    /// Texts that several people can type in, as stock JavaScript clients make them.
    AsTexts,
    AsValues,
}

impl Content {
    pub(super) fn holds_text(value: &Hydrated) -> bool {
        match value {
            Hydrated::Text(_) => true,
            Hydrated::Scalar(_) => false,
            Hydrated::List(list) => list.iter().any(|element| Self::holds_text(&element.value)),
            Hydrated::Map(map) => map.iter().any(|(_, entry)| Self::holds_text(&entry.value)),
        }
    }

    pub(in crate::conflicts) fn of_document(value: &Hydrated) -> Self {
        match value {
            Hydrated::Scalar(scalar) => Self::Scalar(scalar.clone()),
            Hydrated::Text(text) => Self::Text(text.to_string()),
            Hydrated::List(list) => {
                Self::List(list.iter().map(|element| Self::of_document(&element.value)).collect())
            }
            Hydrated::Map(map) => Self::Map(
                map.iter().map(|(key, entry)| (key.clone(), Self::of_document(&entry.value))).collect(),
            ),
        }
    }

    /// With numbers as counters wherever the kind counts: whole numbers that two people write apart would not add up.
    pub(super) fn counting(self, node: Option<&Node>) -> Self {
        let Some(node) = node else { return self };
        match self {
            Self::Scalar(number) if node.merge() == Merge::Counter => {
                let whole = whole_number(&Hydrated::Scalar(number.clone()));
                Self::Scalar(whole.map_or(number, ScalarValue::counter))
            }
            Self::List(elements) => {
                let element = |content: Self| content.counting(Some(node.element()));
                Self::List(elements.into_iter().map(element).collect())
            }
            Self::Map(entries) => {
                let entry = |(key, content): (String, Self)| {
                    let content = content.counting(Some(node.child(&key)));
                    (key, content)
                };
                Self::Map(entries.into_iter().map(entry).collect())
            }
            other @ (Self::Scalar(_) | Self::Text(_)) => other,
        }
    }

    pub(super) fn of_json(json: &Json, strings: Strings) -> Self {
        match json {
            Json::Null => Self::Scalar(ScalarValue::Null),
            Json::Bool(value) => Self::Scalar(ScalarValue::Boolean(*value)),
            Json::Number(number) => Self::Scalar(match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => ScalarValue::Int(number),
                (None, Some(number)) => ScalarValue::Uint(number),
                (None, None) => ScalarValue::F64(number.as_f64().unwrap_or_default()),
            }),
            Json::String(text) if strings == Strings::AsTexts => Self::Text(text.clone()),
            Json::String(text) => Self::Scalar(ScalarValue::from(text.as_str())),
            Json::Array(elements) => {
                Self::List(elements.iter().map(|element| Self::of_json(element, strings)).collect())
            }
            Json::Object(entries) => Self::Map(
                entries.iter().map(|(key, value)| (key.clone(), Self::of_json(value, strings))).collect(),
            ),
        }
    }
}
