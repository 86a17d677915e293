//! Sides that add up: what stands in their place.

use super::together::together;
use crate::conflicts::Review;
use crate::conflicts::registers::Register;
use crate::conflicts::settle::Content;
use crate::conflicts::standing::{By, Standing};
use crate::conflicts::value::Shown;
use automerge::ScalarValue;
use tiebreak_kinds::{Merge, Node};

impl Review<'_> {
    /// What all sides come to together. `None`: they differ in something that only a person can decide. A removal adds
    /// nothing up.
    pub(in crate::conflicts) fn combined(
        &self,
        register: &Register,
        node: &Node,
        (standing, shown): (&[Standing], &[Shown]),
    ) -> Option<Content> {
        if shown.iter().any(Shown::is_removed) {
            return None;
        }
        let registers = self.values.registers;
        match node.merge() {
            Merge::Counter => {
                let sum = registers.sum(registers.number_of(register.place)?)?;
                Some(Content::Scalar(ScalarValue::counter(sum)))
            }
            // What was written over is another object, in which everything may be meant otherwise.
            Merge::Map if standing.iter().any(|side| matches!(side.by, By::Touches(_))) => None,
            Merge::Union | Merge::Map => {
                let base = self.values.at(register.place, &registers.base(register, standing).heads);
                let sides: Vec<_> = shown.iter().map(Shown::content).collect();
                together(node, base.as_ref(), &sides)
            }
            Merge::Flag
            | Merge::Lww
            | Merge::Text
            | Merge::List
            | Merge::Max
            | Merge::Min
            | Merge::Server => None,
        }
    }
}
