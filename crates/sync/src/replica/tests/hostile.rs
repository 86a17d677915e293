//! A server that means no good: it cannot make a replica grow without bound, nor bring it to a stand.

use super::*;
use crate::replica::account::CONFIRMED_MAX;

#[test]
fn changes_that_follow_from_nothing_wait_up_to_a_limit_and_for_a_while() {
    let mut test = TestReplica::empty();
    test.greet(1);
    let mut refused = 0;
    for actor in 0..200 {
        let mut other = Other::new(actor);
        other.write(1);
        let orphan = other.write(2);
        let effects = test.hear_message(1, &[orphan.hash()], &[], vec![orphan]);
        refused += missing_dependencies(&effects);
        assert_eq!(appended(&effects), None);
    }
    assert_eq!(refused, 200 - Limits::default().waiting_changes_max);
    let late = Moment { elapsed: Limits::default().waiting_time, ..NOW };
    let effects = test.replica.handle(late, Input::Room(room::Input::DeadlinePassed));
    assert_eq!(missing_dependencies(&effects), Limits::default().waiting_changes_max);
}

fn missing_dependencies(effects: &[Effect]) -> usize {
    let code = Refusal::MissingDependencies.code();
    let is_one = |effect: &&Effect| matches!(effect, Effect::Refused(refused) if refused.by == RefusedBy::Device && refused.code == code);
    effects.iter().filter(is_one).count()
}

#[test]
fn confirming_one_change_after_the_other_is_remembered_up_to_a_limit() {
    let mut test = TestReplica::empty();
    let made: Vec<_> = (0..300).map(|value| test.edit_and_store(value)).collect();
    test.greet(1);
    for change in &made {
        test.hear(1, Said::Durable(heads(&[*change])));
        assert!(test.replica.confirmed.len() <= CONFIRMED_MAX + 1);
    }
    test.hear_heads(1, &[made[299]]);
    for change in &made {
        test.hear_heads(1, &[*change]);
        assert!(test.replica.confirmed.len() <= CONFIRMED_MAX + 1);
    }
    test.expect(0, Progress::InStep);
}

#[test]
fn confirming_what_is_not_here_confirms_nothing() {
    let (mut test, ..) = TestReplica::with_two_edits();
    test.greet(1);
    for n in 0..100 {
        test.hear(1, Said::Durable(heads(&[ChangeHash([n; 32])])));
        test.hear_heads(1, &[ChangeHash([n; 32])]);
    }
    assert!(test.replica.confirmed.is_empty());
    test.expect(2, Progress::Downloading);
}

#[test]
fn a_server_that_repeats_that_it_has_nothing_is_answered_once() {
    let (mut test, ..) = TestReplica::in_step();
    let answers: usize = (0..100).map(|_| told(&test.hear(1, Said::Unavailable)).len()).sum();
    assert_eq!(answers, 1);
}
