//! Acts on what a register holds that no write to it has seen.

use crate::causality::Node;
use crate::short_id::ShortId;
use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touch {
    pub(super) change: Node,
    pub(super) version: ShortId,
}

/// Of each version, the touches that no other touch of it has seen.
#[derive(Debug, Default)]
pub(super) struct Touches(Vec<Touch>);

impl Touches {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, change: Node, version: ShortId, sees: impl Fn(Node) -> bool) {
        self.retain(|touch| touch.version != version || !sees(touch.change));
        self.0.push(Touch { change, version });
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Touch) -> bool) {
        self.0.retain(keep);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Touch> {
        self.0.iter()
    }

    /// Whether two of them, of one version, know nothing of each other.
    pub(super) fn are_divided(&self) -> bool {
        // Of most places there are one or two.
        if let [one, other] = self.0.as_slice() {
            return one.version == other.version;
        }
        self.0.len() > 2 && self.versions().collect::<BTreeSet<_>>().len() < self.0.len()
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = ShortId> {
        self.0.iter().map(|touch| touch.version)
    }
}
