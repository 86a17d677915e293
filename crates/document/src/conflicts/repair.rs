//! What a kind decides without anybody: of what was written apart, the greatest or the least stands, or what its rule
//! for conflicts says. A change says so, the same to the last byte wherever the same is decided.

mod combined;
mod together;

use super::registers::{Register, RegisterNumber};
use super::settle::{Content, RESOLVE, RULE, Writing};
use super::standing::{By, Standing};
use super::value::Shown;
use super::{Conflict, RegisterName, Review, identity};
use crate::engine::saved;
use crate::gatekeeper::reread_change;
use crate::{Author, CheckedChange};
use automerge::ScalarValue;
use automerge::hydrate::Value as Hydrated;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use tiebreak_kinds::{Merge, Remove, Resolver};
use tiebreak_protocol::ChangeHash;

/// What the message of a change says that decides without anybody being asked.
const REPAIR: &str = "repair";

impl Review<'_> {
    pub(super) fn repair(
        &self,
        number: RegisterNumber,
        register: &Register,
        name: &RegisterName,
    ) -> Option<CheckedChange> {
        let standing = self.sides(number);
        if standing.len() < 2 {
            return None;
        }
        let path = self.path(register);
        let node = self.flags.node_at(&path)?;
        let shown: Vec<_> = standing.iter().map(|side| self.values.of(register, side)).collect();
        let sides = (standing.as_slice(), shown.as_slice());
        let merge = node.merge();
        let decided = match merge {
            Merge::Max | Merge::Min => extreme(merge, &shown),
            Merge::Flag
            | Merge::Lww
            | Merge::Counter
            | Merge::Union
            | Merge::Text
            | Merge::Map
            | Merge::List
            | Merge::Server => {
                self.combined(register, node, sides).filter(|content| !is_shown(content, sides))
            }
        };
        let Some(content) = decided else {
            let losing = self.flags.at(&path) == Some(Remove::Loses);
            return losing.then(|| self.kept(register, name, sides))?;
        };
        let message = json!({ REPAIR: merge.as_str() });
        self.write_alike(register, (name, self.known_to(sides), message), Some(&content))
    }

    /// The one side that edited what the others removed, where removals lose: the library removes it all the same.
    fn kept(
        &self,
        register: &Register,
        name: &RegisterName,
        (standing, shown): (&[Standing], &[Shown]),
    ) -> Option<CheckedChange> {
        let is_removed = |shown: &&Shown| shown.is_removed();
        let mut edited = shown.iter().filter(|shown| !shown.is_removed());
        let (only, None) = (edited.next()?, edited.next()) else { return None };
        shown.iter().find(is_removed)?;
        let message = json!({ REPAIR: "keep" });
        let content = Content::of_document(only.content()?);
        self.write_alike(register, (name, self.known_to((standing, shown)), message), Some(&content))
    }

    /// The changes that keep these sides.
    fn known_to(&self, (standing, shown): (&[Standing], &[Shown])) -> BTreeSet<ChangeHash> {
        let sides = standing.iter().zip(shown).filter_map(|(side, shown)| self.candidate(side, shown));
        sides.flat_map(|side| side.changes).collect()
    }

    /// The choice of the kind's own rule, where it has one that can be followed.
    pub(super) fn by_rule(&self, register: &Register, conflict: &Conflict) -> Option<CheckedChange> {
        let resolver = self.flags.resolver_at(&conflict.path)?;
        let registers = self.values.registers;
        let mut standing = self.sides(registers.number_of(register.place)?);
        standing.retain(|side| {
            let id = identity::version(registers, side.id(&registers.causality));
            conflict.candidates.iter().any(|candidate| candidate.id == id)
        });
        let shown: Vec<_> = standing.iter().map(|side| self.values.of(register, side)).collect();
        let by_size = |shown: &&Shown, other: &&Shown| match (shown.content(), other.content()) {
            (Some(one), Some(other)) => compare(one, other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        };
        let chosen = match resolver {
            Resolver::Largest => shown.iter().max_by(by_size),
            Resolver::Smallest => shown.iter().filter(|shown| !shown.is_removed()).min_by(by_size),
            // Changes are numbered in the order in which they came.
            Resolver::Newest => {
                let sides = standing.iter().zip(&shown);
                sides.max_by_key(|(side, _)| side.changes().max()).map(|(_, shown)| shown)
            }
        }?;
        let deps = conflict.candidates.iter().flat_map(|side| side.changes.iter().copied()).collect();
        let message = json!({ RESOLVE: conflict.id.to_string(), RULE: resolver.as_str() });
        let content = chosen.content().map(Content::of_document);
        self.write_alike(register, (&conflict.register, deps, message), content.as_ref())
    }

    /// The same change wherever the same is decided.
    fn write_alike(
        &self,
        register: &Register,
        (name, deps, message): (&RegisterName, BTreeSet<ChangeHash>, Json),
        content: Option<&Content>,
    ) -> Option<CheckedChange> {
        let engine = self.values.engine;
        let seen = deps.iter().filter_map(|dep| engine.max_op_of(dep)).max()?;
        let actor = self.repairer(name, &deps);
        let author = Author { actor: &actor, time_s: 0 };
        let change = self.write(register, Writing { deps, start_op: seen + 1, message }, content, &author);
        reread_change(saved(&change).bytes).ok()
    }

    /// Nobody else's name, and the same wherever the same is repaired.
    fn repairer(&self, name: &RegisterName, deps: &BTreeSet<ChangeHash>) -> [u8; 16] {
        let mut hash = Sha256::new_with_prefix("tiebreak repair");
        hash.update(self.document_id.as_bytes());
        for dep in deps {
            hash.update(dep.0);
        }
        hash.update(&name.0);
        let mut actor = [0; 16];
        actor.iter_mut().zip(hash.finalize()).for_each(|(byte, hashed)| *byte = hashed);
        actor
    }
}

/// Whether the library shows this already: what was written last in its order.
fn is_shown(content: &Content, (standing, shown): (&[Standing], &[Shown])) -> bool {
    let mut written = standing.iter().zip(shown).filter(|(side, _)| matches!(side.by, By::Write(_)));
    let winning = written.next_back().and_then(|(_, shown)| shown.content());
    winning.map(Content::of_document).as_ref() == Some(content)
}

/// The greatest or the least of what was written; nothing where all are that.
fn extreme(merge: Merge, shown: &[Shown]) -> Option<Content> {
    // A removal is nothing to compare: what others wrote stands.
    let values = shown.iter().filter_map(Shown::content);
    let best = values.reduce(|best, value| {
        let order = compare(value, best);
        let is_better = if merge == Merge::Min { order.is_lt() } else { order.is_ge() };
        if is_better { value } else { best }
    })?;
    let are_all = shown.iter().all(|shown| shown.content() == Some(best));
    (!are_all).then(|| Content::of_document(best))
}

/// Numbers by size, texts by their characters; what cannot be compared counts as equal.
fn compare(one: &Hydrated, other: &Hydrated) -> Ordering {
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => match (text(one), text(other)) {
            (Some(one), Some(other)) => one.cmp(&other),
            (Some(_), None) => Ordering::Greater,
            (None, Some(_)) => Ordering::Less,
            (None, None) => Ordering::Equal,
        },
    }
}

#[expect(clippy::cast_precision_loss, reason = "which of two numbers past 2^53 is greater may stay open")]
fn number(value: &Hydrated) -> Option<f64> {
    let Hydrated::Scalar(scalar) = value else { return None };
    match scalar {
        ScalarValue::Int(number) | ScalarValue::Timestamp(number) => Some(*number as f64),
        ScalarValue::Uint(number) => Some(*number as f64),
        ScalarValue::F64(number) => Some(*number),
        ScalarValue::Bytes(_)
        | ScalarValue::Str(_)
        | ScalarValue::Counter(_)
        | ScalarValue::Boolean(_)
        | ScalarValue::Unknown { .. }
        | ScalarValue::Null => None,
    }
}

fn text(value: &Hydrated) -> Option<String> {
    match value {
        Hydrated::Text(text) => Some(text.to_string()),
        Hydrated::Scalar(ScalarValue::Str(text)) => Some(text.to_string()),
        Hydrated::Scalar(_) | Hydrated::Map(_) | Hydrated::List(_) => None,
    }
}
