//! What one change touched: its operations as places and acts, neighbours folded into one.

use crate::engine::{Engine, guarded};
use crate::gatekeeper::{Action, CheckedChange, Key, Object, Operation, OperationId, Value, reread_change};
use crate::path::PathStep;
use automerge::{ActorId, ObjId, ObjType, Parent, Prop, ReadDoc};
use bytes::Bytes;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Touches listed per change.
const TOUCHES_MAX: usize = 100;

/// Characters of a text that an entry shows.
const EXCERPT_CHARS_MAX: usize = 120;

/// One act of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// From the root to the place. Acts inside a list or a text name the list or text.
    pub path: Vec<PathStep>,
    pub action: TouchAction,
    /// How many operations are folded into this one.
    pub operations: u64,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TouchAction {
    Make(Made),
    /// A value was written over a key or an element.
    Set(Json),
    /// Elements were inserted into a list.
    Insert,
    /// Characters were inserted into a text, next to each other.
    InsertText(String),
    Delete,
    Increment(i64),
    /// Formatting began or ended; the mark's name stands where it begins.
    Mark(Option<String>),
}

/// The kind of an object that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    Map,
    List,
    Text,
}

/// The touches of one change as they are gathered.
#[derive(Debug, Default)]
pub(super) struct Touches {
    touched: Vec<Touch>,
    operations: u64,
    /// What the last touch was about, to tell whether the next operation goes on with it.
    last: Option<Last>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    object: Object,
    counter: u64,
}

impl Touches {
    /// Reads a change that the document holds.
    pub(super) fn read(engine: &Engine, change: &[u8]) -> Option<Self> {
        let change = reread_change(Bytes::copy_from_slice(change)).ok()?;
        let mut places = Places { engine, change: &change, path_by_object: BTreeMap::new() };
        let mut touches = Self::default();
        for operation in change.operations_iter() {
            if !touches.add(&operation, &mut places) {
                break;
            }
        }
        Some(touches)
    }

    /// The touches, and how many operations they stand for.
    pub(super) fn finish(self) -> (Vec<Touch>, u64) {
        (self.touched, self.operations)
    }

    /// Answers whether there is space for more.
    fn add(&mut self, operation: &Operation<'_>, places: &mut Places<'_>) -> bool {
        if !self.continues(operation, places) {
            if self.touched.len() == TOUCHES_MAX {
                return false;
            }
            let Some(touch) = places.touch(operation) else { return true };
            self.touched.push(touch);
        }
        self.operations += 1;
        self.last = Some(Last { object: operation.object, counter: operation.counter });
        true
    }

    /// Folds the operation into the last touch if it goes on with it.
    fn continues(&mut self, operation: &Operation<'_>, places: &mut Places<'_>) -> bool {
        let (Some(last), Some(touch)) = (self.last, self.touched.last_mut()) else { return false };
        if last.object != operation.object || matches!(operation.key, Key::Property(_)) {
            return false;
        }
        let follows = operation.key == Key::Element(OperationId { counter: last.counter, actor: 0 });
        let folds = match (&mut touch.action, operation.action) {
            (TouchAction::InsertText(text), Action::Set) => {
                let typed = typed(operation).filter(|_| follows && places.is_text(operation.object));
                typed.is_some_and(|typed| append(text, typed))
            }
            (TouchAction::Insert, Action::Set) => operation.insert,
            (TouchAction::Delete, Action::Delete) => true,
            (TouchAction::Mark(_), Action::Mark) => operation.mark_name.is_none(),
            _other => false,
        };
        touch.operations += u64::from(folds);
        folds
    }
}

/// Looks up where in the document the operations of one change act.
struct Places<'a> {
    engine: &'a Engine,
    change: &'a CheckedChange,
    path_by_object: BTreeMap<Object, Vec<PathStep>>,
}

impl Places<'_> {
    fn touch(&mut self, operation: &Operation<'_>) -> Option<Touch> {
        let mut path = self.path(operation.object)?;
        match operation.key {
            Key::Property(key) => path.push(PathStep::Key(key.to_owned())),
            Key::Head | Key::Element(_) if operation.action.makes() => {
                path = self.path(Object::Made(OperationId { counter: operation.counter, actor: 0 }))?;
            }
            Key::Head | Key::Element(_) => {}
        }
        let action = match operation.action {
            Action::MakeMap => TouchAction::Make(Made::Map),
            Action::MakeList => TouchAction::Make(Made::List),
            Action::MakeText => TouchAction::Make(Made::Text),
            Action::Set => self.written(operation),
            Action::Delete => TouchAction::Delete,
            Action::Increment => TouchAction::Increment(operation.value.amount()),
            Action::Mark => TouchAction::Mark(operation.mark_name.map(str::to_owned)),
        };
        Some(Touch { path, action, operations: 1 })
    }

    fn written(&self, operation: &Operation<'_>) -> TouchAction {
        match typed(operation) {
            Some(typed) if self.is_text(operation.object) => {
                let mut text = String::new();
                append(&mut text, typed);
                TouchAction::InsertText(text)
            }
            Some(_) | None if operation.insert => TouchAction::Insert,
            Some(_) | None => TouchAction::Set(excerpt(&operation.value)),
        }
    }

    fn path(&mut self, object: Object) -> Option<Vec<PathStep>> {
        if let Some(path) = self.path_by_object.get(&object) {
            return Some(path.clone());
        }
        let id = self.library_id(object)?;
        // A library built with its own assertions fails on elements that were removed: one place that
        // cannot be named must not hide all the others.
        let path = guarded(|| self.walk_up(&id)).unwrap_or_else(|_| Some(vec![PathStep::Removed]))?;
        self.path_by_object.insert(object, path.clone());
        Some(path)
    }

    fn walk_up(&self, object: &ObjId) -> Option<Vec<PathStep>> {
        let step = |parent: Parent| match parent.prop {
            Prop::Map(key) => PathStep::Key(key),
            Prop::Seq(position) if parent.visible => PathStep::Position(position),
            Prop::Seq(_) => PathStep::Removed,
        };
        let mut path: Vec<_> = self.engine.automerge.parents(object).ok()?.map(step).collect();
        path.reverse();
        Some(path)
    }

    fn is_text(&self, object: Object) -> bool {
        let object = self.library_id(object).and_then(|id| self.engine.automerge.object_type(&id).ok());
        object == Some(ObjType::Text)
    }

    fn library_id(&self, object: Object) -> Option<ObjId> {
        match object {
            Object::Root => Some(ObjId::Root),
            Object::Made(id) => {
                Some(ObjId::Id(id.counter, ActorId::from(self.change.actor_at(id.actor)?), 0))
            }
        }
    }
}

/// The text of an insertion.
fn typed<'a>(operation: &Operation<'a>) -> Option<&'a str> {
    match operation.value {
        Value::Text(text) if operation.insert => Some(text),
        Value::Text(_)
        | Value::Null
        | Value::Boolean(_)
        | Value::Unsigned(_)
        | Value::Signed(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::Counter(_)
        | Value::Timestamp(_)
        | Value::Unknown(..) => None,
    }
}

/// Adds to an excerpt until it is long enough; always goes on, so that what follows folds into it.
fn append(excerpt: &mut String, text: &str) -> bool {
    let chars = excerpt.chars().count();
    if chars <= EXCERPT_CHARS_MAX {
        excerpt.extend(text.chars().take(EXCERPT_CHARS_MAX - chars));
        if chars + text.chars().count() > EXCERPT_CHARS_MAX {
            excerpt.push('…');
        }
    }
    true
}

fn excerpt(value: &Value<'_>) -> Json {
    match value {
        Value::Null | Value::Unknown(..) => Json::Null,
        Value::Boolean(value) => Json::Bool(*value),
        Value::Unsigned(number) => Json::from(*number),
        Value::Signed(number) | Value::Counter(number) | Value::Timestamp(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Text(text) => {
            let mut shown = String::new();
            append(&mut shown, text);
            Json::String(shown)
        }
        Value::Bytes(bytes) => Json::String(format!("{} bytes", bytes.len())),
    }
}
