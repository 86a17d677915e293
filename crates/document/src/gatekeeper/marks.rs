//! Whether every mark ends after it begins.
//!
//! A mark is two elements of its sequence: the beginning, and right after it in the change the end. A
//! document in which one ends before it begins can be saved by the library, but not loaded again.
//! Each element is inserted right after another one, and none of the change's elements was there
//! before, so those that hang on one element of the history stand in a block behind it, and what a
//! later operation inserts stands before what an earlier one inserted at the same place.

use super::operation::{Action, ElementOrder, Key, Object, OperationId};
use super::references::Seen;
use tiebreak_protocol::Refusal;

/// Checks all marks of a change, as far as the change tells. What is left over are pairs of elements
/// of the history, the first of which must stand before the second.
pub(super) fn check_marks(operations: &[Seen<'_>], start_op: u64) -> Result<Vec<ElementOrder>, Refusal> {
    let is_mark = |operation: &Seen<'_>| operation.action == Action::Mark;
    if !operations.iter().any(is_mark) {
        return Ok(Vec::new());
    }
    let blocks = Blocks::new(operations, start_op);
    let mut orders = Vec::new();
    let mut begin: Option<(OperationId, &Seen<'_>)> = None;
    for (counter, operation) in (start_op..).zip(operations) {
        let begun = begin.take();
        if !is_mark(operation) {
            continue;
        }
        if operation.begins_mark {
            begin = Some((OperationId { counter, actor: 0 }, operation));
            continue;
        }
        let (id, begun) = begun.ok_or(Refusal::MalformedChange)?;
        if begun.object != operation.object {
            return Err(Refusal::MalformedChange);
        }
        if operation.key != Key::Element(id) {
            orders.extend(blocks.order(operation.object, begun.key, operation.key)?);
        }
    }
    Ok(orders)
}

/// Where the elements that a change inserts stand.
#[derive(Debug)]
struct Blocks<'a> {
    start_op: u64,
    /// By operation: the element of the history on which it hangs, and its place among all that hang there.
    places: Vec<(Key<'a>, usize)>,
}

impl<'a> Blocks<'a> {
    fn new(operations: &[Seen<'a>], start_op: u64) -> Self {
        let mut blocks = Self { start_op, places: operations.iter().map(|seen| (seen.key, 0)).collect() };
        // A linked list of those inserted after the same element of this change, the earliest first.
        let mut first_after = vec![None; operations.len()];
        let mut next_beside = vec![None; operations.len()];
        let mut roots = Vec::new();
        for (index, operation) in operations.iter().enumerate().rev().filter(|(_, seen)| seen.insert) {
            match blocks.index(operation.key) {
                Some(parent) => next_beside[index] = first_after[parent].replace(index),
                None => roots.push(index),
            }
        }
        let mut place = 0;
        let mut stack = Vec::new();
        for root in roots {
            stack.push(root);
            let (anchor, _) = blocks.places[root];
            while let Some(index) = stack.pop() {
                blocks.places[index] = (anchor, place);
                place += 1;
                let mut after = first_after[index];
                while let Some(next) = after {
                    stack.push(next);
                    after = next_beside[next];
                }
            }
        }
        blocks
    }

    /// Makes sure that `first` stands before `second`, or answers what the history must say about it.
    fn order(
        &self,
        object: Object,
        first: Key<'a>,
        second: Key<'a>,
    ) -> Result<Option<ElementOrder>, Refusal> {
        let (first_anchor, first_place) = self.place(first);
        let (second_anchor, second_place) = self.place(second);
        match (first_anchor, second_anchor) {
            (first_anchor, second_anchor) if first_anchor == second_anchor => {
                if first_place < second_place {
                    Ok(None)
                } else {
                    Err(Refusal::MalformedChange)
                }
            }
            (Key::Head, _) => Ok(None),
            (Key::Element(first), Key::Element(second)) => Ok(Some(ElementOrder { object, first, second })),
            (Key::Property(_) | Key::Element(_), _) => Err(Refusal::MalformedChange),
        }
    }

    /// An element of the history stands before all that hang on it.
    fn place(&self, key: Key<'a>) -> (Key<'a>, Option<usize>) {
        match self.index(key).and_then(|index| self.places.get(index)) {
            Some((anchor, place)) => (*anchor, Some(*place)),
            None => (key, None),
        }
    }

    /// Which operation of the change made the element; `None` for the history's.
    fn index(&self, key: Key<'a>) -> Option<usize> {
        let Key::Element(id) = key else { return None };
        let index = id.counter.checked_sub(self.start_op)?;
        usize::try_from(index).ok()
    }
}
