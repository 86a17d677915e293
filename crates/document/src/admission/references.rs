//! Does what a change refers to in the history exist, and is it what the change takes it for?
//!
//! The library does not ask: from a change that refers to what is not there it makes a document that
//! panics, or that it cannot load again. References inside the change were checked with its bytes.

use super::steps::Steps;
use crate::engine::Engine;
use crate::gatekeeper::{Action, CheckedChange, ElementOrder, Key, Object, Operation, OperationId};
use crate::operations::{Deed, Id, Known, Operations, Place};
use automerge::{ActorId, ObjId, ObjType, ReadDoc};
use tiebreak_protocol::Refusal;

/// Checks the references of one change.
pub(super) struct References<'a, 's> {
    change: &'a CheckedChange,
    engine: &'a Engine,
    /// The changes of the batch that are ready.
    ready: &'a Operations,
    /// The last object looked up: most changes stay in one.
    object: Option<(OperationId, ObjType)>,
    steps: &'s mut Steps,
}

impl<'a, 's> References<'a, 's> {
    pub(super) const fn new(
        change: &'a CheckedChange,
        engine: &'a Engine,
        ready: &'a Operations,
        steps: &'s mut Steps,
    ) -> Self {
        Self { change, engine, ready, object: None, steps }
    }

    pub(super) fn check(mut self) -> Result<(), Refusal> {
        for operation in self.change.operations_iter() {
            self.check_object(&operation)?;
            self.check_element(&operation)?;
            self.check_predecessors(&operation)?;
        }
        for order in self.change.element_orders() {
            self.check_order(*order)?;
        }
        Ok(())
    }

    fn check_object(&mut self, operation: &Operation<'_>) -> Result<(), Refusal> {
        let Object::Made(id) = operation.object else { return Ok(()) };
        if self.is_here(id) {
            return Ok(());
        }
        let kind = match self.object {
            Some((last, kind)) if last == id => kind,
            Some(_) | None => self.object_type(self.id(id)?).ok_or(Refusal::UnknownObject)?,
        };
        self.object = Some((id, kind));
        let in_sequence = !matches!(operation.key, Key::Property(_));
        let takes_action = operation.action != Action::Mark || kind == ObjType::Text;
        if kind.is_sequence() == in_sequence && takes_action { Ok(()) } else { Err(Refusal::UnknownObject) }
    }

    fn object_type(&self, id: Id<'_>) -> Option<ObjType> {
        match self.ready.find(id) {
            Some(Known { deed: Deed::Makes(kind), .. }) => Some(kind),
            Some(_) => None,
            None => self.engine.automerge.object_type(library_id(id)).ok(),
        }
    }

    fn check_element(&self, operation: &Operation<'_>) -> Result<(), Refusal> {
        let Key::Element(id) = operation.key else { return Ok(()) };
        if self.is_here(id) {
            return Ok(());
        }
        let element = self.find(self.id(id)?).ok_or(Refusal::UnknownOperation)?;
        // Marks are places to insert at, but no values to overwrite.
        let is_place = operation.insert || element.deed != Deed::Marks;
        let inserts = matches!(element.place, Place::Inserted { .. });
        if inserts && is_place && element.object == self.object_id(operation.object)? {
            Ok(())
        } else {
            Err(Refusal::UnknownOperation)
        }
    }

    /// What an operation overwrites was written to the same place. (Deletions are never found.)
    fn check_predecessors(&mut self, operation: &Operation<'_>) -> Result<(), Refusal> {
        for id in &operation.predecessors {
            // An element that exists was written by the operation whose name it bears.
            if self.is_here(*id) || Key::Element(*id) == operation.key {
                continue;
            }
            if !self.writes_to_place(self.id(*id)?, operation)? {
                return Err(Refusal::UnknownOperation);
            }
        }
        Ok(())
    }

    fn writes_to_place(&mut self, id: Id<'_>, operation: &Operation<'_>) -> Result<bool, Refusal> {
        let object = self.object_id(operation.object)?;
        // Most changes overwrite what is visible, and for that the history need not be noted.
        if let Key::Property(property) = operation.key
            && !self.engine.has_noted_operations()
            && self.steps.take_from_library(1)
            && self.is_visible(id, object, property)
        {
            return Ok(true);
        }
        let Some(known) = self.find(id) else { return Ok(false) };
        let same_place = match (known.place, operation.key) {
            (Place::Property(written), Key::Property(property)) => written == property,
            (Place::Element(element), Key::Element(key)) => element == self.id(key)?,
            (Place::Inserted { .. }, Key::Element(key)) => id == self.id(key)?,
            (Place::Property(_) | Place::Element(_) | Place::Inserted { .. }, _) => false,
        };
        Ok(same_place && known.object == object)
    }

    fn is_visible(&mut self, id: Id<'_>, object: Option<Id<'_>>, property: &str) -> bool {
        let object = object.map_or(ObjId::Root, library_id);
        let visible = self.engine.automerge.get_all(object, property).unwrap_or_default();
        self.steps.take_from_library(visible.len());
        let is_it = |written_by: &ObjId| match written_by {
            ObjId::Id(counter, actor, _) => *counter == id.counter && actor.to_bytes() == id.actor,
            ObjId::Root => false,
        };
        visible.iter().any(|(_, written_by)| is_it(written_by))
    }

    fn check_order(&mut self, order: ElementOrder) -> Result<(), Refusal> {
        let (first, second) = (self.id(order.first)?, self.id(order.second)?);
        if self.stands_before(first, second)? { Ok(()) } else { Err(Refusal::UnknownOperation) }
    }

    /// Elements form a tree: each hangs on the one it was inserted after. A sequence is that tree, read
    /// from the root, at each fork the greatest id first. So where the ways up from both elements meet,
    /// the elements through which they come there decide.
    fn stands_before(&mut self, first: Id<'a>, second: Id<'a>) -> Result<bool, Refusal> {
        let mut first = Climb { at: Some(first), through: None };
        let mut second = Climb { at: Some(second), through: None };
        loop {
            if !self.steps.take(1) {
                return Err(Refusal::UnknownOperation);
            }
            let (first_run, second_run) = (self.run(first.at)?, self.run(second.at)?);
            // Ids grow on the way down, so the run that begins with the greater id is not on the other way.
            match (first_run, second_run) {
                (Some(run), other) if other.is_none_or(|other| run.begin > other.begin) => first.leave(run),
                (other, Some(run)) if other.is_none_or(|other| run.begin > other.begin) => second.leave(run),
                (Some(_) | None, _) => return Ok(first.meets_before(&second)),
            }
        }
    }

    fn run(&self, at: Option<Id<'a>>) -> Result<Option<ElementRun<'a>>, Refusal> {
        let Some(id) = at else { return Ok(None) };
        match self.find(id).map(|known| known.place) {
            Some(Place::Inserted { first, after }) => Ok(Some(ElementRun { begin: first, after })),
            Some(Place::Property(_) | Place::Element(_)) | None => Err(Refusal::UnknownOperation),
        }
    }

    fn find(&self, id: Id<'_>) -> Option<Known<'a>> {
        self.ready.find(id).or_else(|| self.engine.operations().find(id))
    }

    /// Whether the operation is in this change; all of its history lies below its `start_op`.
    const fn is_here(&self, id: OperationId) -> bool {
        id.actor == 0 && id.counter >= self.change.start_op()
    }

    fn id(&self, id: OperationId) -> Result<Id<'a>, Refusal> {
        let actor = self.change.actor_at(id.actor).ok_or(Refusal::UnknownActor)?;
        Ok(Id { counter: id.counter, actor })
    }

    fn object_id(&self, object: Object) -> Result<Option<Id<'a>>, Refusal> {
        match object {
            Object::Root => Ok(None),
            Object::Made(id) => self.id(id).map(Some),
        }
    }
}

/// Elements of which each hangs on the one before.
#[derive(Debug, Clone, Copy)]
struct ElementRun<'a> {
    begin: Id<'a>,
    /// What the first hangs on; `None` is the head of the sequence.
    after: Option<Id<'a>>,
}

/// The way up from an element to the head of its sequence.
#[derive(Debug)]
struct Climb<'a> {
    at: Option<Id<'a>>,
    /// The element before `at` on the way, unless `at` is where the way begins.
    through: Option<Id<'a>>,
}

impl<'a> Climb<'a> {
    fn leave(&mut self, run: ElementRun<'a>) {
        *self = Self { at: run.after, through: Some(run.begin) };
    }

    /// Both ways have come to the same run, or to the head: whether this one comes from further ahead.
    fn meets_before(&self, other: &Self) -> bool {
        let meeting = self.at.min(other.at);
        let next_in_run = meeting.map(|id| Id { counter: id.counter + 1, ..id });
        let through = |climb: &Self| if climb.at == meeting { climb.through } else { next_in_run };
        match (through(self), through(other)) {
            (None, below) => below.is_some(),
            (Some(_), None) => false,
            (Some(through), Some(other)) => through > other,
        }
    }
}

fn library_id(id: Id<'_>) -> ObjId {
    ObjId::Id(id.counter, ActorId::from(id.actor), 0)
}

#[cfg(test)]
mod tests;
