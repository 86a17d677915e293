//! Whether the kind of a document allows what one change does.

use super::places::{Places, Spot, library_id};
use super::{History, Right, Taken, Writer, types};
use crate::gatekeeper::{Action, CheckedChange, Key, Operation};
use crate::operations::Id;
use crate::path::PathStep;
use automerge::{ObjId, ReadDoc};
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_kinds::Node;
use tiebreak_protocol::Refusal;

pub(super) struct Judge<'a> {
    change: &'a CheckedChange,
    history: History<'a>,
    writer: Writer,
    places: Places<'a>,
    /// Of the paths that were asked about, each once: a kind may declare thousands below one.
    below: BTreeMap<*const Node, Right>,
    /// What earlier changes of the batch put above protected places, and what this one does.
    taken_before: &'a BTreeSet<Taken>,
    taken: BTreeSet<Taken>,
    /// The counters of its operations that the change itself overwrites; gathered when it is first asked for.
    taken_back: Option<BTreeSet<u64>>,
}

/// The operation that is not allowed.
pub(super) struct Stumble<'a> {
    pub(super) refusal: Refusal,
    operation: Operation<'a>,
    places: Places<'a>,
}

impl Stumble<'_> {
    pub(super) fn path(&self) -> Vec<PathStep> {
        self.places.path(&self.operation)
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        change: &'a CheckedChange,
        history: History<'a>,
        root: Option<&'a Node>,
        writer: Writer,
        taken_before: &'a BTreeSet<Taken>,
    ) -> Self {
        let (places, below) = (Places::new(change, history, root), BTreeMap::new());
        Self {
            change,
            history,
            writer,
            places,
            below,
            taken_before,
            taken: BTreeSet::new(),
            taken_back: None,
        }
    }

    /// What the change puts above protected places.
    pub(super) fn run(mut self) -> Result<BTreeSet<Taken>, Box<Stumble<'a>>> {
        let change = self.change;
        for operation in change.operations_iter() {
            if let Err(refusal) = self.judge(&operation) {
                return Err(Box::new(Stumble { refusal, operation, places: self.places }));
            }
        }
        Ok(self.taken)
    }

    fn judge(&mut self, operation: &Operation<'a>) -> Result<(), Refusal> {
        let (container, spot) = self.places.of(operation).ok_or(Refusal::UnknownObject)?;
        // The name was judged as a whole, and the change that may write it is the one that begins the document.
        let is_name = spot.right == Right::Nobody && self.change.start_op() == 1;
        if !is_name {
            spot.right.check(self.writer)?;
        }
        if let Some(node) = spot.node {
            self.check_below(operation, spot, node)?;
            if !types::fits(operation, node, container.shape) && !self.is_taken_back(operation) {
                return Err(Refusal::WrongType);
            }
        }
        self.places.note(operation, spot);
        Ok(())
    }

    /// Whether nobody ever sees what it writes: a removal where nothing stands puts something first, to name it.
    fn is_taken_back(&mut self, operation: &Operation<'a>) -> bool {
        let change = self.change;
        let taken_back = self.taken_back.get_or_insert_with(|| {
            let all = change.operations_iter().filter(|later| later.action != Action::Increment);
            let own = all.flat_map(|later| later.predecessors).filter(|overwritten| overwritten.actor == 0);
            own.map(|overwritten| overwritten.counter).collect()
        });
        operation.action == Action::Set && taken_back.contains(&operation.counter)
    }

    /// Whoever writes a place writes all that is below it: it replaces, removes or hides it. So above protected places
    /// an object may only be put where nothing stands.
    fn check_below(
        &mut self,
        operation: &Operation<'_>,
        spot: Spot<'a>,
        node: &'a Node,
    ) -> Result<(), Refusal> {
        let below = *self.below.entry(std::ptr::from_ref(node)).or_insert_with(|| Right::below(node));
        if below <= spot.right {
            return Ok(());
        }
        let place = self.place(operation);
        let allowed = below.check(self.writer);
        if allowed.is_err() {
            let is_new =
                operation.insert || place.as_ref().is_some_and(|place| self.is_empty(operation, place));
            if !(operation.action.makes() && is_new) {
                return allowed;
            }
        }
        self.taken.extend(place.filter(|_| operation.action != Action::Delete));
        Ok(())
    }

    fn place(&self, operation: &Operation<'_>) -> Option<Taken> {
        let Key::Property(key) = operation.key else { return None };
        let container = self.places.container(operation.object);
        Some((container.map(|Id { counter, actor }| (counter, actor.into())), key.into()))
    }

    /// Whether nothing stands here, also nothing that the author of the change has not seen: of two objects in one
    /// place only one is shown, and it must not be a stranger's.
    fn is_empty(&self, operation: &Operation<'_>, place: &Taken) -> bool {
        if self.taken.contains(place) || self.taken_before.contains(place) {
            return false;
        }
        let container = self.places.container(operation.object);
        // What stands in objects that are not merged yet is what was noted.
        if container.is_some_and(|id| !self.is_merged(id)) {
            return true;
        }
        let standing =
            self.history.engine.automerge.get(container.map_or(ObjId::Root, library_id), &*place.1);
        matches!(standing, Ok(None))
    }

    fn is_merged(&self, id: Id<'_>) -> bool {
        let is_here = id.actor == self.change.actor() && id.counter >= self.change.start_op();
        !is_here && self.history.ready.find(id).is_none()
    }
}
