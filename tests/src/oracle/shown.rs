//! What places show, today or to whom had seen only some changes.

use super::value::Value;
use super::{Action, ChangeId, Kind, Model, ModelOperation, Object, OperationId, Place, Register};
use std::collections::{BTreeMap, BTreeSet};

impl Model {
    /// The operation whose value a register shows in a view: the greatest of the visible ones.
    pub(super) fn winner(&self, register: &Register, view: &BTreeSet<ChangeId>) -> Option<OperationId> {
        self.visible(register, view).pop_last()
    }

    /// The operations of a register that no other one has taken the place of in this view.
    pub(super) fn visible(&self, register: &Register, view: &BTreeSet<ChangeId>) -> BTreeSet<OperationId> {
        let here: Vec<_> = self.operations_in(view).filter(|one| one.register() == *register).collect();
        let bears_value = |one: &&&ModelOperation| match one.action {
            Action::Put(_) | Action::Make(_) => true,
            Action::Delete | Action::Increment(_) | Action::Mark => false,
        };
        let stays = |one: &&&ModelOperation| !here.iter().any(|other| overwrites(other, one));
        here.iter().filter(bears_value).filter(stays).map(|one| one.id).collect()
    }

    /// What an operation's value has become today, whether or not its register still shows it.
    pub(super) fn value(&self, id: OperationId) -> Value {
        match &self.operation(id).action {
            Action::Put(Value::Counter(start)) => Value::Counter(self.counted(id, *start)),
            Action::Put(value) => value.clone(),
            Action::Make(_) => self.object(Object::MadeBy(id)),
            Action::Delete | Action::Increment(_) | Action::Mark => panic!("{id:?} has no value"),
        }
    }

    fn counted(&self, counter: OperationId, start: i64) -> i64 {
        let increments = self.operations().filter(|one| one.predecessors.contains(&counter));
        increments.fold(start, |sum, one| match one.action {
            Action::Increment(by) => sum.wrapping_add(by),
            Action::Put(_) | Action::Make(_) | Action::Delete | Action::Mark => sum,
        })
    }

    /// What an object holds today, deeply.
    pub fn object(&self, object: Object) -> Value {
        match self.kind(object) {
            Kind::Map => Value::Map(self.entries(object)),
            Kind::List => Value::List(self.items(object)),
            Kind::Text => Value::String(self.items(object).iter().map(piece).collect()),
        }
    }

    fn entries(&self, map: Object) -> BTreeMap<String, Value> {
        let mut entries = BTreeMap::new();
        for operation in self.operations().filter(|one| one.object == map) {
            if let Place::Property(key) = &operation.place
                && let Some(winner) = self.winner(&operation.register(), &self.today())
            {
                entries.insert(key.clone(), self.value(winner));
            }
        }
        entries
    }

    /// What the elements of a list or text show, in their order.
    fn items(&self, list: Object) -> Vec<Value> {
        let today = self.today();
        let registers = self.elements(list).into_iter().map(|id| self.operation(id).register());
        let winners = registers.filter_map(|register| self.winner(&register, &today));
        winners.map(|winner| self.value(winner)).collect()
    }

    /// All that was ever inserted, in its order: each element is followed by what was inserted behind it, the
    /// greatest operation first.
    fn elements(&self, list: Object) -> Vec<OperationId> {
        let mut behind: BTreeMap<Option<OperationId>, Vec<OperationId>> = BTreeMap::new();
        for operation in self.operations().filter(|one| one.object == list) {
            if let Place::NewElement { after } = operation.place {
                behind.entry(after).or_default().push(operation.id);
            }
        }
        let mut elements = Vec::new();
        // They come with growing ids, so the last of a heap is the greatest.
        let mut heap = behind.remove(&None).unwrap_or_default();
        while let Some(element) = heap.pop() {
            elements.push(element);
            heap.extend(behind.remove(&Some(element)).unwrap_or_default());
        }
        elements
    }
}

/// Whether an operation takes another one's value away. Increments leave the counters that they name, but hide
/// the other values: so does the CRDT.
fn overwrites(later: &ModelOperation, earlier: &ModelOperation) -> bool {
    let adds_to_it =
        matches!((&later.action, &earlier.action), (Action::Increment(_), Action::Put(Value::Counter(_))));
    later.predecessors.contains(&earlier.id) && !adds_to_it
}

fn piece(item: &Value) -> &str {
    match item {
        Value::String(piece) => piece,
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::Timestamp(_)
        | Value::Counter(_)
        | Value::Map(_)
        | Value::List(_) => panic!("a text holds only strings"),
    }
}
