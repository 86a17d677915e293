//! Who has seen what: the changes of a document as a graph, and for each what lies in its past.
//!
//! What a change has seen is a vector clock: of each actor, its changes up to a number (admission lets no actor
//! write without knowing its own last change). A clock for each change would take space for every actor, so some
//! changes keep theirs, and the others' are found by walking back to those.

use crate::gatekeeper::CheckedChange;
use crate::short_id::{Names, ShortId};
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_protocol::ChangeHash;

/// Changes that are walked at most, or nearly so, from any change back to the clocks that are kept.
const WALK_MAX: u64 = 64;

/// A document with many actors keeps fewer clocks: one for so many actors that it has an entry of.
const ACTORS_PER_STEP: u64 = 4;

/// The number of a change: changes have greater ones than those that they depend on.
pub(crate) type Node = u32;

/// A change as the graph needs it.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    pub(crate) hash: ChangeHash,
    pub(crate) actor: &'a [u8],
    pub(crate) seq: u64,
    /// The counter of its first operation.
    pub(crate) start_op: u64,
    pub(crate) deps: &'a [ChangeHash],
}

/// What a change has seen, itself included: for each actor, by its number, the last sequence number; 0 is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Clock(Vec<u32>);

#[derive(Debug, Default)]
pub(crate) struct Causality {
    actors: Names<[u8]>,
    changes: Vec<Seen>,
    number_by_hash: BTreeMap<ChangeHash, Node>,
    /// Of each actor, in the order it made them.
    changes_by_actor: Vec<Vec<Node>>,
    heads: BTreeSet<Node>,
}

#[derive(Debug)]
struct Seen {
    hash: ChangeHash,
    actor: u32,
    seq: u32,
    start_op: u32,
    deps: Box<[Node]>,
    /// Changes to walk from here to the clocks that are kept, at most.
    walk: u64,
    clock: Option<Box<Clock>>,
}

impl<'a> From<&'a CheckedChange> for Link<'a> {
    fn from(change: &'a CheckedChange) -> Self {
        Self {
            hash: change.hash(),
            actor: change.actor(),
            seq: change.seq(),
            start_op: change.start_op(),
            deps: change.deps(),
        }
    }
}

impl Causality {
    /// Adds a change whose dependencies are all here.
    pub(crate) fn add(&mut self, link: &Link<'_>) -> Node {
        let node = small(self.changes.len() as u64);
        let actor = self.number_of_actor(link.actor);
        let deps: Box<[Node]> =
            link.deps.iter().filter_map(|dep| self.number_by_hash.get(dep)).copied().collect();
        for dep in &deps {
            self.heads.remove(dep);
        }
        self.heads.insert(node);
        self.number_by_hash.insert(link.hash, node);
        if let Some(changes) = self.changes_by_actor.get_mut(index(actor)) {
            changes.push(node);
        }
        let walk = 1 + deps.iter().filter_map(|dep| self.seen(*dep)).map(|dep| dep.walk).sum::<u64>();
        let (seq, start_op) = (small(link.seq), small(link.start_op));
        self.changes.push(Seen { hash: link.hash, actor, seq, start_op, deps, walk, clock: None });
        if walk > WALK_MAX.max(self.changes_by_actor.len() as u64 / ACTORS_PER_STEP) {
            let clock = self.clock(node);
            if let Some(seen) = self.changes.get_mut(index(node)) {
                seen.clock = Some(Box::new(clock));
                seen.walk = 0;
            }
        }
        node
    }

    /// The number of an actor, given when it is first heard of.
    pub(crate) fn number_of_actor(&mut self, actor: &[u8]) -> u32 {
        let number = self.actors.note(actor);
        if index(number) == self.changes_by_actor.len() {
            self.changes_by_actor.push(Vec::new());
        }
        number
    }

    pub(crate) fn actor_number(&self, actor: &[u8]) -> Option<u32> {
        self.actors.number(actor)
    }

    pub(crate) fn actor(&self, number: u32) -> &[u8] {
        self.actors.name(number).unwrap_or_default()
    }

    /// The actor that made a change.
    pub(crate) fn actor_of(&self, node: Node) -> u32 {
        self.seen(node).map_or(0, |seen| seen.actor)
    }

    pub(crate) fn hash(&self, node: Node) -> Option<ChangeHash> {
        self.seen(node).map(|seen| seen.hash)
    }

    /// Whether the change follows from everything else that is here.
    pub(crate) fn is_only_head(&self, node: Node) -> bool {
        self.heads.len() == 1 && self.heads.contains(&node)
    }

    /// The change that an operation is part of.
    pub(crate) fn change_of(&self, operation: ShortId) -> Option<Node> {
        let changes = self.changes_by_actor.get(index(operation.actor))?;
        let begun = |node: &Node| self.seen(*node).is_some_and(|seen| seen.start_op <= operation.counter);
        changes.get(changes.partition_point(begun).checked_sub(1)?).copied()
    }

    pub(crate) fn first_operation(&self, node: Node) -> ShortId {
        let counter = self.seen(node).map_or(0, |seen| seen.start_op);
        ShortId { counter, actor: self.actor_of(node) }
    }

    /// What a change has seen.
    pub(crate) fn clock(&self, node: Node) -> Clock {
        let mut clock = Clock(vec![0; self.changes_by_actor.len()]);
        let mut walked = BTreeSet::from([node]);
        let mut stack = vec![node];
        while let Some(seen) = stack.pop().and_then(|node| self.seen(node)) {
            clock.see(seen.actor, seen.seq);
            match &seen.clock {
                Some(kept) => clock.join(kept),
                None => stack.extend(seen.deps.iter().filter(|dep| walked.insert(**dep))),
            }
        }
        clock
    }

    /// Whether a change is part of what a clock tells.
    pub(crate) fn is_in(&self, node: Node, clock: &Clock) -> bool {
        self.seen(node).is_some_and(|seen| clock.last(seen.actor) >= seen.seq)
    }

    /// Those of some changes that none of the others has seen.
    pub(crate) fn last_of(&self, nodes: impl Iterator<Item = Node>) -> Vec<Node> {
        let mut last_by_actor: BTreeMap<u32, Node> = BTreeMap::new();
        for node in nodes {
            let last = last_by_actor.entry(self.actor_of(node)).or_insert(node);
            // An actor's changes come in their order.
            *last = node.max(*last);
        }
        let last: Vec<_> = last_by_actor.into_values().collect();
        if last.len() < 2 {
            return last;
        }
        let clocks: Vec<_> = last.iter().map(|node| (*node, self.clock(*node))).collect();
        let is_seen =
            |node: Node| clocks.iter().any(|(other, clock)| *other != node && self.is_in(node, clock));
        last.into_iter().filter(|node| !is_seen(*node)).collect()
    }

    /// The last of the changes that a clock tells: whoever has these has all of them.
    pub(crate) fn last_in(&self, clock: &Clock) -> Vec<ChangeHash> {
        let last = self.changes_by_actor.iter().filter_map(|changes| {
            let seen = changes.partition_point(|node| self.is_in(*node, clock));
            changes.get(seen.checked_sub(1)?).copied()
        });
        self.last_of(last).into_iter().filter_map(|node| self.hash(node)).collect()
    }

    fn seen(&self, node: Node) -> Option<&Seen> {
        self.changes.get(index(node))
    }
}

impl Clock {
    /// What both have seen.
    pub(crate) fn meet(&mut self, other: &Self) {
        for (actor, mine) in (0..).zip(&mut self.0) {
            *mine = (*mine).min(other.last(actor));
        }
    }

    /// Without the change that the clock is of: its author has seen all its own before.
    pub(crate) fn before(mut self, actor: u32) -> Self {
        if let Some(mine) = self.0.get_mut(index(actor)) {
            *mine = mine.saturating_sub(1);
        }
        self
    }

    fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    fn see(&mut self, actor: u32, seq: u32) {
        if let Some(mine) = self.0.get_mut(index(actor)) {
            *mine = (*mine).max(seq);
        }
    }

    fn last(&self, actor: u32) -> u32 {
        self.0.get(index(actor)).copied().unwrap_or_default()
    }
}

/// The gatekeeper bounds every counter and sequence number, and documents the number of changes.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
