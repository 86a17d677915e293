//! Registers whose value is one with all that is inside: whoever changes a part of it writes it.

use super::{RegisterNumber, Registers, ShortKey};
use crate::conflicts::Flags;
use std::collections::BTreeSet;
use tiebreak_kinds::Node;

impl Registers {
    /// What the kind says of a register; `None` without a kind.
    pub(in crate::conflicts) fn node_of<'a>(
        &self,
        number: RegisterNumber,
        flags: &'a Flags,
    ) -> Option<&'a Node> {
        let Flags::Kind(kind) = flags else { return None };
        let mut keys = vec![self.register(number)?.place.key];
        keys.extend(self.above(number).map(|(above, _)| above.place.key));
        let below = |node: &'a Node, key: &ShortKey| match key {
            ShortKey::Property(property) => node.child(self.properties.name(*property).unwrap_or_default()),
            ShortKey::Element(_) => node.element(),
        };
        Some(keys.iter().rev().fold(kind.root(), below))
    }

    pub(in crate::conflicts) fn is_record(&self, number: RegisterNumber, flags: &Flags) -> bool {
        flags.hold_records() && self.node_of(number, flags).is_some_and(Node::is_record)
    }

    /// The registers in which more than one side may stand.
    pub(in crate::conflicts) fn disputed(&self, flags: &Flags) -> BTreeSet<RegisterNumber> {
        let mut disputed = self.contested.clone();
        disputed.extend(self.divided.iter().copied().filter(|number| self.is_record(*number, flags)));
        disputed
    }

    /// Counts records in which the sides may have changed as changed, and with them what is inside: that is asked
    /// about by itself only while nobody disagrees about the whole.
    pub(in crate::conflicts) fn note_records(&mut self, flags: &Flags) {
        let divided = std::mem::take(&mut self.newly_divided);
        let records: BTreeSet<_> =
            divided.into_iter().filter(|number| self.is_record(*number, flags)).collect();
        let inside = self.contested_below(&records);
        self.changed.extend(inside);
        self.changed.extend(records);
    }
}
