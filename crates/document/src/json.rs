//! A document as JSON, and a document made from JSON.

use crate::document::saved;
use crate::{Document, OpenError, SavedChange};
use automerge::hydrate::Value;
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutomergeError, ObjId, ObjType, ROOT, ScalarValue};
use serde_json::{Map, Number, Value as Json};

/// JSON that cannot become a document.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("a document is a JSON object, as in {{\"title\": \"hello\"}}")]
    NotAnObject,
    #[error("objects and arrays are nested deeper than {0}")]
    TooDeep(usize),
    #[error("the library refused the content: {0}")]
    Library(#[from] AutomergeError),
}

impl Document {
    /// The present state as JSON. Text objects are strings, counters numbers, timestamps numbers of
    /// milliseconds since the Unix epoch, bytes arrays of numbers; numbers that JSON lacks are null.
    ///
    /// # Errors
    /// When the document does not open.
    pub fn to_json(&mut self) -> Result<Json, OpenError> {
        self.open()?;
        Ok(self.engine().map_or_else(|| Json::Object(Map::new()), |engine| to_json(&engine.automerge.hydrate(None))))
    }

    /// The one change that makes an empty document hold this JSON. Strings become text objects, as stock
    /// JavaScript clients make them.
    ///
    /// # Errors
    /// When the JSON is not an object or nests deeper than `depth_max`.
    pub fn change_from_json(json: &Json, actor: &[u8], time_s: i64, depth_max: usize) -> Result<SavedChange, ImportError> {
        let Json::Object(entries) = json else { return Err(ImportError::NotAnObject) };
        let mut automerge = automerge::Automerge::new().with_actor(ActorId::from(actor));
        let mut transaction = automerge.transaction();
        for (key, value) in entries {
            write(&mut transaction, &ROOT, Place::Key(key), value, depth_max)?;
        }
        transaction.commit_with(CommitOptions::default().with_time(time_s));
        // An empty object makes no operation; the document still has to exist.
        let change = match automerge.get_last_local_change() {
            Some(change) => change,
            None => {
                automerge.empty_commit(CommitOptions::default().with_time(time_s));
                automerge.get_last_local_change().ok_or(ImportError::NotAnObject)?
            }
        };
        Ok(saved(&change))
    }
}

/// Depth is bounded by the gatekeeper for every document that was ever merged, so recursion is too.
fn to_json(value: &Value) -> Json {
    match value {
        Value::Map(map) => map.iter().map(|(key, entry)| (key.to_string(), to_json(&entry.value))).collect(),
        Value::List(list) => list.iter().map(|entry| to_json(&entry.value)).collect(),
        Value::Text(text) => Json::String(text.to_string()),
        Value::Scalar(scalar) => scalar_to_json(scalar),
    }
}

fn scalar_to_json(scalar: &ScalarValue) -> Json {
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

#[derive(Clone, Copy)]
enum Place<'a> {
    Key(&'a str),
    Index(usize),
}

fn write(
    transaction: &mut impl Transactable,
    object: &ObjId,
    place: Place<'_>,
    value: &Json,
    depth_left: usize,
) -> Result<(), ImportError> {
    let make = |transaction: &mut _, kind| make_object(transaction, object, place, kind);
    let too_deep = || ImportError::TooDeep(depth_left);
    match value {
        Json::Object(entries) => {
            let depth_left = depth_left.checked_sub(1).ok_or_else(too_deep)?;
            let made = make(transaction, ObjType::Map)?;
            entries.iter().try_for_each(|(key, entry)| write(transaction, &made, Place::Key(key), entry, depth_left))
        }
        Json::Array(items) => {
            let depth_left = depth_left.checked_sub(1).ok_or_else(too_deep)?;
            let made = make(transaction, ObjType::List)?;
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| write(transaction, &made, Place::Index(index), item, depth_left))
        }
        Json::String(text) => {
            let made = make(transaction, ObjType::Text)?;
            Ok(transaction.splice_text(&made, 0, 0, text)?)
        }
        Json::Null => put(transaction, object, place, ScalarValue::Null),
        Json::Bool(value) => put(transaction, object, place, ScalarValue::Boolean(*value)),
        Json::Number(number) => put(transaction, object, place, scalar_from_number(number)),
    }
}

fn scalar_from_number(number: &Number) -> ScalarValue {
    if let Some(integer) = number.as_i64() {
        ScalarValue::Int(integer)
    } else if let Some(integer) = number.as_u64() {
        ScalarValue::Uint(integer)
    } else {
        ScalarValue::F64(number.as_f64().unwrap_or_default())
    }
}

fn make_object(transaction: &mut impl Transactable, object: &ObjId, place: Place<'_>, kind: ObjType) -> Result<ObjId, AutomergeError> {
    match place {
        Place::Key(key) => transaction.put_object(object, key, kind),
        Place::Index(index) => transaction.insert_object(object, index, kind),
    }
}

fn put(transaction: &mut impl Transactable, object: &ObjId, place: Place<'_>, value: ScalarValue) -> Result<(), ImportError> {
    match place {
        Place::Key(key) => transaction.put(object, key, value)?,
        Place::Index(index) => transaction.insert(object, index, value)?,
    }
    Ok(())
}
