//! What a kind decides without anybody: of what was written apart, the greatest or the least stands. A change says so,
//! and every replica that knows the same sides makes the same one, to the last byte.

use super::registers::{Register, RegisterNumber};
use super::settle::{Content, Writing};
use super::{RegisterName, Review};
use crate::engine::saved;
use crate::gatekeeper::reread_change;
use crate::{Author, CheckedChange};
use automerge::ScalarValue;
use automerge::hydrate::Value as Hydrated;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use tiebreak_kinds::Merge;
use tiebreak_protocol::ChangeHash;

impl Review<'_> {
    pub(super) fn repair(
        &self,
        number: RegisterNumber,
        register: &Register,
        name: &RegisterName,
    ) -> Option<CheckedChange> {
        let registers = self.values.registers;
        let mut standing = registers.standing(number);
        if standing.len() < 2 {
            return None;
        }
        let merge = self.flags.merge_at(&self.path(register))?;
        if !matches!(merge, Merge::Max | Merge::Min) {
            return None;
        }
        standing.sort_by(|one, other| self.values.order(one.version, other.version));
        // A removal is nothing to compare: what others wrote stands.
        let shown: Vec<_> = standing.iter().map(|side| self.values.of(register, side)).collect();
        let values = shown.iter().filter_map(|shown| shown.content());
        let best = values.reduce(|best, value| {
            let is_better = match merge {
                Merge::Min => compare(value, best) == Ordering::Less,
                _max => compare(value, best) != Ordering::Less,
            };
            if is_better { value } else { best }
        })?;
        if shown.iter().all(|shown| shown.content() == Some(best)) {
            return None;
        }
        let candidates = standing.iter().zip(&shown).filter_map(|(side, shown)| self.candidate(side, shown));
        let deps: BTreeSet<ChangeHash> = candidates.flat_map(|side| side.changes).collect();
        let engine = self.values.engine;
        let seen = deps.iter().filter_map(|dep| engine.max_op_of(dep)).max()?;
        let message = json!({ "repair": merge.as_str() });
        let actor = self.repairer(name, &deps);
        let author = Author { actor: &actor, time_s: 0 };
        let writing = Writing { deps, start_op: seen + 1, message };
        let change = self.write(register, writing, Some(&Content::of_document(best)), &author);
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
