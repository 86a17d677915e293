//! Whether a new version of a kind can take the place of an old one, with devices of both about.

mod conditions;

use crate::error::type_list;
use crate::kind::Kind;
use crate::node::Node;
use crate::words::{Merge, Type, Write};
use std::collections::BTreeSet;
use std::fmt;

/// What changes between two versions of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    old_version: u32,
    new_version: u32,
    differences: Vec<Difference>,
}

/// One breaking difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The path in documents, such as `/lines/{id}/qty`; empty for the kind as a whole.
    pub path: String,
    /// What is different, in words.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.what),
            path => write!(f, "{path}: {}", self.what),
        }
    }
}

impl Comparison {
    /// Everything that breaks apps or documents of the old version, ordered by path.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Whether nothing breaks: documents and apps of both versions get along.
    pub fn is_compatible(&self) -> bool {
        self.differences.is_empty()
    }

    /// Whether the new kind breaks something and its `x-tiebreak-version` does not say so.
    pub fn needs_higher_version(&self) -> bool {
        !self.is_compatible() && self.new_version <= self.old_version
    }
}

/// Compares two versions of a kind. Adding a field and loosening a limit are compatible, and so is removing a
/// field, for what is not declared is kept.
pub fn compare(old: &Kind, new: &Kind) -> Comparison {
    let mut compared = Compared { differences: Vec::new() };
    if old.name != new.name {
        compared.note("", format!("the name was {} and is {}", old.name, new.name));
    }
    if new.version < old.version {
        compared.note("", format!("the version was {} and is {}", old.version, new.version));
    }
    compared.guards(old, new);
    compared.rules(old, new);
    compared.paths(&old.root, &new.root, "");
    compared.differences.sort();
    compared.differences.dedup();
    Comparison { old_version: old.version, new_version: new.version, differences: compared.differences }
}

struct Compared {
    differences: Vec<Difference>,
}

impl Compared {
    fn note(&mut self, path: &str, what: impl Into<String>) {
        self.differences.push(Difference { path: path.to_owned(), what: what.into() });
    }

    fn guards(&mut self, old: &Kind, new: &Kind) {
        let source = |kind: &Kind| kind.guard.as_ref().map(|guard| guard.source().to_owned());
        match (source(old), source(new)) {
            (_, None) => {}
            (None, Some(_)) => self.note("", "x-tiebreak-allow is new: it denies what was allowed"),
            (Some(old), Some(new)) if old == new => {}
            (Some(_), Some(_)) => self.note("", "x-tiebreak-allow is another: it may deny what was allowed"),
        }
    }

    fn rules(&mut self, old: &Kind, new: &Kind) {
        for rule in &new.rules {
            let path = rule.on.first().map_or("", String::as_str);
            match old.rules.iter().find(|known| known.name == rule.name) {
                None => self.note(path, format!("the rule {} is new", rule.name)),
                Some(known) if known.source() != rule.source() || known.on != rule.on => {
                    self.note(path, format!("the rule {} is another", rule.name));
                }
                Some(known) if rule.refuses() && !known.refuses() => {
                    self.note(path, format!("the rule {} refuses now", rule.name));
                }
                Some(_) => {}
            }
        }
    }

    fn paths(&mut self, old: &Node, new: &Node, path: &str) {
        match (old.is_declared(), new.is_declared()) {
            (false, _) => return self.added(new, path),
            (true, false) => return self.removed(old, path),
            (true, true) => self.path(old, new, path),
        }
        let names: BTreeSet<_> = old.properties.keys().chain(new.properties.keys()).collect();
        for name in names {
            self.paths(old.child(name), new.child(name), &format!("{path}/{name}"));
        }
        for (old, new) in [(&old.additional, &new.additional), (&old.items, &new.items)] {
            let path = format!("{path}/{{id}}");
            match (old, new) {
                (Some(old), Some(new)) => self.paths(old, new, &path),
                (Some(old), None) => self.removed(old, &path),
                (None, Some(new)) => self.added(new, &path),
                (None, None) => {}
            }
        }
    }

    /// What was free is declared now.
    fn added(&mut self, new: &Node, path: &str) {
        if new.conditions.contains_key("required") {
            self.note(path, "required is new");
        }
    }

    /// What was declared is free now: kept, but no longer protected.
    fn removed(&mut self, old: &Node, path: &str) {
        if old.merge == Merge::Server || old.holds_server_paths() {
            self.note(path, "was written by the server only, and anybody may write it now");
        } else if old.write == Write::Owner {
            self.note(path, "was written by owners only, and every editor may write it now");
        } else if old.is_secret() {
            self.note(path, "was secret, and is not now");
        }
    }

    fn path(&mut self, old: &Node, new: &Node, path: &str) {
        if old.merge != new.merge {
            self.note(path, format!("merged as {}, and as {} now", old.merge, new.merge));
        }
        if old.remove != new.remove {
            self.note(path, format!("a removal: {}, and {} now", old.remove, new.remove));
        }
        if old.resolver != new.resolver {
            let word = |node: &Node| node.resolver.map_or("a person", |resolver| resolver.as_str());
            self.note(path, format!("decided by {}, and by {} now", word(old), word(new)));
        }
        if old.write == Write::Editor && new.write == Write::Owner {
            self.note(path, "was written by every editor, and by owners only now");
        }
        if old.is_secret() && !new.is_secret() {
            self.note(path, "was secret, and is not now");
        }
        if narrows(&old.types, &new.types) {
            let (old, new) = (type_list(&old.types), type_list(&new.types));
            self.note(path, format!("took {old}, and takes {new} now"));
        }
        for what in conditions::narrowed(&old.conditions, &new.conditions) {
            self.note(path, what);
        }
    }
}

/// Whether there is a value that the old types took and the new ones do not.
fn narrows(old: &[Type], new: &[Type]) -> bool {
    let takes =
        |wanted: &Type| new.contains(wanted) || (*wanted == Type::Integer && new.contains(&Type::Number));
    !new.is_empty() && (old.is_empty() || !old.iter().all(takes))
}

#[cfg(test)]
mod tests;
