//! Where two sequences differ, and what that does to positions.

use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::hash::Hash;
use std::ops::Range;

/// Sequences whose lengths multiplied exceed this are not searched for what they share in the middle, which
/// takes that many steps at worst: tenths of a second.
pub(super) const COMPARISONS_MAX: usize = 1 << 24;

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
    if !is_comparable(before_rest.len(), after_rest.len()) {
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

/// The same for texts: by characters, where two are too long by words, or by lines, and by characters again
/// where those differ.
pub(super) fn text_stretches(before: &[char], after: &[char]) -> Vec<Stretch> {
    let found = stretches(before, after);
    let [whole] = found.as_slice() else { return found };
    if is_comparable(whole.before.len(), whole.after.len()) {
        return found;
    }
    for ends_token in [char::is_whitespace, |char| char == '\n'] {
        let tokens = (tokens(before, ends_token), tokens(after, ends_token));
        if !is_comparable(tokens.0.len(), tokens.1.len()) {
            continue;
        }
        let (before_starts, after_starts) = (starts(&tokens.0), starts(&tokens.1));
        let of_tokens = stretches(&tokens.0, &tokens.1).into_iter().map(|found| Stretch {
            before: before_starts[found.before.start]..before_starts[found.before.end],
            after: after_starts[found.after.start]..after_starts[found.after.end],
        });
        return of_tokens.flat_map(|coarse| refined(before, after, &coarse)).collect();
    }
    found
}

fn is_comparable(before: usize, after: usize) -> bool {
    before.saturating_mul(after) <= COMPARISONS_MAX
}

fn refined(before: &[char], after: &[char], coarse: &Stretch) -> Vec<Stretch> {
    let mut fine = stretches(&before[coarse.before.clone()], &after[coarse.after.clone()]);
    for stretch in &mut fine {
        stretch.before = coarse.before.start + stretch.before.start..coarse.before.start + stretch.before.end;
        stretch.after = coarse.after.start + stretch.after.start..coarse.after.start + stretch.after.end;
    }
    fine
}

fn tokens(text: &[char], ends_token: fn(char) -> bool) -> Vec<&[char]> {
    text.split_inclusive(|char| ends_token(*char)).collect()
}

/// Where each token starts, and where the last ends.
fn starts(tokens: &[&[char]]) -> Vec<usize> {
    let ends = tokens.iter().scan(0, |end, token| {
        *end += token.len();
        Some(*end)
    });
    std::iter::once(0).chain(ends).collect()
}

/// Where each element of `before` stands in a sequence that was made from it by the stretches; `None` for
/// those that are gone. Whether elements of a stretch stand for as many that they replaced, `replaced` says.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretch(before: Range<usize>, after: Range<usize>) -> Stretch {
        Stretch { before, after }
    }

    #[test]
    fn stretches_name_what_differs_and_nothing_else() {
        assert_eq!(stretches(b"abc", b"abc"), []);
        assert_eq!(stretches(b"abc", b"abxc"), [stretch(2..2, 2..3)]);
        assert_eq!(stretches(b"abcdef", b"Xbcef"), [stretch(0..1, 0..1), stretch(3..4, 3..3)]);
        assert_eq!(stretches(b"", b"ab"), [stretch(0..0, 0..2)]);
        let (before, after) = (vec![1; 10_000], vec![2; 10_000]);
        assert_eq!(stretches(&before, &after), [stretch(0..10_000, 0..10_000)]);
    }

    #[test]
    fn what_took_the_place_of_an_element_stands_for_it_if_wanted() {
        let found = stretches(b"abcd", b"aBCxd");
        assert_eq!(carried(4, &found, Replaced::Gone), [Some(0), None, None, Some(4)]);
        let found = stretches(b"abcd", b"aBCd");
        assert_eq!(carried(4, &found, Replaced::InPlace), [Some(0), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn long_texts_are_compared_by_words_or_lines_first() {
        let numbers = |count: usize, separator: &str| {
            (0..count).map(|number| format!("{number}{separator}")).collect::<String>()
        };
        // Too many characters, and in the last also too many words.
        for text in [numbers(3_000, " "), numbers(3_000, " and more\n")] {
            let before: Vec<_> = text.chars().collect();
            let after = [&['<'], &before[..before.len() - 1], &['>']].concat();
            let last = before.len() - 1;
            let both = [stretch(0..0, 0..1), stretch(last..last + 1, last + 1..last + 2)];
            assert_eq!(text_stretches(&before, &after), both);
        }
        let (before, after) = (vec!['a'; 10_000], vec!['b'; 10_000]);
        assert_eq!(text_stretches(&before, &after), [stretch(0..10_000, 0..10_000)]);
    }

    proptest! {
        #[test]
        fn the_stretches_make_the_one_sequence_of_the_other(
            before in prop::collection::vec(0..4_u8, 0..30),
            after in prop::collection::vec(0..4_u8, 0..30),
        ) {
            let found = stretches(&before, &after);
            let mut made = before.clone();
            for Stretch { before, after: new } in found.iter().rev() {
                made.splice(before.clone(), after[new.clone()].iter().copied());
            }
            prop_assert_eq!(&made, &after);
            for (index, at) in carried(before.len(), &found, Replaced::Gone).into_iter().enumerate() {
                if let Some(at) = at {
                    prop_assert_eq!(before[index], after[at]);
                }
            }
        }
    }
}
