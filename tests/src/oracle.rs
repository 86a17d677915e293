//! The conflict oracle: a second opinion on which conflicts a history has.
//!
//! It is meant to be right before it is fast. It shares no code with what it judges, keeps every operation for
//! ever, knows of each change the full set of changes that it has seen, and works out each answer from the
//! whole history. Where the contract of detection leaves a choice, a comment that begins with "Choice:" says
//! which one was made.
//!
//! It judges every register as if its merge mode were `flag`; modes and removals that a kind declares are the
//! caller's to take off.

pub mod histories;
pub mod judge;
mod model;
mod registers;
mod shown;
mod value;
mod verdict;

#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;

pub use model::Model;
pub use value::Value;
pub use verdict::{Candidate, Expected, Type};

use std::collections::BTreeSet;
use std::fmt;

/// An operation of the CRDT; ordered as the CRDT orders: by counter, then by actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId {
    pub counter: u64,
    pub actor: u8,
}

impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.counter, self.actor)
    }
}

/// The change with this number, from 1, of its actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId {
    pub actor: u8,
    pub seq: u64,
}

#[derive(Debug, Clone)]
pub struct ModelChange {
    pub id: ChangeId,
    /// Changes it follows; what they follow in turn need not be among them.
    pub deps: BTreeSet<ChangeId>,
    /// In their order, so with growing counters.
    pub operations: Vec<ModelOperation>,
}

#[derive(Debug, Clone)]
pub struct ModelOperation {
    pub id: OperationId,
    pub object: Object,
    pub place: Place,
    pub action: Action,
    /// The operations of the same place that it says it takes the place of, or adds to.
    pub predecessors: BTreeSet<OperationId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    Root,
    MadeBy(OperationId),
}

/// Where in its object an operation acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Property(String),
    /// The element that this operation inserted.
    Element(OperationId),
    /// A new element, behind another one or in front of all.
    NewElement {
        after: Option<OperationId>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Any value but objects, a counter too.
    Put(Value),
    Make(Kind),
    Delete,
    Increment(i64),
    /// Formats text; shows nothing itself, yet others insert behind it.
    Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Map,
    List,
    Text,
}

/// A place that holds one value at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Register {
    pub object: Object,
    pub key: Key,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Property(String),
    /// The element that this operation inserted.
    Element(OperationId),
}
