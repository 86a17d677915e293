//! One replica that edits at random, by the means of a stock client.

use super::pick;
use crate::dice::Dice;
use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, Change, ObjId, ObjType, Prop, ROOT, ReadDoc, ScalarValue, Value};

/// Few, so that replicas meet in the same places.
const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const OPERATIONS_MAX: u64 = 3;
const DEPTH_MAX: usize = 3;
const LIST_MAX: usize = 4;

#[derive(Debug, Clone)]
pub(super) struct Replica {
    document: AutoCommit,
}

/// An object that the document shows, or hides behind the winner of its place.
#[derive(Clone)]
struct Found {
    object: ObjId,
    kind: ObjType,
    depth: usize,
}

impl Replica {
    pub(super) fn new(actor: u8) -> Self {
        Self { document: AutoCommit::new().with_actor(ActorId::from(vec![actor; 16])) }
    }

    /// The first change of a document: some of each sort of value.
    pub(super) fn begin(&mut self, dice: &mut Dice) -> Change {
        let document = &mut self.document;
        document.put(ROOT, "a", ScalarValue::counter(0)).expect("writable");
        let map = document.put_object(ROOT, "b", ObjType::Map).expect("writable");
        document.put(&map, "a", scalar(dice)).expect("writable");
        document.put(&map, "b", ScalarValue::counter(1)).expect("writable");
        let list = document.put_object(&map, "c", ObjType::List).expect("writable");
        document.insert(&list, 0, scalar(dice)).expect("writable");
        document.insert_object(&list, 1, ObjType::Map).expect("writable");
        let text = document.put_object(ROOT, "c", ObjType::Text).expect("writable");
        document.splice_text(&text, 0, 0, "xy").expect("writable");
        self.commit().expect("it wrote something")
    }

    /// One change of a few operations; none when all of them left things as they were.
    pub(super) fn edit(&mut self, dice: &mut Dice) -> Option<Change> {
        for _ in 0..=dice.below(OPERATIONS_MAX) {
            let mut disputed = self.disputed();
            if !disputed.is_empty() && dice.one_in(3) {
                let (at, prop) = disputed.swap_remove(pick(dice, disputed.len()));
                self.edit_disputed(&at, &prop, dice);
                continue;
            }
            let mut objects = self.objects();
            let at = objects.swap_remove(pick(dice, objects.len()));
            match at.kind {
                ObjType::Map | ObjType::Table => {
                    let key = KEYS[pick(dice, KEYS.len())];
                    self.edit_place(&at, &key.into(), dice);
                }
                ObjType::List => self.edit_list(&at, dice),
                ObjType::Text => self.edit_text(&at.object, dice),
            }
        }
        self.commit()
    }

    pub(super) fn learn_all(&mut self, other: &mut Self) {
        self.document.merge(&mut other.document).expect("it merges");
    }

    /// All that another one has, or only the beginning of it.
    pub(super) fn learn_some(&mut self, other: &mut Self, dice: &mut Dice) {
        let mut news = self.document.get_changes_added(&mut other.document);
        if dice.one_in(2) && !news.is_empty() {
            news.truncate(1 + pick(dice, news.len()));
        }
        self.document.apply_changes(news).expect("they follow from what is there");
    }

    fn commit(&mut self) -> Option<Change> {
        let hash = self.document.commit()?;
        Some(self.document.get_change_by_hash(&hash).expect("it was just made"))
    }

    fn objects(&self) -> Vec<Found> {
        let mut objects = vec![Found { object: ROOT, kind: ObjType::Map, depth: 0 }];
        let mut next = 0;
        while let Some(Found { object, kind, depth }) = objects.get(next) {
            let depth = depth + 1;
            let inside = self.props(object, *kind).into_iter().flat_map(|prop| self.all(object, &prop));
            let inside: Vec<_> = inside
                .filter_map(|(value, object)| match value {
                    Value::Object(kind) => Some(Found { object, kind, depth }),
                    Value::Scalar(_) => None,
                })
                .collect();
            objects.extend(inside);
            next += 1;
        }
        objects
    }

    fn props(&self, object: &ObjId, kind: ObjType) -> Vec<Prop> {
        match kind {
            ObjType::Map | ObjType::Table => self.document.keys(object).map(Prop::Map).collect(),
            ObjType::List => (0..self.document.length(object)).map(Prop::Seq).collect(),
            ObjType::Text => Vec::new(),
        }
    }

    /// What stands in a place, the winner last.
    fn all(&self, object: &ObjId, prop: &Prop) -> Vec<(Value<'_>, ObjId)> {
        self.document.get_all(object, prop.clone()).expect("the object is there")
    }

    /// The places where more than one value stands.
    fn disputed(&self) -> Vec<(Found, Prop)> {
        let objects = self.objects().into_iter();
        let places = objects
            .flat_map(|at| self.props(&at.object, at.kind).into_iter().map(move |prop| (at.clone(), prop)));
        places.filter(|(at, prop)| self.all(&at.object, prop).len() > 1).collect()
    }

    fn edit_disputed(&mut self, at: &Found, prop: &Prop, dice: &mut Dice) {
        if dice.one_in(2) {
            self.put_shown_again(at, prop);
        } else {
            self.edit_place(at, prop, dice);
        }
    }

    fn edit_place(&mut self, at: &Found, prop: &Prop, dice: &mut Dice) {
        match dice.below(12) {
            0..=2 => self.put(at, prop, scalar(dice)),
            3 => self.put(at, prop, ScalarValue::counter(0)),
            4 => self.put_shown_again(at, prop),
            5 => self.put_though_shown(at, prop),
            6 | 7 => self.make(at, prop, dice),
            8 => self.document.delete(&at.object, prop.clone()).expect("removable"),
            _ => self.increment(at, prop, dice),
        }
    }

    fn put(&mut self, at: &Found, prop: &Prop, value: ScalarValue) {
        self.document.put(&at.object, prop.clone(), value).expect("writable");
    }

    /// The library then removes what stands beside it, or does nothing.
    fn put_shown_again(&mut self, at: &Found, prop: &Prop) {
        if let Some(value) = self.shown_scalar(at, prop) {
            self.put(at, prop, value);
        }
    }

    /// Writes what is shown in any case: removed first, it is a new value.
    fn put_though_shown(&mut self, at: &Found, prop: &Prop) {
        if let (Prop::Map(_), Some(value)) = (prop, self.shown_scalar(at, prop)) {
            self.document.delete(&at.object, prop.clone()).expect("removable");
            self.put(at, prop, value);
        }
    }

    fn shown_scalar(&self, at: &Found, prop: &Prop) -> Option<ScalarValue> {
        match self.all(&at.object, prop).pop()? {
            (Value::Scalar(value), _) => Some(value.into_owned()),
            (Value::Object(_), _) => None,
        }
    }

    fn make(&mut self, at: &Found, prop: &Prop, dice: &mut Dice) {
        if at.depth >= DEPTH_MAX {
            return self.put(at, prop, scalar(dice));
        }
        let kind = kind(dice);
        let made = self.document.put_object(&at.object, prop.clone(), kind).expect("writable");
        self.fill(&made, kind, dice);
    }

    /// Something to begin with, mostly the same, so that some objects made apart are equal.
    fn fill(&mut self, made: &ObjId, kind: ObjType, dice: &mut Dice) {
        let value = if dice.one_in(2) { scalar(dice) } else { "x".into() };
        match kind {
            ObjType::Map | ObjType::Table => self.document.put(made, "a", value).expect("writable"),
            ObjType::List => self.document.insert(made, 0, value).expect("writable"),
            ObjType::Text => self.document.splice_text(made, 0, 0, "x").expect("writable"),
        }
    }

    /// Adds to the counters in a place, if there are any.
    fn increment(&mut self, at: &Found, prop: &Prop, dice: &mut Dice) {
        let is_counter = |value: &ScalarValue| matches!(value, ScalarValue::Counter(_));
        let has_counter = self.all(&at.object, prop).iter().any(|(value, _)| match value {
            Value::Scalar(value) => is_counter(value),
            Value::Object(_) => false,
        });
        if has_counter {
            let by = if dice.one_in(3) { -1 } else { 2 };
            self.document.increment(&at.object, prop.clone(), by).expect("there is a counter");
        }
    }

    fn edit_list(&mut self, at: &Found, dice: &mut Dice) {
        let length = self.document.length(&at.object);
        if length > 0 && (length >= LIST_MAX || !dice.one_in(3)) {
            return self.edit_place(at, &pick(dice, length).into(), dice);
        }
        let index = pick(dice, length + 1);
        if at.depth < DEPTH_MAX && dice.one_in(3) {
            let kind = kind(dice);
            let made = self.document.insert_object(&at.object, index, kind).expect("writable");
            self.fill(&made, kind, dice);
        } else {
            self.document.insert(&at.object, index, scalar(dice)).expect("writable");
        }
    }

    fn edit_text(&mut self, text: &ObjId, dice: &mut Dice) {
        let length = self.document.length(text);
        if length > 0 && dice.one_in(4) {
            let mark = Mark::new("bold".to_owned(), true, 0, length);
            self.document.mark(text, mark, ExpandMark::Both).expect("writable");
        } else if length > 0 && dice.one_in(3) {
            self.document.splice_text(text, pick(dice, length), 1, "").expect("writable");
        } else {
            let letter = ["x", "y"][pick(dice, 2)];
            self.document.splice_text(text, pick(dice, length + 1), 0, letter).expect("writable");
        }
    }
}

fn kind(dice: &mut Dice) -> ObjType {
    [ObjType::Map, ObjType::List, ObjType::Text][pick(dice, 3)]
}

/// Often equal to another one, sometimes of another type.
fn scalar(dice: &mut Dice) -> ScalarValue {
    let mut values = [
        ScalarValue::Null,
        ScalarValue::Boolean(true),
        ScalarValue::Int(1),
        ScalarValue::Uint(1),
        ScalarValue::F64(1.0),
        ScalarValue::F64(1.5),
        ScalarValue::Str("x".into()),
        ScalarValue::Str("y".into()),
        ScalarValue::Timestamp(1),
        ScalarValue::Bytes(vec![1]),
    ];
    std::mem::replace(&mut values[pick(dice, 10)], ScalarValue::Null)
}
