//! What the changes of one message may unfold to together.

use crate::chunk::{self, change_of_makes};
use bytes::Bytes;
use tiebreak_document::{Budget, check_change, check_change_within};
use tiebreak_protocol::{Limits, Refusal};

#[test]
fn changes_that_say_much_in_few_bytes_share_the_operations_of_their_message() {
    let limits = Limits::default();
    let whole = limits.message_operations_max / limits.change_operations_max;
    let mut budget = Budget::for_message(&limits);
    for number in 0..2_000 {
        let change = change_of_makes(number, limits.change_operations_max);
        assert!(change.len() < 60);
        let verdict = check_change_within(change, &limits, &mut budget).map(|change| change.operations());
        let expected = if u64::from(number) < whole {
            Ok(limits.change_operations_max)
        } else {
            Err(Refusal::MessageTooLarge)
        };
        assert_eq!(verdict, expected, "{number}");
    }
    // Alone, each is a good change.
    assert!(check_change(change_of_makes(1_999, limits.change_operations_max), &limits).is_ok());
}

#[test]
fn changes_that_inflate_share_the_bytes_of_their_message_whether_they_are_good_or_not() {
    let limits = Limits { message_inflated_bytes_max: 10_000_000, ..Limits::default() };
    let bomb = chunk::deflated(&vec![0; 1_000_000]);
    let mut budget = Budget::for_message(&limits);
    let mut verdict = || check_change_within(bomb.clone(), &limits, &mut budget).unwrap_err();
    assert_eq!([(); 10].map(|()| verdict()), [Refusal::ChecksumMismatch; 10]);
    assert_eq!(verdict(), Refusal::MessageTooLarge);
}

#[test]
fn a_change_past_its_own_limit_is_told_so_while_the_budget_lasts() {
    let limits = Limits::default();
    let bomb = chunk::deflated(&vec![0; limits.change_bytes_max + 1]);
    let mut budget = Budget::for_message(&limits);
    let mut verdict = || check_change_within(bomb.clone(), &limits, &mut budget).unwrap_err();
    assert_eq!(verdict(), Refusal::ChangeTooLarge);
    while verdict() == Refusal::ChangeTooLarge {}
    assert_eq!(verdict(), Refusal::MessageTooLarge);
}

#[test]
fn the_smallest_changes_fill_a_message_of_the_largest_size_within_the_budget() {
    let limits = Limits::default();
    let mut budget = Budget::for_message(&limits);
    for number in 0..limits.message_bytes_max / 64 {
        let broken = Bytes::from_static(b"\x85\x6f\x4a\x83");
        assert_eq!(
            check_change_within(broken, &limits, &mut budget),
            Err(Refusal::MalformedChange),
            "{number}"
        );
    }
    let one_more = check_change_within(Bytes::new(), &limits, &mut budget);
    assert_eq!(one_more, Err(Refusal::MessageTooLarge));
}
