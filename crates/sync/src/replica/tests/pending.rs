//! What counts as pending: from the edit to the server's word that it is on its disk.

use super::*;

#[test]
fn an_edit_counts_as_pending_before_its_caller_is_answered() {
    let mut test = TestReplica::empty();
    let effects = test.edit(1);
    assert_eq!(effects.len(), 1, "nobody hears of it before it is stored: {effects:?}");
    let effects = test.store(&effects);
    let standing = Standing { pending_changes: 1, ..Standing::default() };
    let now = test.replica.heads().clone();
    assert_eq!(effects[..2], [Effect::Changed(now.clone()), Effect::Stands(standing)]);
    let answer = Ok(Answer::Submitted { heads: now, created: true, refused: Vec::new() });
    assert_eq!(effects[2..], [Effect::Room(room::Effect::Answer { ticket: Ticket(1), answer })]);
}

#[test]
fn edits_made_offline_are_pending_until_the_server_has_said_to_have_them() {
    let (mut test, first, second) = TestReplica::with_two_edits();
    test.expect(2, Progress::Detached);
    let greeting = told(&test.greet(1));
    assert_eq!((greeting[0].heads.as_slice(), greeting[0].changes.len()), (&[second][..], 0));
    test.expect(2, Progress::Asking);
    let upload = told(&test.hear_message(1, &[], &[second], Vec::new()));
    assert_eq!(upload[0].changes.len(), 2);
    test.expect(2, Progress::Uploading);
    test.hear_heads(1, &[first]);
    test.expect(1, Progress::Uploading);
    let effects = test.hear_heads(1, &[second]);
    assert!(effects.contains(&Effect::Remember(heads(&[second]))));
    test.expect(0, Progress::InStep);
}

#[test]
fn a_server_that_names_the_same_heads_settles_it_at_once() {
    let (mut test, _, second) = TestReplica::with_two_edits();
    test.greet(1);
    assert_eq!(told(&test.hear_heads(1, &[second])), []);
    test.expect(0, Progress::InStep);
}

#[test]
fn word_that_changes_are_durable_confirms_them() {
    let (mut test, first, second) = TestReplica::with_two_edits();
    test.greet(1);
    test.hear_message(1, &[], &[second], Vec::new());
    test.hear(1, Said::Durable(heads(&[first])));
    test.expect(1, Progress::Uploading);
    test.hear(1, Said::Durable(heads(&[second])));
    test.expect(0, Progress::InStep);
}

#[test]
fn what_was_confirmed_stays_so_without_a_connection_and_over_a_restart() {
    let (mut test, _, second) = TestReplica::in_step();
    test.input(Input::Silence);
    test.expect(0, Progress::Detached);
    let mut restarted = TestReplica { disk: test.disk.clone(), ..TestReplica::unread() };
    restarted.input(Input::Recalled(heads(&[second])));
    restarted.load();
    restarted.expect(0, Progress::Detached);
    restarted.edit_and_store(3);
    restarted.expect(1, Progress::Detached);
}

#[test]
fn a_server_restored_to_an_older_state_makes_what_it_lost_pending_again() {
    let (mut test, first, second) = TestReplica::in_step();
    test.input(Input::Silence);
    test.greet(2);
    test.expect(0, Progress::Asking);
    let effects = test.hear_heads(2, &[first]);
    test.expect(1, Progress::Uploading);
    assert!(effects.contains(&Effect::Remember(heads(&[first]))));
    let sent: Vec<_> = told(&effects).into_iter().flat_map(|message| message.changes).collect();
    assert_eq!(sent.len(), 1, "it is brought back");
    test.hear_heads(2, &[second]);
    test.expect(0, Progress::InStep);
}

#[test]
fn what_the_server_brings_is_not_pending() {
    let (mut test, _, second) = TestReplica::in_step();
    let change = Other::new(9).write(1);
    let effects = test.hear_message(1, &[second, change.hash()], &[], vec![change.clone()]);
    test.expect(0, Progress::InStep);
    assert_eq!(test.replica.heads(), &heads(&[second]), "not shown before it is stored");
    let effects = test.store(&effects);
    assert_eq!(effects[1], Effect::Changed(heads(&[second, change.hash()])));
    test.expect(0, Progress::InStep);
}

#[test]
fn a_document_the_server_is_ahead_of_is_being_downloaded() {
    let (mut test, _, second) = TestReplica::with_two_edits();
    test.greet(1);
    let theirs = Other::new(9).write(1);
    let asked = told(&test.hear_heads(1, &[second, theirs.hash()]));
    assert_eq!(asked[0].need, [theirs.hash()]);
    test.expect(0, Progress::Downloading);
}
