//! What a document checks of a change before it merges it, done over in the plainest way.

use automerge::legacy::{Key as LibraryKey, ObjectId, OpType};
use automerge::{Change, ChangeHash, ObjType};
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
        let mut history = Self {
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

    /// Whether the elements that the change's marks rest on stand in the right order.
    fn is_in_order(&self, change: &CheckedChange) -> bool {
        let id = |id: OperationId| (id.counter, change.actor_at(id.actor).unwrap().to_vec());
        change.element_orders().iter().all(|order| {
            let Object::Made(object) = order.object else { return false };
            let elements = self.elements(&id(object));
            let place = |element| elements.iter().position(|other| *other == id(element));
            place(order.first).is_some() && place(order.first) < place(order.second)
        })
    }

    /// All elements that were ever inserted into a sequence, in its order: each right after the element
    /// it names, and of several that name the same the one with the greatest id first.
    fn elements(&self, object: &Id) -> Vec<Id> {
        let inserted = |known: &&Known| known.insert && known.object.as_ref() == Some(object);
        let mut elements: Vec<Id> = Vec::new();
        // A parent has a smaller id than its children, so in this order every parent is there first.
        for (id, known) in self.operations.iter().filter(|(_, known)| inserted(known)) {
            let after = match &known.register {
                Register::Element(parent) => elements.iter().position(|other| other == parent).unwrap() + 1,
                Register::Head | Register::Property(_) => 0,
            };
            elements.insert(after, id.clone());
        }
        elements
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
