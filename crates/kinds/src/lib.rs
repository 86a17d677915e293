//! Document kinds as data: a kind is one JSON Schema file whose `x-tiebreak-*` keywords say how each path merges,
//! who writes it, and which rules a document keeps. Pure: no I/O, no clock, no randomness.

mod cel_value;
mod compare;
mod constraints;
mod error;
mod expression;
mod kind;
mod node;
mod reader;
mod registry;
mod rule;
mod words;

pub mod limits;

pub use compare::{Comparison, Difference, compare};
pub use error::{KindError, Problem};
pub use kind::Kind;
pub use node::Node;
pub use registry::Kinds;
pub use rule::{BrokenRule, Rule};
pub use words::{Merge, Remove, Resolver, Type, Write};
