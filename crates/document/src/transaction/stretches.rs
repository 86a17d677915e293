//! Where two sequences differ.

use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::hash::Hash;
use std::ops::Range;

/// Sequences whose lengths multiplied exceed this are not searched for what they share in the middle: it
/// could take seconds.
const COMPARISONS_MAX: usize = 1 << 26;

/// A stretch that one sequence has where the other has another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) before: Range<usize>,
    pub(super) after: Range<usize>,
}

/// The stretches in which two sequences differ, in order, none next to another.
pub(super) fn stretches<T: Hash + Ord>(before: &[T], after: &[T]) -> Vec<Stretch> {
    let start = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let (before_rest, after_rest) = (&before[start..], &after[start..]);
    let ends = before_rest.iter().rev().zip(after_rest.iter().rev());
    let end = ends.take_while(|(before, after)| before == after).count();
    let before_rest = &before_rest[..before_rest.len() - end];
    let after_rest = &after_rest[..after_rest.len() - end];
    let whole = Stretch { before: start..start + before_rest.len(), after: start..start + after_rest.len() };
    if before_rest.is_empty() && after_rest.is_empty() {
        return Vec::new();
    }
    if before_rest.len().saturating_mul(after_rest.len()) > COMPARISONS_MAX {
        return vec![whole];
    }
    let mut found: Vec<Stretch> = Vec::new();
    for step in capture_diff_slices(Algorithm::Myers, before_rest, after_rest) {
        if matches!(step, DiffOp::Equal { .. }) {
            continue;
        }
        let shifted = |range: Range<usize>| start + range.start..start + range.end;
        let next = Stretch { before: shifted(step.old_range()), after: shifted(step.new_range()) };
        match found.last_mut() {
            Some(last) if last.before.end == next.before.start && last.after.end == next.after.start => {
                last.before.end = next.before.end;
                last.after.end = next.after.end;
            }
            Some(_) | None => found.push(next),
        }
    }
    found
}

/// Where each element of `before` stands in a sequence that was made from it by the stretches; `None` for
/// those that are gone. Elements of stretches as long as what they replaced stand for those, if `pairs` say so.
pub(super) fn carried(length: usize, stretches: &[Stretch], replaced: Replaced) -> Vec<Option<usize>> {
    let mut carried = Vec::with_capacity(length);
    let mut at = 0;
    for stretch in stretches {
        while carried.len() < stretch.before.start {
            carried.push(Some(at));
            at += 1;
        }
        let is_paired = replaced == Replaced::InPlace && stretch.before.len() == stretch.after.len();
        for index in 0..stretch.before.len() {
            carried.push(is_paired.then_some(stretch.after.start + index));
        }
        at = stretch.after.end;
    }
    while carried.len() < length {
        carried.push(Some(at));
        at += 1;
    }
    carried
}

/// What became of elements that others took the place of, one for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    /// They are the same elements with another content.
    InPlace,
    Gone,
}

/// Where something goes that follows the first `count` elements.
pub(super) fn position_after(carried: &[Option<usize>], count: usize) -> usize {
    carried.iter().take(count).rev().flatten().next().map_or(0, |last| last + 1)
}
