//! A disk that is slow, or fails.

use super::*;

#[test]
fn nothing_is_said_of_the_standing_before_the_document_was_read() {
    let (test, ..) = TestReplica::with_two_edits();
    let mut restarted = TestReplica { disk: test.disk.clone(), ..TestReplica::unread() };
    let mut effects = restarted.input(Input::Recalled(Heads::default()));
    effects.extend(restarted.greet(1));
    assert_eq!(effects, [], "that nothing is pending would be a lie");
    let effects = restarted.load();
    let standing = Standing { pending_changes: 2, progress: Progress::Asking, obstacle: None };
    assert!(effects.contains(&Effect::Stands(standing)));
}

#[test]
fn an_edit_waits_until_the_turn_before_it_is_stored() {
    let (mut test, _, second) = TestReplica::in_step();
    let change = Other::new(9).write(1);
    let effects = test.hear_message(1, &[second, change.hash()], &[], vec![change]);
    assert_eq!(test.replica.condition(), Condition::Storing);
    test.store(&effects);
    assert_eq!(test.replica.condition(), Condition::Ready);
    let third = test.edit_and_store(3);
    test.expect(1, Progress::Uploading);
    assert_eq!(test.replica.heads(), &heads(&[third]));
}

#[test]
fn an_edit_that_was_not_stored_is_taken_back_and_its_caller_told() {
    let (mut test, _, second) = TestReplica::in_step();
    test.edit(3);
    let effects = test.fail_to_store();
    let answer = Err(Refusal::StorageFull);
    assert!(effects.contains(&Effect::Room(room::Effect::Answer { ticket: Ticket(3), answer })));
    assert!(effects.contains(&Effect::Room(room::Effect::Load)));
    let effects = test.load();
    assert_eq!(effects, [], "watchers never saw it");
    assert_eq!(test.replica.heads(), &heads(&[second]));
    test.expect(0, Progress::InStep);
    test.edit_and_store(4);
    test.expect(1, Progress::Uploading);
}

#[test]
fn what_the_server_sent_and_could_not_be_stored_stalls_the_document_until_it_is_greeted_again() {
    let (mut test, _, second) = TestReplica::in_step();
    let change = Other::new(9).write(1);
    let now = [second, change.hash()];
    test.hear_message(1, &now, &[], vec![change.clone()]);
    let effects = test.fail_to_store();
    assert!(effects.contains(&Effect::Stalled(Refusal::StorageFull)));
    test.load();
    test.expect(0, Progress::Detached);
    assert_eq!(test.hear_heads(1, &now), [], "it is not listened to");
    let greeting = told(&test.greet(1));
    assert_eq!(greeting[0].heads, [second]);
    let effects = test.hear_message(1, &now, &[], vec![change]);
    test.store(&effects);
    test.expect(0, Progress::InStep);
}

#[test]
fn a_failure_over_words_of_an_old_connection_does_not_stall_the_new_one() {
    let (mut test, _, second) = TestReplica::in_step();
    let change = Other::new(9).write(1);
    test.hear_message(1, &[second, change.hash()], &[], vec![change]);
    test.input(Input::Silence);
    test.greet(2);
    let effects = test.fail_to_store();
    let stalls = |effect: &Effect| matches!(effect, Effect::Stalled(_));
    assert!(!effects.iter().any(stalls), "{effects:?}");
    let greeting = told(&test.load());
    assert_eq!(greeting[0].heads, [second]);
    test.hear_heads(2, &[second]);
    test.expect(0, Progress::InStep);
}

#[test]
fn a_document_that_could_not_be_read_stalls_and_is_read_again_when_somebody_wants_it() {
    let (test, _, second) = TestReplica::with_two_edits();
    let mut restarted = TestReplica { disk: test.disk.clone(), ..TestReplica::unread() };
    restarted.greet(1);
    let failed = room::Input::Loaded(Err(Refusal::StorageUnavailable));
    let effects = restarted.input(Input::Room(failed));
    assert!(effects.contains(&Effect::Stalled(Refusal::StorageUnavailable)));
    assert_eq!(restarted.replica.condition(), Condition::Unread);
    assert_eq!(restarted.input(Input::Reread), [Effect::Room(room::Effect::Load)]);
    assert_eq!(restarted.input(Input::Reread), [], "it is being read");
    restarted.load();
    assert_eq!(restarted.replica.heads(), &heads(&[second]));
    restarted.expect(2, Progress::Detached);
}

#[test]
fn a_document_that_could_not_be_read_is_read_again_when_it_is_greeted() {
    let (test, _, second) = TestReplica::with_two_edits();
    let mut restarted = TestReplica { disk: test.disk.clone(), ..TestReplica::unread() };
    restarted.input(Input::Room(room::Input::Loaded(Err(Refusal::StorageUnavailable))));
    assert_eq!(restarted.greet(1), [Effect::Room(room::Effect::Load)]);
    let greeting = told(&restarted.load());
    assert_eq!(greeting[0].heads, [second]);
    restarted.expect(2, Progress::Asking);
}
