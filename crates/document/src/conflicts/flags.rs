//! Which disagreements are worth a person's time: what the document's kind declares for each path.

use super::standing::{By, Standing};
use crate::path::PathStep;
use std::sync::Arc;
use tiebreak_kinds::{Kind, Merge, Node, Remove, Resolver};

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
        let Some(node) = self.node_at(path) else { return Some(Remove::Flag) };
        match node.merge() {
            // Texts merge as long as all type in the same one: one that was made anew is another one. Counts and sets
            // add up, but not with a removal.
            Merge::Flag | Merge::Map | Merge::List | Merge::Text | Merge::Counter | Merge::Union => {
                Some(node.remove())
            }
            Merge::Lww | Merge::Max | Merge::Min | Merge::Server => None,
        }
    }

    /// What the kind says of a place; `None` without a kind.
    pub(super) fn node_at(&self, path: &[PathStep]) -> Option<&Node> {
        match self {
            Self::Everything => None,
            Self::Kind(kind) => Some(path.iter().fold(kind.root(), below)),
        }
    }

    /// Whether some values are one with all that is inside.
    pub(super) fn hold_records(&self) -> bool {
        match self {
            Self::Everything => false,
            Self::Kind(kind) => kind.root().holds_records(),
        }
    }

    /// What settles conflicts in a place without a person, if the kind says so.
    pub(super) fn resolver_at(&self, path: &[PathStep]) -> Option<Resolver> {
        self.node_at(path)?.resolver()
    }

    /// The kind's name; `None` without one.
    pub fn kind_name(&self) -> Option<&str> {
        match self {
            Self::Everything => None,
            Self::Kind(kind) => Some(kind.name()),
        }
    }

    /// What people call a place: what the kind calls each step, or else the step itself.
    pub fn label(&self, path: &[PathStep]) -> String {
        let mut node = match self {
            Self::Everything => None,
            Self::Kind(kind) => Some(kind.root()),
        };
        let words = path.iter().map(|step| {
            let above = node;
            node = node.map(|node| below(node, step));
            let title = node.and_then(Node::title);
            let (name, is_one_of_many) = match step {
                PathStep::Key(key) => (key.clone(), above.is_some_and(|above| !above.declares(key))),
                PathStep::Position(position) => ((position + 1).to_string(), true),
                PathStep::Removed => ("removed".to_owned(), true),
            };
            match title {
                Some(title) if is_one_of_many => format!("{title} {name}"),
                Some(title) => title.to_owned(),
                None => name,
            }
        });
        words.collect::<Vec<_>>().join(" \u{203a} ")
    }

    /// Whether what stands in a place, or something in it, stays out of records and messages.
    pub fn is_secret(&self, path: &[PathStep]) -> bool {
        self.node_at(path).is_some_and(|node| node.is_secret() || node.holds_secrets())
    }
}

fn below<'a>(node: &'a Node, step: &PathStep) -> &'a Node {
    match step {
        PathStep::Key(key) => node.child(key),
        PathStep::Position(_) | PathStep::Removed => node.element(),
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
