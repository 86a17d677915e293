//! Connections that come and go, and servers that have no such document.

use super::*;

#[test]
fn an_unknown_document_is_asked_for_and_unavailable_until_somebody_brings_it() {
    let mut test = TestReplica::empty();
    let effects = test.greet(1);
    let is_request = |effect: &Effect| {
        matches!(effect, Effect::Room(room::Effect::Tell { notice: Notice::Request(_), .. }))
    };
    assert!(effects.iter().any(is_request));
    test.hear(1, Said::Unavailable);
    test.expect(0, Progress::Unavailable);
    assert!(test.replica.standing().is_settled());
    let change = Other::new(9).write(1);
    let effects = test.hear_message(1, &[change.hash()], &[], vec![change]);
    test.store(&effects);
    test.expect(0, Progress::InStep);
}

#[test]
fn a_server_without_the_document_is_given_all_that_is_here_once() {
    let (mut test, _, second) = TestReplica::with_two_edits();
    test.greet(1);
    let effects = test.hear(1, Said::Unavailable);
    let sent: Vec<_> = told(&effects).into_iter().flat_map(|message| message.changes).collect();
    assert_eq!(sent.len(), 2);
    test.expect(2, Progress::Uploading);
    assert_eq!(told(&test.hear(1, Said::Unavailable)), [], "it does not take it");
    test.expect(2, Progress::Uploading);
    test.hear_heads(1, &[second]);
    test.expect(0, Progress::InStep);
}

#[test]
fn a_server_that_has_the_document_no_more_has_confirmed_nothing() {
    let (mut test, ..) = TestReplica::in_step();
    test.hear(1, Said::Unavailable);
    test.expect(2, Progress::Uploading);
}

#[test]
fn the_words_of_a_connection_that_is_gone_are_ignored() {
    let (mut test, _, second) = TestReplica::with_two_edits();
    test.greet(1);
    test.input(Input::Silence);
    for said in [Said::Durable(heads(&[second])), Said::Unavailable, Said::Unfit(Refusal::NotAChange)] {
        assert_eq!(test.hear(1, said.clone()), [], "without a connection");
        test.greet(2);
        assert_eq!(test.hear(1, said), [], "on another");
        test.expect(2, Progress::Asking);
        test.input(Input::Silence);
    }
    test.greet(3);
    assert_eq!(test.hear_heads(1, &[second]), []);
    test.expect(2, Progress::Asking);
}

#[test]
fn a_greeting_on_the_same_connection_waits_for_its_own_answer() {
    let (mut test, _, second) = TestReplica::in_step();
    // Both before the next turn, as when a document gives up its place and gets it back at once.
    test.replica.handle(NOW, Input::Silence);
    let effects = test.replica.handle(NOW, Input::Greet(info(1)));
    let standing = Standing { progress: Progress::Asking, ..Standing::default() };
    assert_eq!(effects, [Effect::Stands(standing)]);
    test.turns();
    test.expect(0, Progress::Asking);
    test.hear_heads(1, &[second]);
    test.expect(0, Progress::InStep);
}

#[test]
fn an_edit_while_the_greeting_is_under_way_is_part_of_what_follows() {
    let (mut test, _, second) = TestReplica::with_two_edits();
    test.greet(1);
    let third = test.edit_and_store(3);
    test.expect(3, Progress::Asking);
    let effects = test.hear_heads(1, &[second]);
    assert_eq!(told(&effects)[0].heads, [third]);
    test.expect(1, Progress::Uploading);
    test.hear_heads(1, &[third]);
    test.expect(0, Progress::InStep);
}

#[test]
fn a_greeting_while_an_edit_is_being_stored_names_it_when_it_is() {
    let (mut test, _, second) = TestReplica::with_two_edits();
    let effects = test.edit(3);
    assert_eq!(test.replica.condition(), Condition::Storing);
    assert_eq!(told(&test.greet(1)), [], "nobody hears of it before it is stored");
    let greeting = told(&test.store(&effects));
    assert_eq!(greeting[0].heads, test.replica.heads().as_slice());
    assert_ne!(greeting[0].heads, [second]);
    test.expect(3, Progress::Asking);
}
