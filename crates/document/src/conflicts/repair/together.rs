//! What several sides come to together, where the kind says how all that they differ in adds up: counters by what each
//! side added, sets and maps by what each side put in and took out.

use crate::conflicts::settle::Content;
use crate::conflicts::value::{is_same, whole_number};
use automerge::ScalarValue;
use automerge::hydrate::{Map, Value as Hydrated};
use std::collections::BTreeSet;
use tiebreak_kinds::{Merge, Node};

/// What one side holds; `None`: nothing.
pub(super) type Side<'a> = Option<&'a Hydrated>;

/// What stands in a place when each side's difference to `base` is applied. `None`: they differ in something that only
/// a person can decide.
pub(super) fn together(node: &Node, base: Side<'_>, sides: &[Side<'_>]) -> Option<Content> {
    match node.merge() {
        Merge::Counter => sum(base, sides),
        Merge::Union => set(base, sides),
        Merge::Map => map(node, base, sides),
        Merge::Flag | Merge::Lww | Merge::Text | Merge::List | Merge::Max | Merge::Min | Merge::Server => {
            agreed(sides)
        }
    }
}

fn agreed(sides: &[Side<'_>]) -> Option<Content> {
    let last = (*sides.last()?)?;
    let is_last = |side: &Side<'_>| side.is_some_and(|side| is_same(side, last));
    sides.iter().all(is_last).then(|| Content::of_document(last))
}

/// A number that somebody wrote over another counts as what was added to that one. Nothing is zero.
fn sum(base: Side<'_>, sides: &[Side<'_>]) -> Option<Content> {
    let base = base.and_then(whole_number).unwrap_or_default();
    let mut sum = base;
    for side in sides {
        let stands_at = side.map_or(Some(0), whole_number)?;
        sum = sum.checked_add(stands_at.checked_sub(base)?)?;
    }
    Some(Content::Scalar(ScalarValue::counter(sum)))
}

/// What was there and nobody took out, then what each side put in, without repetitions.
fn set(base: Side<'_>, sides: &[Side<'_>]) -> Option<Content> {
    let before = base.and_then(elements).unwrap_or_default();
    let sides: Vec<_> =
        sides.iter().map(|side| side.map_or(Some(Vec::new()), elements)).collect::<Option<_>>()?;
    let holds = |side: &[&Hydrated], element: &Hydrated| side.iter().any(|other| is_same(other, element));
    let kept = before.iter().filter(|element| sides.iter().all(|side| holds(side, element)));
    let added = sides.iter().flatten().filter(|element| !holds(&before, element));
    let mut together: Vec<&Hydrated> = Vec::new();
    for element in kept.chain(added) {
        if !holds(&together, element) {
            together.push(element);
        }
    }
    Some(Content::List(together.into_iter().map(Content::of_document).collect()))
}

fn elements(value: &Hydrated) -> Option<Vec<&Hydrated>> {
    match value {
        Hydrated::List(list) => Some(list.iter().map(|element| &element.value).collect()),
        Hydrated::Map(_) | Hydrated::Text(_) | Hydrated::Scalar(_) => None,
    }
}

fn map(node: &Node, base: Side<'_>, sides: &[Side<'_>]) -> Option<Content> {
    if !sides.iter().all(|side| matches!(side, Some(Hydrated::Map(_)))) {
        return None;
    }
    let mut together = Vec::new();
    for key in keys(sides) {
        let child = node.child(key);
        let before = entry(base, key);
        let values: Vec<_> = sides.iter().map(|side| entry(*side, key)).collect();
        let written: Vec<_> = values.iter().copied().filter(Option::is_some).collect();
        let adds_up = matches!(child.merge(), Merge::Counter | Merge::Union);
        let content = match before {
            // Somebody took it out, and nobody else did anything to it.
            Some(before) if written.len() < values.len() && !adds_up => {
                let is_untouched = |side: &Side<'_>| side.is_some_and(|side| is_same(side, before));
                if !written.iter().all(is_untouched) {
                    return None;
                }
                continue;
            }
            Some(_) => self::together(child, before, &values)?,
            None => self::together(child, None, &written)?,
        };
        together.push((key.to_owned(), content));
    }
    Some(Content::Map(together.into_iter().collect()))
}

fn keys<'a>(sides: &[Side<'a>]) -> BTreeSet<&'a str> {
    sides.iter().copied().filter_map(as_map).flat_map(Map::iter).map(|(key, _)| key.as_str()).collect()
}

fn entry<'a>(side: Side<'a>, key: &str) -> Side<'a> {
    as_map(side)?.get(key)
}

fn as_map(side: Side<'_>) -> Option<&Map> {
    match side? {
        Hydrated::Map(map) => Some(map),
        Hydrated::List(_) | Hydrated::Text(_) | Hydrated::Scalar(_) => None,
    }
}
