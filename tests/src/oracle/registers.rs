//! Registers, the versions of what they held, and which of these stand.

use super::value::Value;
use super::{Action, ChangeId, Kind, Model, ModelOperation, OperationId, Register};
use std::collections::{BTreeMap, BTreeSet};

/// What one write made of a register.
#[derive(Debug, Clone)]
pub(super) struct Version {
    /// The last operation by which its change wrote the register.
    pub(super) write: OperationId,
    /// The operation whose value it is, none for removed: the write itself, unless that was a removal that left
    /// other values there and so chose the greatest of them.
    pub(super) shows: Option<OperationId>,
    /// The operations inside the object, or on the counter, that the write made.
    ///
    /// Choice: a removal that chose a value makes a version of its own, yet what happens inside that value later
    /// touches the version that made it.
    pub(super) touches: Vec<OperationId>,
}

impl Version {
    pub(super) fn events(&self) -> impl Iterator<Item = OperationId> {
        [self.write].into_iter().chain(self.touches.iter().copied())
    }
}

impl Model {
    /// Every register that was ever written. Elements of texts are none.
    pub(super) fn registers(&self) -> BTreeSet<Register> {
        let writes = self.operations().filter(|one| is_write(one));
        let writes = writes.filter(|write| self.kind(write.object) != Kind::Text);
        writes.map(ModelOperation::register).collect()
    }

    /// Every version that a register ever had, in the order of their writes' ids.
    pub(super) fn versions(&self, register: &Register) -> Vec<Version> {
        let here = self.operations().filter(|one| is_write(one) && one.register() == *register);
        // Later ones of a change replace earlier ones.
        let last_of_change: BTreeMap<ChangeId, OperationId> =
            here.map(|write| (self.change_of(write.id), write.id)).collect();
        let writes: BTreeSet<_> = last_of_change.into_values().collect();
        writes.into_iter().map(|write| self.version(register, write)).collect()
    }

    fn version(&self, register: &Register, write: OperationId) -> Version {
        let shows = match self.operation(write).action {
            Action::Put(_) | Action::Make(_) => Some(write),
            Action::Delete => self.winner(register, self.seen_by(self.change_of(write))),
            Action::Increment(_) | Action::Mark => panic!("{write:?} is no write"),
        };
        let touches = self.operations().filter(|one| self.touches(one, write));
        Version { write, shows, touches: touches.map(|one| one.id).collect() }
    }

    /// Choice: an increment touches the counters among the values that it names, not the other values.
    fn touches(&self, operation: &ModelOperation, write: OperationId) -> bool {
        let adds_to_it = matches!(operation.action, Action::Increment(_))
            && operation.predecessors.contains(&write)
            && self.is_counter(write);
        adds_to_it || self.makers(operation.object).contains(&write)
    }

    pub(super) fn is_counter(&self, id: OperationId) -> bool {
        matches!(self.operation(id).action, Action::Put(Value::Counter(_)))
    }

    /// Those of a version's events that no write has seen which made another one, here or further up.
    ///
    /// A change knows all that it does itself, in whatever order: nobody disagrees within one change.
    pub(super) fn unseen_events(&self, version: &Version, rivals: &[OperationId]) -> Vec<OperationId> {
        let knows = |rival: &OperationId, event| {
            self.seen_by(self.change_of(*rival)).contains(&self.change_of(event))
        };
        let is_unseen = |event: &OperationId| !rivals.iter().any(|rival| knows(rival, *event));
        version.events().filter(is_unseen).collect()
    }

    /// The writes that can make a version of a register fall: those that made its other versions, and those
    /// further up that replaced or removed what holds the register.
    pub(super) fn rivals(&self, register: &Register, version: &Version) -> Vec<OperationId> {
        let others = self.versions(register).into_iter().map(|other| other.write);
        let mut rivals: Vec<_> = others.filter(|write| *write != version.write).collect();
        for maker in self.makers(register.object) {
            let above = self.versions(&self.operation(maker).register()).into_iter();
            // Choice: who chooses a value by removing those beside it replaces nothing inside that value.
            rivals.extend(above.filter(|other| other.shows != Some(maker)).map(|other| other.write));
        }
        rivals
    }
}

fn is_write(operation: &ModelOperation) -> bool {
    match operation.action {
        Action::Put(_) | Action::Make(_) | Action::Delete => true,
        Action::Increment(_) | Action::Mark => false,
    }
}
