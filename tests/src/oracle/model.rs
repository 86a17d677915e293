//! The history, and who has seen what in it.

use super::{Action, ChangeId, ModelChange, ModelOperation, Object, OperationId, Place};
use super::{Key, Kind, Register};
use std::collections::{BTreeMap, BTreeSet};

/// A history; it answers every question from all of it.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// What each change has seen: its whole causal past, and itself.
    seen: BTreeMap<ChangeId, BTreeSet<ChangeId>>,
    operations: BTreeMap<OperationId, Known>,
}

#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) change: ChangeId,
    pub(super) operation: ModelOperation,
}

impl Model {
    /// Takes the next change in.
    ///
    /// # Panics
    /// When it comes before a change that it depends on, or twice.
    pub fn add(&mut self, change: ModelChange) {
        let mut seen = BTreeSet::from([change.id]);
        for dep in &change.deps {
            seen.extend(self.seen.get(dep).expect("what a change depends on comes before it"));
        }
        assert!(self.seen.insert(change.id, seen).is_none(), "{:?} comes once", change.id);
        for operation in change.operations {
            let id = operation.id;
            let known = Known { change: change.id, operation };
            assert!(self.operations.insert(id, known).is_none(), "operation {id:?} comes once");
        }
    }

    /// What has seen every change.
    pub(super) fn today(&self) -> BTreeSet<ChangeId> {
        self.seen.keys().copied().collect()
    }

    /// What a change has seen, itself included.
    pub(super) fn seen_by(&self, change: ChangeId) -> &BTreeSet<ChangeId> {
        &self.seen[&change]
    }

    pub(super) fn operation(&self, id: OperationId) -> &ModelOperation {
        &self.operations[&id].operation
    }

    pub(super) fn change_of(&self, id: OperationId) -> ChangeId {
        self.operations[&id].change
    }

    /// The greatest operation of a change.
    pub(super) fn last_operation(&self, change: ChangeId) -> Option<OperationId> {
        let of_change = self.operations.iter().filter(|(_, known)| known.change == change);
        of_change.map(|(id, _)| *id).max()
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = &ModelOperation> {
        self.operations.values().map(|known| &known.operation)
    }

    /// The operations of the changes in a view.
    pub(super) fn operations_in(&self, view: &BTreeSet<ChangeId>) -> impl Iterator<Item = &ModelOperation> {
        let known = self.operations.values().filter(|known| view.contains(&known.change));
        known.map(|known| &known.operation)
    }

    /// Whether who made one operation knew of another one. Operations of one change know those before them;
    /// none knows itself.
    pub(super) fn has_seen(&self, later: OperationId, earlier: OperationId) -> bool {
        let (later_change, earlier_change) = (self.change_of(later), self.change_of(earlier));
        if later_change == earlier_change {
            earlier < later
        } else {
            self.seen_by(later_change).contains(&earlier_change)
        }
    }

    /// The operations that made the objects on the way from an object up to the root, itself first.
    pub(super) fn makers(&self, object: Object) -> Vec<OperationId> {
        let mut makers = Vec::new();
        let mut next = object;
        while let Object::MadeBy(maker) = next {
            makers.push(maker);
            next = self.operation(maker).object;
        }
        makers
    }

    pub(super) fn kind(&self, object: Object) -> Kind {
        match object {
            Object::Root => Kind::Map,
            Object::MadeBy(maker) => match self.operation(maker).action {
                Action::Make(kind) => kind,
                Action::Put(_) | Action::Delete | Action::Increment(_) | Action::Mark => {
                    panic!("{maker:?} made no object")
                }
            },
        }
    }
}

impl ModelOperation {
    pub(super) fn register(&self) -> Register {
        let key = match &self.place {
            Place::Property(key) => Key::Property(key.clone()),
            Place::Element(element) => Key::Element(*element),
            Place::NewElement { .. } => Key::Element(self.id),
        };
        Register { object: self.object, key }
    }
}
