//! Histories written by hand: people who each edit their own copy and meet when told.

use super::{Action, ChangeId, Expected, Kind, Model, ModelChange, ModelOperation, Object, OperationId};
use super::{Key, Place, Register, Value};
use std::collections::BTreeSet;

pub(super) const ANN: u8 = 1;
pub(super) const BOB: u8 = 2;
pub(super) const EVE: u8 = 3;
const EVERYBODY: [u8; 3] = [ANN, BOB, EVE];

/// A place to write, as short as a test wants it.
pub(super) fn at(object: Object, key: &str) -> Register {
    Register { object, key: Key::Property(key.to_owned()) }
}

/// The same in the root.
pub(super) fn root(key: &str) -> Register {
    at(Object::Root, key)
}

pub(super) fn inside(maker: OperationId, key: &str) -> Register {
    at(Object::MadeBy(maker), key)
}

/// The element that an operation inserted.
pub(super) fn element(list: OperationId, inserted: OperationId) -> Register {
    Register { object: Object::MadeBy(list), key: Key::Element(inserted) }
}

pub(super) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) model: Model,
    /// What each person has seen, by actor.
    seen: [BTreeSet<ChangeId>; 4],
    counter: u64,
}

impl Script {
    /// Everybody learns all that anybody has seen.
    pub(super) fn all_meet(&mut self) {
        let today = self.model.today();
        for person in EVERYBODY {
            self.seen[usize::from(person)].clone_from(&today);
        }
    }

    /// One person learns what another one has seen.
    pub(super) fn tell(&mut self, from: u8, to: u8) {
        let news = self.seen[usize::from(from)].clone();
        self.seen[usize::from(to)].extend(news);
    }

    pub(super) fn put(&mut self, who: u8, register: &Register, value: Value) -> OperationId {
        self.change(who, |change| change.put(register, value))
    }

    pub(super) fn make(&mut self, who: u8, register: &Register, kind: Kind) -> OperationId {
        self.change(who, |change| change.make(register, kind))
    }

    pub(super) fn remove(&mut self, who: u8, register: &Register) -> OperationId {
        self.change(who, |change| change.remove(register))
    }

    pub(super) fn increment(&mut self, who: u8, register: &Register, by: i64) -> OperationId {
        self.change(who, |change| change.write(register, Action::Increment(by)))
    }

    pub(super) fn insert(&mut self, who: u8, list: OperationId, value: Value) -> OperationId {
        self.change(who, |change| change.insert(list, None, value))
    }

    /// Chooses the value that a register shows already: removes those beside it.
    pub(super) fn choose_shown(&mut self, who: u8, register: &Register) -> OperationId {
        self.change(who, |change| {
            let mut losers = change.visible(register);
            losers.pop_last().expect("it shows something");
            change.remove_only(register, losers)
        })
    }

    /// Several operations in one change.
    pub(super) fn change<T>(&mut self, who: u8, write: impl FnOnce(&mut Draft<'_>) -> T) -> T {
        let seen = &mut self.seen[usize::from(who)];
        let seq = seen.iter().filter(|change| change.actor == who).count() as u64 + 1;
        let id = ChangeId { actor: who, seq };
        let mut draft =
            Draft { model: &self.model, counter: &mut self.counter, seen, id, operations: Vec::new() };
        let result = write(&mut draft);
        let operations = draft.operations;
        self.model.add(ModelChange { id, deps: seen.clone(), operations });
        seen.insert(id);
        result
    }

    /// The only conflict.
    pub(super) fn conflict(&self) -> Expected {
        let mut conflicts = self.model.conflicts();
        assert_eq!(conflicts.len(), 1, "one conflict, not {conflicts:#?}");
        conflicts.pop().unwrap()
    }

    pub(super) fn is_calm(&self) -> bool {
        self.model.conflicts().is_empty()
    }

    /// The registers in conflict.
    pub(super) fn disputed(&self) -> Vec<Register> {
        self.model.conflicts().into_iter().map(|conflict| conflict.register).collect()
    }
}

impl Expected {
    pub(super) fn writes(&self) -> Vec<OperationId> {
        self.candidates.iter().map(|candidate| candidate.write).collect()
    }

    pub(super) fn values(&self) -> Vec<Option<Value>> {
        self.candidates.iter().map(|candidate| candidate.value.clone()).collect()
    }

    pub(super) fn base(&self) -> Vec<OperationId> {
        self.base.iter().copied().collect()
    }
}

/// A change while it is written.
pub(super) struct Draft<'a> {
    model: &'a Model,
    counter: &'a mut u64,
    seen: &'a BTreeSet<ChangeId>,
    id: ChangeId,
    operations: Vec<ModelOperation>,
}

impl Draft<'_> {
    pub(super) fn put(&mut self, register: &Register, value: Value) -> OperationId {
        self.write(register, Action::Put(value))
    }

    pub(super) fn make(&mut self, register: &Register, kind: Kind) -> OperationId {
        self.write(register, Action::Make(kind))
    }

    pub(super) fn remove(&mut self, register: &Register) -> OperationId {
        self.write(register, Action::Delete)
    }

    fn remove_only(&mut self, register: &Register, predecessors: BTreeSet<OperationId>) -> OperationId {
        self.push(register.object, place(register), Action::Delete, predecessors)
    }

    pub(super) fn insert(
        &mut self,
        list: OperationId,
        after: Option<OperationId>,
        value: Value,
    ) -> OperationId {
        let place = Place::NewElement { after };
        self.push(Object::MadeBy(list), place, Action::Put(value), BTreeSet::new())
    }

    /// Takes the place of all that this person sees there.
    fn write(&mut self, register: &Register, action: Action) -> OperationId {
        let predecessors = self.visible(register);
        self.push(register.object, place(register), action, predecessors)
    }

    /// What this person sees there, with what this change did before.
    fn visible(&self, register: &Register) -> BTreeSet<OperationId> {
        let mut model = self.model.clone();
        let operations = self.operations.clone();
        model.add(ModelChange { id: self.id, deps: self.seen.clone(), operations });
        model.visible(register, model.seen_by(self.id))
    }

    fn push(
        &mut self,
        object: Object,
        place: Place,
        action: Action,
        predecessors: BTreeSet<OperationId>,
    ) -> OperationId {
        *self.counter += 1;
        let id = OperationId { counter: *self.counter, actor: self.id.actor };
        self.operations.push(ModelOperation { id, object, place, action, predecessors });
        id
    }
}

fn place(register: &Register) -> Place {
    match &register.key {
        Key::Property(key) => Place::Property(key.clone()),
        Key::Element(element) => Place::Element(*element),
    }
}
