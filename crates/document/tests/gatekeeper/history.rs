//! What a document checks of a change before it merges it, done over in the plainest way.

use automerge::legacy::{Key as LibraryKey, ObjectId, OpType};
use automerge::{ActorId, Automerge, Change, ChangeHash, Cursor, ObjId, ObjType, ReadDoc};
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_document::{Action, CheckedChange, Key, Object, OperationId};

/// How a change stands to a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Fits,
    /// Dependencies, sequence number, operation counter or actors do not follow from the history.
    Apart,
    /// It acts on, or overwrites, what is not there.
    Unfounded,
}

pub(crate) struct History {
    pub(crate) document: Automerge,
    max_op: u64,
    changes: BTreeMap<ChangeHash, Change>,
    last_seq_by_actor: BTreeMap<Vec<u8>, u64>,
    operations: BTreeMap<Id, Known>,
}

type Id = (u64, Vec<u8>);

/// An operation of the history: the object and the register that it wrote.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    object: Option<Id>,
    register: Register,
    insert: bool,
    deed: Deed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Makes(ObjType),
    Deletes,
    Marks,
    Writes,
}

#[derive(Debug, Clone, PartialEq)]
enum Register {
    Property(String),
    Head,
    Element(Id),
}

impl History {
    pub(crate) fn of(changes: &[Change]) -> Self {
        let mut document = Automerge::new().with_actor(ActorId::from([0; 16]));
        document.apply_changes(changes.iter().cloned()).unwrap();
        let mut history = Self {
            document,
            max_op: 0,
            changes: BTreeMap::new(),
            last_seq_by_actor: BTreeMap::new(),
            operations: BTreeMap::new(),
        };
        for change in changes {
            history.note(change);
        }
        history
    }

    fn note(&mut self, change: &Change) {
        self.max_op = self.max_op.max(change.max_op());
        self.changes.insert(change.hash(), change.clone());
        let actor = change.actor_id().to_bytes().to_vec();
        for (counter, operation) in (change.start_op().get()..).zip(&change.decode().operations) {
            let register = match &operation.key {
                LibraryKey::Map(key) => Register::Property(key.to_string()),
                LibraryKey::Seq(element) => {
                    element.as_opid().map_or(Register::Head, |id| Register::Element(library_id(id)))
                }
            };
            let object = match &operation.obj {
                ObjectId::Root => None,
                ObjectId::Id(id) => Some(library_id(id)),
            };
            let deed = match operation.action {
                OpType::Make(kind) => Deed::Makes(kind),
                OpType::Delete => Deed::Deletes,
                OpType::MarkBegin(_) | OpType::MarkEnd(_) => Deed::Marks,
                OpType::Put(_) | OpType::Increment(_) => Deed::Writes,
            };
            let known = Known { object, register, insert: operation.insert, deed };
            self.operations.insert((counter, actor.clone()), known);
        }
        let last = self.last_seq_by_actor.entry(actor).or_default();
        *last = change.seq().max(*last);
    }

    pub(crate) fn place(&self, change: &CheckedChange) -> Place {
        let last_seq = |actor: &[u8]| self.last_seq_by_actor.get(actor).copied().unwrap_or_default();
        let deps = change.deps().iter().map(|dep| self.changes.get(&ChangeHash(dep.0)));
        let Some(deps) = deps.collect::<Option<Vec<_>>>() else { return Place::Apart };
        let max_op = deps.iter().map(|dep| dep.max_op()).max().unwrap_or_default();
        let follows = change.seq() == last_seq(change.actor()) + 1
            && (change.seq() == 1 || self.descends_from_actor(deps, change.actor()))
            && change.start_op() > max_op
            && change.start_op() <= self.max_op + 1
            // The library takes a gap below a change without operations for operations that are lost.
            && (change.operations() > 0 || change.start_op() == max_op + 1)
            && change.other_actors().iter().all(|actor| last_seq(actor) > 0);
        if !follows {
            return Place::Apart;
        }
        if self.is_founded(change) && self.is_in_order(change) { Place::Fits } else { Place::Unfounded }
    }

    /// Whether a change by this actor is among `changes` and all that they depend on.
    fn descends_from_actor(&self, changes: Vec<&Change>, actor: &[u8]) -> bool {
        let mut seen = BTreeSet::new();
        let mut stack = changes;
        while let Some(change) = stack.pop() {
            if change.actor_id().to_bytes() == actor {
                return true;
            }
            if seen.insert(change.hash()) {
                stack.extend(change.deps().iter().filter_map(|dep| self.changes.get(dep)));
            }
        }
        false
    }

    /// Asks the document, as the author saw it, where elements stand.
    fn is_in_order(&self, change: &CheckedChange) -> bool {
        let heads: Vec<_> = change.deps().iter().map(|dep| ChangeHash(dep.0)).collect();
        change.element_orders().iter().all(|order| {
            let Object::Made(object) = order.object else { return false };
            let actor = |id: OperationId| ActorId::from(change.actor_at(id.actor).unwrap());
            let object = ObjId::Id(object.counter, actor(object), 0);
            let cursor = |id: OperationId| Cursor::try_from(format!("{}@{}", id.counter, actor(id))).unwrap();
            let position =
                |cursor: &Cursor| self.document.get_cursor_position(&object, cursor, Some(&heads)).ok();
            let is_visible = |cursor: &Cursor, index: usize| {
                self.document.get_cursor(&object, index, Some(&heads)).is_ok_and(|found| found == *cursor)
            };
            let (first, second) = (cursor(order.first), cursor(order.second));
            let (Some(first_at), Some(second_at)) = (position(&first), position(&second)) else {
                return false;
            };
            // A hidden element has the index of the visible one after it.
            first_at < second_at
                || (first_at == second_at && !is_visible(&first, first_at) && is_visible(&second, second_at))
        })
    }

    fn is_founded(&self, change: &CheckedChange) -> bool {
        let id = |id: &OperationId| (id.counter, change.actor_at(id.actor).unwrap().to_vec());
        let here = |id: &OperationId| id.actor == 0 && id.counter >= change.start_op();
        change.operations_iter().all(|operation| {
            let in_sequence = !matches!(operation.key, Key::Property(_));
            let object = match operation.object {
                Object::Root => None,
                Object::Made(made) => Some(made),
            };
            let object_fits = object.filter(|made| !here(made)).is_none_or(|made| {
                let Some(Known { deed: Deed::Makes(kind), .. }) = self.operations.get(&id(&made)) else {
                    return false;
                };
                kind.is_sequence() == in_sequence
                    && (operation.action != Action::Mark || *kind == ObjType::Text)
            });
            let object = object.as_ref().map(id);
            let register = match operation.key {
                Key::Property(key) => Register::Property(key.to_owned()),
                Key::Head => Register::Head,
                Key::Element(element) => Register::Element(id(&element)),
            };
            let element_fits = match operation.key {
                Key::Element(element) if !here(&element) => {
                    let known = self.operations.get(&id(&element));
                    known.is_some_and(|known| {
                        known.insert
                            && known.object == object
                            && (operation.insert || known.deed != Deed::Marks)
                    })
                }
                Key::Element(_) | Key::Head | Key::Property(_) => true,
            };
            let overwrites = operation.predecessors.iter().filter(|overwritten| !here(overwritten));
            let overwrites_fit = overwrites.map(id).all(|overwritten| {
                self.operations.get(&overwritten).is_some_and(|known| {
                    let place =
                        if known.insert { Register::Element(overwritten) } else { known.register.clone() };
                    place == register && known.object == object && known.deed != Deed::Deletes
                })
            });
            object_fits && element_fits && overwrites_fit
        })
    }
}

fn library_id(id: &automerge::legacy::OpId) -> Id {
    (id.counter(), id.actor().to_bytes().to_vec())
}
