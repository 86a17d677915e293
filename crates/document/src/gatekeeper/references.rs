//! Whether the operations of a change make sense together: what they act on, overwrite and nest.

use super::marks::check_marks;
use super::operation::{Action, ElementOrder, Key, Object, Operation, OperationId, Value};
use super::preamble::Preamble;
use std::cmp::Ordering;
use tiebreak_protocol::Refusal;

/// What later operations of the same change may refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) object: Object,
    pub(super) key: Key<'a>,
    pub(super) action: Action,
    pub(super) insert: bool,
    /// Only if it is a mark: it has a name, so it is no end.
    pub(super) begins_mark: bool,
    /// Of the object that the operation makes.
    depth: usize,
}

/// Checks the operations of one change in their order.
#[derive(Debug)]
pub(super) struct References<'a> {
    start_op: u64,
    depth_max: usize,
    /// Where the author would stand among the other actors, which are in order.
    author_rank: usize,
    /// Whether an operation refers to the actor of this index.
    referred: Vec<bool>,
    seen: Vec<Seen<'a>>,
}

impl<'a> References<'a> {
    pub(super) fn new(preamble: &Preamble<'a>, depth_max: usize) -> Self {
        let others = &preamble.other_actors;
        Self {
            start_op: preamble.start_op,
            depth_max,
            author_rank: others.partition_point(|actor| *actor < preamble.actor),
            referred: vec![false; others.len() + 1],
            seen: Vec::new(),
        }
    }

    pub(super) fn check(&mut self, operation: &Operation<'a>) -> Result<(), Refusal> {
        check_shape(operation)?;
        let depth = self.check_object(operation)?;
        self.check_key(operation)?;
        self.check_predecessors(operation)?;
        let Operation { object, key, insert, action, .. } = *operation;
        if action.makes() && depth > self.depth_max {
            return Err(Refusal::DepthExceeded);
        }
        let begins_mark = operation.mark_name.is_some();
        self.seen.push(Seen { object, key, action, insert, begins_mark, depth });
        Ok(())
    }

    /// Ends the walk and hands out what the history has to be asked about. The library names no actor
    /// in a change that the change does not refer to.
    pub(super) fn finish(self) -> Result<Vec<ElementOrder>, Refusal> {
        if !self.referred.iter().skip(1).all(|referred| *referred) {
            return Err(Refusal::NotCanonical);
        }
        check_marks(&self.seen, self.start_op)
    }

    /// Answers the depth that an object made in this operation's object has at least.
    fn check_object(&mut self, operation: &Operation<'a>) -> Result<usize, Refusal> {
        let in_sequence = !matches!(operation.key, Key::Property(_));
        let Object::Made(id) = operation.object else {
            return if in_sequence { Err(Refusal::MalformedChange) } else { Ok(1) };
        };
        let Some(container) = self.resolve(id, operation.counter)? else { return Ok(2) };
        let fits = match container.action {
            Action::MakeMap => !in_sequence,
            Action::MakeList => in_sequence && operation.action != Action::Mark,
            Action::MakeText => in_sequence,
            Action::Set | Action::Delete | Action::Increment | Action::Mark => false,
        };
        if fits { Ok(container.depth + 1) } else { Err(Refusal::MalformedChange) }
    }

    fn check_key(&mut self, operation: &Operation<'a>) -> Result<(), Refusal> {
        let Key::Element(id) = operation.key else { return Ok(()) };
        let Some(element) = self.resolve(id, operation.counter)? else { return Ok(()) };
        // Marks are places to insert at, but no values to overwrite.
        let is_place = operation.insert || element.action != Action::Mark;
        if element.insert && is_place && element.object == operation.object {
            Ok(())
        } else {
            Err(Refusal::MalformedChange)
        }
    }

    /// What an operation overwrites was written to the same place. (The library forgets predecessors
    /// that it does not find there, and then cannot restore the change.)
    fn check_predecessors(&mut self, operation: &Operation<'a>) -> Result<(), Refusal> {
        let mut previous = None;
        for id in &operation.predecessors {
            let rank = Some((id.counter, self.rank(id.actor)));
            match previous.cmp(&rank) {
                Ordering::Less => {}
                Ordering::Equal => return Err(Refusal::MalformedChange),
                Ordering::Greater => return Err(Refusal::NotCanonical),
            }
            previous = rank;
            let Some(overwritten) = self.resolve(*id, operation.counter)? else { continue };
            let place = if overwritten.insert { Key::Element(*id) } else { overwritten.key };
            let same_place = place == operation.key && overwritten.object == operation.object;
            if !same_place || overwritten.action == Action::Delete {
                return Err(Refusal::MalformedChange);
            }
        }
        Ok(())
    }

    /// Finds the operation that `id` names if it is in this change; `None` if it is in the history.
    fn resolve(&mut self, id: OperationId, before: u64) -> Result<Option<Seen<'a>>, Refusal> {
        let referred = self.referred.get_mut(id.actor).ok_or(Refusal::MalformedChange)?;
        *referred = true;
        // All of a change's history lies below its start_op, whoever made it.
        let Some(index) = id.counter.checked_sub(self.start_op) else { return Ok(None) };
        if id.actor != 0 || id.counter >= before {
            return Err(Refusal::MalformedChange);
        }
        let index = usize::try_from(index).map_err(|_| Refusal::MalformedChange)?;
        self.seen.get(index).copied().map(Some).ok_or(Refusal::MalformedChange)
    }

    /// The place of an actor in the order of actor ids.
    const fn rank(&self, actor: usize) -> usize {
        match actor {
            0 => self.author_rank,
            other if other <= self.author_rank => other - 1,
            other => other,
        }
    }
}

/// Checks what an operation's parts say about each other.
fn check_shape(operation: &Operation<'_>) -> Result<(), Refusal> {
    let Operation { insert, action, value, predecessors, expand, mark_name, .. } = operation;
    let overwrites = !predecessors.is_empty();
    let place_fits = match (operation.key, *insert) {
        (Key::Property(_), true) | (Key::Head, false) => false,
        (Key::Property(_) | Key::Element(_), false) => true,
        (Key::Head | Key::Element(_), true) => !overwrites,
    };
    let action_fits = match action {
        Action::MakeMap | Action::MakeList | Action::MakeText => *value == Value::Null,
        Action::Set => true,
        // A deletion that deletes nothing leaves no trace in the library's document.
        Action::Delete => overwrites && *value == Value::Null,
        Action::Increment => overwrites && matches!(value, Value::Signed(_)),
        Action::Mark => *insert && (mark_name.is_some() || *value == Value::Null),
    };
    let mark_fits = *action == Action::Mark || (!expand && mark_name.is_none());
    if place_fits && action_fits && mark_fits { Ok(()) } else { Err(Refusal::MalformedChange) }
}
