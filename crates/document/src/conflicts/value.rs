//! What a version of a register shows, and whether two sides mean the same.

use super::registers::{Deed, Place, Register, Registers, ShortKey};
use super::standing::Standing;
use crate::engine::{Engine, library_hash};
use crate::json::to_json;
use crate::short_id::{NOWHERE, ShortId};
use automerge::hydrate::{Text, Value as Hydrated};
use automerge::{ActorId, ChangeHash, Cursor, ObjId, ObjType, Prop, ReadDoc, ScalarValue, Value};
use serde_json::Value as Json;

/// Past the integers that a document can hold.
const INTEGER_END: f64 = 18_446_744_073_709_551_616.0;

/// What a version shows today; `None` when it removed what was there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown(Option<Hydrated>);

impl Shown {
    const REMOVED: Self = Self(None);

    pub(super) const fn is_removed(&self) -> bool {
        self.0.is_none()
    }

    pub(super) const fn is_counter(&self) -> bool {
        matches!(self.0, Some(Hydrated::Scalar(ScalarValue::Counter(_))))
    }

    pub(super) const fn content(&self) -> Option<&Hydrated> {
        self.0.as_ref()
    }

    pub(super) fn to_json(&self) -> Option<Json> {
        self.0.as_ref().map(to_json)
    }

    /// Whether two people who wrote these meant the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(mine), Some(theirs)) if !planted!(CompareTypes) => is_same(mine, theirs),
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// Reads versions out of the library's document.
pub(super) struct Values<'a> {
    pub(super) engine: &'a Engine,
    pub(super) registers: &'a Registers,
}

impl Values<'_> {
    /// The operation whose value a side shows; nothing when it removed what was there.
    pub(super) fn shown_by(&self, register: &Register, side: &Standing) -> Option<ShortId> {
        match register.write_of(side.version).map(|write| &write.deed) {
            Some(Deed::Delete { left }) => left.iter().copied().max_by(|a, b| self.order(*a, *b)),
            Some(Deed::Put) | None => Some(side.version),
        }
    }

    /// What a side shows.
    pub(super) fn of(&self, register: &Register, side: &Standing) -> Shown {
        let Some(shown) = self.shown_by(register, side) else { return Shown::REMOVED };
        let part = side.part.and_then(|change| self.registers.causality.hash(change)).map(library_hash);
        if let Some(holder) = self.registers.holder(shown) {
            return self.object(shown, holder.object_type, part.as_slice());
        }
        if let Some(count) = self.registers.count(shown) {
            let of_part = part.and_then(|part| self.scalar(register.place, shown, Some(&[part])));
            return Shown(of_part.or_else(|| Some(ScalarValue::counter(count).into())));
        }
        let hash = |change| self.registers.causality.hash(change).map(library_hash);
        let written_by: Vec<_> = side.written_by.and_then(hash).into_iter().collect();
        self.scalar(register.place, shown, None)
            .or_else(|| self.scalar(register.place, shown, Some(&written_by)))
            .map_or(Shown::REMOVED, |scalar| Shown(Some(scalar)))
    }

    /// What stood in a place at these heads; nothing without heads.
    pub(super) fn at(&self, place: Place, heads: &[tiebreak_protocol::ChangeHash]) -> Option<Hydrated> {
        let heads: Vec<_> = heads.iter().copied().map(library_hash).collect();
        if heads.is_empty() {
            return None;
        }
        let automerge = &self.engine.automerge;
        let prop = self.prop(place, Some(&heads))?;
        let (value, id) = automerge.get_at(self.object_id(place.object), prop, &heads).ok()??;
        match value {
            Value::Object(ObjType::Text) => {
                let text = automerge.text_at(&id, &heads).ok();
                text.map(|text| Text::new(automerge.text_encoding(), text).into())
            }
            Value::Object(_) => ReadDoc::hydrate(automerge, &id, Some(&heads)).ok(),
            Value::Scalar(scalar) => Some(Hydrated::Scalar(scalar.into_owned())),
        }
    }

    /// Ids as the library orders them: the greatest wins.
    pub(super) fn order(&self, a: ShortId, b: ShortId) -> std::cmp::Ordering {
        let actor = |id: ShortId| self.registers.causality.actor(id.actor);
        (a.counter, actor(a)).cmp(&(b.counter, actor(b)))
    }

    /// What an object holds at these heads, wherever it is, or was; without heads, today.
    fn object(&self, id: ShortId, object_type: ObjType, heads: &[ChangeHash]) -> Shown {
        let object = self.object_id(id);
        let automerge = &self.engine.automerge;
        let heads = (!heads.is_empty()).then_some(heads);
        Shown(match object_type {
            ObjType::Text => {
                let text = match heads {
                    Some(heads) => automerge.text_at(&object, heads),
                    None => automerge.text(&object),
                };
                text.ok().map(|text| Text::new(automerge.text_encoding(), text).into())
            }
            ObjType::Map | ObjType::List | ObjType::Table => ReadDoc::hydrate(automerge, &object, heads).ok(),
        })
    }

    /// The operations whose values stand in a place at these heads; of an element that is gone, perhaps another's.
    pub(super) fn all_at(&self, place: Place, heads: &[ChangeHash]) -> Vec<ObjId> {
        let Some(prop) = self.prop(place, Some(heads)) else { return Vec::new() };
        let all = self.engine.automerge.get_all_at(self.object_id(place.object), prop, heads);
        all.unwrap_or_default().into_iter().map(|(_, id)| id).collect()
    }

    fn scalar(&self, place: Place, version: ShortId, at: Option<&[ChangeHash]>) -> Option<Hydrated> {
        let object = self.object_id(place.object);
        let prop = self.prop(place, at)?;
        let automerge = &self.engine.automerge;
        let values = match at {
            Some(heads) => automerge.get_all_at(&object, prop, heads),
            None => automerge.get_all(&object, prop),
        };
        let version = self.object_id(version);
        let (value, _) = values.ok()?.into_iter().find(|(_, id)| *id == version)?;
        match value {
            Value::Object(_) => None,
            Value::Scalar(scalar) => Some(Hydrated::Scalar(scalar.into_owned())),
        }
    }

    fn prop(&self, place: Place, at: Option<&[ChangeHash]>) -> Option<Prop> {
        match place.key {
            ShortKey::Property(property) => {
                self.registers.properties.name(property).map(|name| Prop::Map(name.to_owned()))
            }
            ShortKey::Element(element) => self.position(place.object, element, at).map(Prop::Seq),
        }
    }

    /// Where an element stands; where it stood, or something else does, if it is gone.
    pub(super) fn position(
        &self,
        list: ShortId,
        element: ShortId,
        at: Option<&[ChangeHash]>,
    ) -> Option<usize> {
        let actor = ActorId::from(self.registers.causality.actor(element.actor));
        let cursor = Cursor::try_from(format!("{}@{actor}", element.counter)).ok()?;
        self.engine.automerge.get_cursor_position(self.object_id(list), &cursor, at).ok()
    }

    pub(super) fn object_id(&self, id: ShortId) -> ObjId {
        if id == NOWHERE {
            return ObjId::Root;
        }
        ObjId::Id(id.counter.into(), ActorId::from(self.registers.causality.actor(id.actor)), 0)
    }
}

/// Strings and texts are the same kind of thing, and so are all numbers. Nobody ever means the same by a counter: two
/// of them add up to something else.
pub(super) fn is_same(mine: &Hydrated, theirs: &Hydrated) -> bool {
    match (mine, theirs) {
        (Hydrated::Map(mine), Hydrated::Map(theirs)) => {
            let is_there =
                |key: &str, mine: &Hydrated| theirs.get(key).is_some_and(|theirs| is_same(mine, theirs));
            mine.len() == theirs.len() && mine.iter().all(|(key, entry)| is_there(key, &entry.value))
        }
        (Hydrated::List(mine), Hydrated::List(theirs)) => {
            let elements = mine.iter().zip(theirs.iter());
            mine.len() == theirs.len()
                && elements.into_iter().all(|(mine, theirs)| is_same(&mine.value, &theirs.value))
        }
        (Hydrated::Scalar(ScalarValue::Counter(_)), _) | (_, Hydrated::Scalar(ScalarValue::Counter(_))) => {
            false
        }
        (Hydrated::Text(_) | Hydrated::Scalar(_), Hydrated::Text(_) | Hydrated::Scalar(_)) => {
            match (plain(mine), plain(theirs)) {
                (Some(mine), Some(theirs)) => mine == theirs,
                (None, None) => mine == theirs,
                (Some(_), None) | (None, Some(_)) => false,
            }
        }
        (Hydrated::Map(_) | Hydrated::List(_) | Hydrated::Text(_) | Hydrated::Scalar(_), _) => false,
    }
}

/// An integer, as a counter or not.
pub(super) fn whole_number(value: &Hydrated) -> Option<i64> {
    match (value, plain(value)) {
        (Hydrated::Scalar(ScalarValue::Counter(counter)), _) => Some(i64::from(counter)),
        (_, Some(Plain::Whole(number))) => number.try_into().ok(),
        (_, Some(Plain::Text(_) | Plain::Float(_)) | None) => None,
    }
}

/// What can be the same in several types.
#[derive(PartialEq)]
enum Plain {
    Text(String),
    Whole(i128),
    Float(f64),
}

fn plain(value: &Hydrated) -> Option<Plain> {
    match value {
        Hydrated::Text(text) => Some(Plain::Text(text.to_string())),
        Hydrated::Scalar(ScalarValue::Str(text)) => Some(Plain::Text(text.to_string())),
        Hydrated::Scalar(ScalarValue::Int(number)) => Some(Plain::Whole((*number).into())),
        Hydrated::Scalar(ScalarValue::Uint(number)) => Some(Plain::Whole((*number).into())),
        Hydrated::Scalar(ScalarValue::F64(number)) => {
            Some(whole(*number).map_or(Plain::Float(*number), Plain::Whole))
        }
        Hydrated::Scalar(
            ScalarValue::Counter(_)
            | ScalarValue::Timestamp(_)
            | ScalarValue::Boolean(_)
            | ScalarValue::Bytes(_)
            | ScalarValue::Unknown { .. }
            | ScalarValue::Null,
        )
        | Hydrated::Map(_)
        | Hydrated::List(_) => None,
    }
}

/// A float that is an integer which the document could hold as such.
fn whole(number: f64) -> Option<i128> {
    let is_whole = number.fract() == 0.0 && number.abs() < INTEGER_END;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within range")]
    is_whole.then_some(number as i128)
}
