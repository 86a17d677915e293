//! Which disagreements are worth a person's time: what the document's kind declares for each path.

use super::standing::{By, Standing};
use crate::path::PathStep;
use std::sync::Arc;
use tiebreak_kinds::{Kind, Merge, Remove};

/// What is flagged in a document.
#[derive(Debug, Clone)]
pub enum Flags {
    /// Every disagreement: what an operator may ask for documents without a kind.
    Everything,
    /// What the kind does not say how to merge.
    Kind(Arc<Kind>),
}

impl Flags {
    /// What counts in a place; `None`: nothing does.
    pub(super) fn at(&self, path: &[PathStep]) -> Option<Remove> {
        let Self::Kind(kind) = self else { return Some(Remove::Flag) };
        let node = path.iter().fold(kind.root(), |node, step| match step {
            PathStep::Key(key) => node.child(key),
            PathStep::Position(_) | PathStep::Removed => node.element(),
        });
        match node.merge() {
            Merge::Flag | Merge::Map | Merge::List => Some(node.remove()),
            Merge::Lww
            | Merge::Counter
            | Merge::Union
            | Merge::Text
            | Merge::Max
            | Merge::Min
            | Merge::Server => None,
        }
    }
}

/// Leaves those sides between which a person must choose, by what a kind says of removals.
pub(super) fn keep(remove: Remove, standing: &mut Vec<Standing>, is_removed: impl Fn(&Standing) -> bool) {
    let is_edited = |side: &Standing| matches!(side.by, By::Touches(_));
    if !standing.iter().any(&is_removed) {
        return;
    }
    match remove {
        Remove::Flag => {}
        Remove::Wins => standing.retain(|side| !is_edited(side)),
        Remove::Loses if standing.iter().any(is_edited) => standing.retain(|side| !is_removed(side)),
        Remove::Loses => {}
    }
}
