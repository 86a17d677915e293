//! A document made from JSON.

use crate::engine::saved;
use crate::gatekeeper::OPERATION_WEIGHT;
use crate::{Document, SavedChange};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};
use serde_json::{Number, Value as Json};
use tiebreak_protocol::Limits;

/// What an operation takes up in a change besides its key and its text; most take less.
const ROOM_PER_OPERATION: usize = 16;

/// JSON that cannot become a document.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("a document is a JSON object, as in {{\"title\": \"hello\"}}")]
    NotAnObject,
    #[error("objects and arrays are nested deeper than {0}")]
    TooDeep(usize),
    #[error("the content is larger than a document may be")]
    TooLarge,
    #[error("the library refused the content: {0}")]
    Library(#[from] AutomergeError),
}

impl Document {
    /// The changes that make an empty document hold this JSON: one, or as many as keep each within the
    /// limits. Strings become text objects, as stock JavaScript clients make them.
    ///
    /// # Errors
    /// When the JSON is not an object, nests too deep or is too large.
    pub fn changes_from_json(
        json: &Json,
        actor: &[u8],
        time_s: i64,
        limits: &Limits,
    ) -> Result<Vec<SavedChange>, ImportError> {
        let Json::Object(entries) = json else { return Err(ImportError::NotAnObject) };
        // Counted first: the library needs hundreds of bytes for each.
        if operations(json) > limits.document_bytes_max / OPERATION_WEIGHT {
            return Err(ImportError::TooLarge);
        }
        let automerge = AutoCommit::new().with_actor(ActorId::from(actor));
        let mut writer = Writer { automerge, time_s, limits, operations_left: 0, bytes_left: 0 };
        writer.begin_change();
        for (key, value) in entries {
            writer.write(&ROOT, Place::Key(key), value, limits.depth_max)?;
        }
        // An empty object makes no operation; the document still has to exist.
        let mut automerge = writer.finish();
        if automerge.get_heads().is_empty() {
            automerge.empty_change(CommitOptions::default().with_time(time_s));
        }
        Ok(automerge.get_changes(&[]).iter().map(saved).collect())
    }
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Key(&'a str),
    Index(usize),
}

/// Writes into a new document and begins another change where one is full.
struct Writer<'a> {
    automerge: AutoCommit,
    time_s: i64,
    limits: &'a Limits,
    operations_left: u64,
    bytes_left: usize,
}

impl Writer<'_> {
    fn write(
        &mut self,
        object: &ObjId,
        place: Place<'_>,
        value: &Json,
        depth_left: usize,
    ) -> Result<(), ImportError> {
        match value {
            Json::Object(entries) => {
                let (made, depth_left) = self.make(object, place, ObjType::Map, depth_left)?;
                let mut entries = entries.iter();
                entries.try_for_each(|(key, entry)| self.write(&made, Place::Key(key), entry, depth_left))
            }
            Json::Array(items) => {
                let (made, depth_left) = self.make(object, place, ObjType::List, depth_left)?;
                let mut items = items.iter().enumerate();
                items.try_for_each(|(index, item)| self.write(&made, Place::Index(index), item, depth_left))
            }
            Json::String(text) => {
                let (made, _) = self.make(object, place, ObjType::Text, depth_left)?;
                self.write_text(&made, text)
            }
            Json::Null => self.put(object, place, ScalarValue::Null),
            Json::Bool(value) => self.put(object, place, ScalarValue::Boolean(*value)),
            Json::Number(number) => self.put(object, place, scalar_from_number(number)),
        }
    }

    fn make(
        &mut self,
        object: &ObjId,
        place: Place<'_>,
        kind: ObjType,
        depth_left: usize,
    ) -> Result<(ObjId, usize), ImportError> {
        let depth_left = depth_left.checked_sub(1).ok_or(ImportError::TooDeep(self.limits.depth_max))?;
        self.make_room(place);
        let made = match place {
            Place::Key(key) => self.automerge.put_object(object, key, kind)?,
            Place::Index(index) => self.automerge.insert_object(object, index, kind)?,
        };
        Ok((made, depth_left))
    }

    fn put(&mut self, object: &ObjId, place: Place<'_>, value: ScalarValue) -> Result<(), ImportError> {
        self.make_room(place);
        match place {
            Place::Key(key) => self.automerge.put(object, key, value)?,
            Place::Index(index) => self.automerge.insert(object, index, value)?,
        }
        Ok(())
    }

    fn write_text(&mut self, object: &ObjId, text: &str) -> Result<(), ImportError> {
        let mut rest = text;
        while !rest.is_empty() {
            if self.operations_left == 0 || self.bytes_left < ROOM_PER_OPERATION {
                self.begin_change();
            }
            // One operation each, of at most four bytes.
            let chars_max = self.operations_left.min(self.bytes_left as u64 / 4).max(1);
            let chars_max = usize::try_from(chars_max).unwrap_or(usize::MAX);
            let end = rest.char_indices().nth(chars_max).map_or(rest.len(), |(at, _)| at);
            let (piece, after) = rest.split_at(end);
            let at = self.automerge.length(object);
            self.automerge.splice_text(object, at, 0, piece)?;
            self.operations_left = self.operations_left.saturating_sub(piece.chars().count() as u64);
            self.bytes_left = self.bytes_left.saturating_sub(piece.len());
            rest = after;
        }
        Ok(())
    }

    /// For one operation at this place. A key that no change has room for is left to the gatekeeper.
    fn make_room(&mut self, place: Place<'_>) {
        let bytes = match place {
            Place::Key(key) => ROOM_PER_OPERATION + key.len(),
            Place::Index(_) => ROOM_PER_OPERATION,
        };
        if self.operations_left == 0 || self.bytes_left < bytes {
            self.begin_change();
        }
        self.operations_left = self.operations_left.saturating_sub(1);
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }

    fn begin_change(&mut self) {
        if self.automerge.pending_ops() > 0 {
            self.automerge.commit_with(CommitOptions::default().with_time(self.time_s));
        }
        self.operations_left = self.limits.change_operations_max;
        self.bytes_left = self.limits.change_bytes_max / 2;
    }

    fn finish(mut self) -> AutoCommit {
        self.begin_change();
        self.automerge
    }
}

/// How many operations write this value: one, and one more for every character and entry in it.
pub(crate) fn operations(json: &Json) -> u64 {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => 1,
        Json::String(text) => 1 + text.chars().count() as u64,
        Json::Array(items) => 1 + items.iter().map(operations).sum::<u64>(),
        Json::Object(entries) => 1 + entries.values().map(operations).sum::<u64>(),
    }
}

pub(crate) fn scalar_from_number(number: &Number) -> ScalarValue {
    if let Some(integer) = number.as_i64() {
        ScalarValue::Int(integer)
    } else if let Some(integer) = number.as_u64() {
        ScalarValue::Uint(integer)
    } else {
        ScalarValue::F64(number.as_f64().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gatekeeper::check_change;
    use serde_json::json;

    fn made(json: &Json, limits: &Limits) -> Document {
        let mut document = Document::new();
        for change in Document::changes_from_json(json, &[7; 16], 1_700_000_000, limits).unwrap() {
            let checked = check_change(change.bytes, limits).unwrap();
            assert_eq!(checked.time(), 1_700_000_000);
            document.merge(&[checked]).unwrap();
        }
        document
    }

    #[test]
    fn small_content_is_one_change_and_large_content_as_many_as_it_takes() {
        let small = json!({ "title": "hello", "list": [1, 2.5, null, true, { "a": "b" }] });
        let mut document = made(&small, &Limits::default());
        assert_eq!((document.to_json().unwrap(), document.tail_len()), (small, 1));

        let limits = Limits { change_operations_max: 100, change_bytes_max: 1_000, ..Limits::default() };
        let lines: Vec<_> =
            (0..50).map(|number| json!({ "number": number, "text": "é😀 ".repeat(30) })).collect();
        let large = json!({ "lines": lines, "text": "x".repeat(1_000) });
        let mut document = made(&large, &limits);
        assert_eq!(document.to_json().unwrap(), large);
        assert!(document.tail_len() > 50, "{}", document.tail_len());
    }

    #[test]
    fn texts_count_as_a_level_as_they_do_for_the_gatekeeper() {
        let json = json!({ "a": { "b": "text" } });
        let limits = |depth_max| Limits { depth_max, ..Limits::default() };
        assert_eq!(made(&json, &limits(2)).to_json().unwrap(), json);
        let refused = Document::changes_from_json(&json, &[7; 16], 0, &limits(1));
        assert!(matches!(refused, Err(ImportError::TooDeep(1))));
    }

    #[test]
    fn what_no_document_could_hold_is_refused_before_the_library_sees_it() {
        let limits = Limits { document_bytes_max: 32_000, ..Limits::default() };
        let refused = Document::changes_from_json(&json!({ "a": "x".repeat(1_000) }), &[7; 16], 0, &limits);
        assert!(matches!(refused, Err(ImportError::TooLarge)));
    }
}
