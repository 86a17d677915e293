//! Which path of a kind each object of a document belongs to.

use super::{History, KIND_KEY, Right};
use crate::engine::guarded;
use crate::gatekeeper::{Action, CheckedChange, Key, Object, Operation, OperationId};
use crate::operations::{Deed, Id, Known, Place};
use crate::path::PathStep;
use automerge::{ActorId, Cursor, ObjId, ObjType, ReadDoc};
use std::collections::BTreeMap;
use tiebreak_kinds::Node;

/// Finds the places of objects, each once.
#[derive(Debug)]
pub(super) struct Places<'a> {
    change: &'a CheckedChange,
    history: History<'a>,
    root: Spot<'a>,
    found: BTreeMap<Id<'a>, Found<'a>>,
    /// Most changes stay in one object.
    last: Option<(OperationId, Spot<'a>)>,
}

/// A place, and what stands there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    /// Nothing where nothing is declared at all.
    pub(super) node: Option<&'a Node>,
    /// Who may write here: what holds above holds here too.
    pub(super) right: Right,
    pub(super) shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Root,
    Map,
    List,
    Text,
    /// No object.
    Value,
}

/// An object, and the way to it.
#[derive(Debug, Clone, Copy)]
struct Found<'a> {
    spot: Spot<'a>,
    container: Option<Id<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Property(&'a str),
    /// The element that this operation inserted.
    Element(Id<'a>),
}

impl<'a> Spot<'a> {
    fn root(node: Option<&'a Node>) -> Self {
        Self { node, right: node.map_or(Right::Editors, Right::at), shape: Shape::Root }
    }

    /// The place below, of this key or of the elements.
    fn below(self, key: Option<&str>) -> Self {
        let node = match (self.shape, key) {
            (Shape::Root, Some(KIND_KEY)) => {
                return Self { node: None, right: Right::Nobody, shape: Shape::Value };
            }
            // Characters are no values of their own.
            (Shape::Text, _) => self.node,
            (_, Some(key)) => self.node.map(|node| node.child(key)),
            (_, None) => self.node.map(Node::element),
        };
        let right = self.right.max(node.map_or(Right::Editors, Right::at));
        Self { node, right, shape: Shape::Value }
    }
}

impl<'a> Places<'a> {
    pub(super) fn new(change: &'a CheckedChange, history: History<'a>, root: Option<&'a Node>) -> Self {
        Self { change, history, root: Spot::root(root), found: BTreeMap::new(), last: None }
    }

    /// The object that an operation acts in, and where in it.
    pub(super) fn of(&mut self, operation: &Operation<'_>) -> Option<(Spot<'a>, Spot<'a>)> {
        let container = self.object(operation.object)?;
        let key = match operation.key {
            Key::Property(key) => Some(key),
            Key::Head | Key::Element(_) => None,
        };
        Some((container, container.below(key)))
    }

    /// Notes the object that an operation makes at `spot`.
    pub(super) fn note(&mut self, operation: &Operation<'a>, spot: Spot<'a>) {
        let shape = match operation.action {
            Action::MakeMap => Shape::Map,
            Action::MakeList => Shape::List,
            Action::MakeText => Shape::Text,
            Action::Set | Action::Delete | Action::Increment | Action::Mark => return,
        };
        let id = Id { counter: operation.counter, actor: self.change.actor() };
        let step = match operation.key {
            Key::Property(key) => Step::Property(key),
            Key::Element(element) if !operation.insert => Step::Element(self.id(element).unwrap_or(id)),
            Key::Element(_) | Key::Head => Step::Element(id),
        };
        let container = self.container(operation.object);
        self.found.insert(id, Found { spot: Spot { shape, ..spot }, container, step });
    }

    fn object(&mut self, object: Object) -> Option<Spot<'a>> {
        let Object::Made(id) = object else { return Some(self.root) };
        if let Some((_, spot)) = self.last.filter(|(last, _)| *last == id) {
            return Some(spot);
        }
        let spot = self.find(self.id(id)?)?;
        self.last = Some((id, spot));
        Some(spot)
    }

    /// Goes up to what is known, and down again.
    fn find(&mut self, object: Id<'a>) -> Option<Spot<'a>> {
        let mut way: Vec<(Id<'a>, Known<'a>)> = Vec::new();
        let mut at = Some(object);
        let mut spot = loop {
            let Some(id) = at else { break self.root };
            if let Some(found) = self.found.get(&id) {
                break found.spot;
            }
            let known = self.history.find(id)?;
            // Containers are older than what they contain.
            if known.object.is_some_and(|container| container >= id) {
                return None;
            }
            way.push((id, known));
            at = known.object;
        };
        for (id, Known { object: container, place, deed }) in way.into_iter().rev() {
            let (step, key) = match place {
                Place::Property(key) => (Step::Property(key), Some(key)),
                Place::Element(element) => (Step::Element(element), None),
                Place::Inserted { .. } => (Step::Element(id), None),
            };
            spot = Spot { shape: shape(deed)?, ..spot.below(key) };
            self.found.insert(id, Found { spot, container, step });
        }
        Some(spot)
    }

    /// The operation that made an object; none for the root.
    pub(super) fn container(&self, object: Object) -> Option<Id<'a>> {
        match object {
            Object::Root => None,
            Object::Made(id) => self.id(id),
        }
    }

    fn id(&self, id: OperationId) -> Option<Id<'a>> {
        Some(Id { counter: id.counter, actor: self.change.actor_at(id.actor)? })
    }

    /// From the root to where an operation acts, for people. Its object was found before.
    pub(super) fn path(&self, operation: &Operation<'_>) -> Vec<PathStep> {
        let mut path = Vec::new();
        let mut object = self.container(operation.object);
        let is_in_list = |found: &Found<'_>| found.spot.shape == Shape::List;
        match operation.key {
            Key::Property(key) => path.push(PathStep::from(key)),
            Key::Element(element) if !operation.insert => {
                let list = object.filter(|id| self.found.get(id).is_some_and(is_in_list));
                path.extend(list.zip(self.id(element)).map(|(list, element)| self.position(list, element)));
            }
            Key::Head | Key::Element(_) => {}
        }
        while let Some(found) = object.and_then(|id| self.found.get(&id)) {
            path.push(match (found.step, found.container) {
                (Step::Property(key), _) => PathStep::from(key),
                (Step::Element(element), Some(list)) => self.position(list, element),
                (Step::Element(_), None) => PathStep::Removed,
            });
            object = found.container;
        }
        path.reverse();
        path
    }

    /// Where an element stands today; what is not merged yet stands nowhere.
    fn position(&self, list: Id<'_>, element: Id<'_>) -> PathStep {
        let cursor = Cursor::try_from(format!("{}@{}", element.counter, ActorId::from(element.actor)));
        let automerge = &self.history.engine.automerge;
        let position = cursor.ok().and_then(|cursor| {
            guarded(|| automerge.get_cursor_position(library_id(list), &cursor, None).ok()).ok().flatten()
        });
        position.map_or(PathStep::Removed, PathStep::Position)
    }
}

const fn shape(deed: Deed) -> Option<Shape> {
    match deed {
        Deed::Makes(ObjType::Map | ObjType::Table) => Some(Shape::Map),
        Deed::Makes(ObjType::List) => Some(Shape::List),
        Deed::Makes(ObjType::Text) => Some(Shape::Text),
        Deed::Marks | Deed::Writes => None,
    }
}

pub(super) fn library_id(id: Id<'_>) -> ObjId {
    ObjId::Id(id.counter, ActorId::from(id.actor), 0)
}
