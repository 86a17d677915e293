//! What each change added to a number, whether it counted on or wrote another number over what it saw.
//!
//! The sum over some changes is where the number stands for whoever has seen these: whatever was written apart is in,
//! each once, in every order. A change that writes a number adds the difference to the sum of what it has seen.

use crate::causality::Node;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(in crate::conflicts) struct Tally {
    by_actor: BTreeMap<u32, Vec<Added>>,
}

#[derive(Debug)]
struct Added {
    change: Node,
    /// By all changes of this actor up to this one.
    sum: i64,
}

impl Tally {
    /// An actor's changes come in their order.
    pub(super) fn add(&mut self, actor: u32, change: Node, by: i64) {
        let added = self.by_actor.entry(actor).or_default();
        let sum = added.last().map_or(0, |last| last.sum).wrapping_add(by);
        match added.last_mut().filter(|last| last.change == change) {
            Some(last) => last.sum = sum,
            None => added.push(Added { change, sum }),
        }
    }

    /// Over the changes that `sees` tells; of each actor the first ones.
    pub(super) fn sum_of(&self, sees: impl Fn(Node) -> bool) -> i64 {
        let of_actor = |added: &Vec<Added>| {
            let seen = added.partition_point(|added| sees(added.change));
            seen.checked_sub(1).and_then(|last| added.get(last)).map_or(0, |last| last.sum)
        };
        self.by_actor.values().map(of_actor).fold(0, i64::wrapping_add)
    }

    pub(in crate::conflicts) fn sum(&self) -> i64 {
        self.sum_of(|_| true)
    }
}
