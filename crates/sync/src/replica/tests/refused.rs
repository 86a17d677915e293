//! What the server refuses: it stays, it counts as pending, and it is known when nothing more will come of it.

use super::*;

fn refused(change: Option<ChangeHash>, refusal: Refusal) -> Said {
    Said::Refused { change, code: refusal.code().to_owned(), detail: refusal.to_string(), path: None }
}

impl TestReplica {
    fn obstacle(&self) -> Option<Obstacle> {
        self.replica.standing().obstacle
    }
}

const TOO_LARGE: Option<Obstacle> = Some(Obstacle::Refused(Refusal::DocumentTooLarge));

#[test]
fn a_refused_change_stays_and_stays_pending_with_all_that_is_written_behind_it() {
    let (mut test, _, second) = TestReplica::in_step();
    let third = test.edit_and_store(3);
    let effects = test.hear(1, refused(Some(third), Refusal::DocumentTooLarge));
    let progress = Progress::Uploading;
    let standing = Standing { pending_changes: 1, progress, obstacle: TOO_LARGE };
    let (code, detail) = ("document_too_large".to_owned(), Refusal::DocumentTooLarge.to_string());
    let told = RefusedChange { by: RefusedBy::Server, change: Some(third), code, detail, path: None };
    assert_eq!(effects, [Effect::Stands(standing), Effect::Refused(told)]);
    test.hear_heads(1, &[second]);
    test.edit_and_store(4);
    test.expect(2, Progress::Uploading);
    assert_eq!(test.obstacle(), TOO_LARGE);
}

#[test]
fn what_was_written_before_a_refused_change_may_still_go_up() {
    let (mut test, _, _) = TestReplica::in_step();
    let (third, fourth) = (test.edit_and_store(3), test.edit_and_store(4));
    test.hear(1, refused(Some(fourth), Refusal::DocumentTooLarge));
    assert_eq!(test.obstacle(), None, "the third is on its way");
    test.hear_heads(1, &[third]);
    test.expect(1, Progress::Uploading);
    assert_eq!(test.obstacle(), TOO_LARGE);
}

#[test]
fn what_another_device_wrote_beside_a_refused_change_may_still_go_up() {
    let (mut test, _, second) = TestReplica::in_step();
    let third = test.edit_and_store(3);
    let theirs = Other::new(9).write(1);
    let effects = test.hear_message(1, &[second, theirs.hash()], &[], vec![theirs]);
    test.store(&effects);
    test.hear(1, refused(Some(third), Refusal::DocumentTooLarge));
    assert_eq!(test.obstacle(), TOO_LARGE);
    // The server was put back to a time before it had theirs.
    test.input(Input::Silence);
    test.greet(2);
    test.hear_heads(2, &[second]);
    test.hear(2, refused(Some(third), Refusal::DocumentTooLarge));
    test.expect(2, Progress::Uploading);
    assert_eq!(test.obstacle(), None);
}

#[test]
fn a_refusal_that_passes_is_no_obstacle() {
    for refusal in Refusal::ALL {
        let (mut test, ..) = TestReplica::in_step();
        let third = test.edit_and_store(3);
        test.hear(1, refused(Some(third), *refusal));
        let passes = matches!(
            refusal,
            Refusal::Busy
                | Refusal::StorageFull
                | Refusal::StorageUnavailable
                | Refusal::ShuttingDown
                | Refusal::MissingDependencies
                | Refusal::TooManyHeads
                | Refusal::TooManyDocuments
                | Refusal::RateExceeded
        );
        assert!(!passes || test.obstacle().is_none(), "{refusal}");
    }
    let (mut test, ..) = TestReplica::in_step();
    let third = test.edit_and_store(3);
    let (code, detail) = ("of_tomorrow".to_owned(), String::new());
    test.hear(1, Said::Refused { change: Some(third), code, detail, path: None });
    assert_eq!(test.obstacle(), None, "nobody here knows what it means");
}

#[test]
fn of_a_refusal_without_a_name_the_change_that_goes_furthest_is_meant() {
    let (mut test, ..) = TestReplica::in_step();
    let third = test.edit_and_store(3);
    let fourth = test.edit_and_store("long".repeat(100));
    let fifth = test.edit_and_store(5);
    test.hear(1, refused(None, Refusal::ChangeTooLarge));
    assert_eq!(test.obstacle(), None, "the third is on its way");
    test.hear_heads(1, &[third]);
    assert_eq!(test.obstacle(), Some(Obstacle::Refused(Refusal::ChangeTooLarge)));
    assert_ne!(fourth, fifth);
    test.expect(2, Progress::Uploading);
}

#[test]
fn a_document_deleted_on_the_server_stays_here_and_counts_as_pending() {
    let (mut test, ..) = TestReplica::with_two_edits();
    test.greet(1);
    test.hear(1, refused(None, Refusal::DocumentDeleted));
    assert_eq!(told(&test.hear(1, Said::Unavailable)), [], "it would not take it");
    test.expect(2, Progress::Unavailable);
    test.edit_and_store(3);
    test.expect(3, Progress::Unavailable);
    assert_eq!(test.obstacle(), Some(Obstacle::Refused(Refusal::DocumentDeleted)));
}

#[test]
fn a_refusal_holds_until_the_server_is_greeted_again() {
    let (mut test, _, second) = TestReplica::in_step();
    let third = test.edit_and_store(3);
    test.hear(1, refused(Some(third), Refusal::DocumentTooLarge));
    test.input(Input::Silence);
    assert_eq!(test.obstacle(), TOO_LARGE);
    test.greet(2);
    assert_eq!(test.obstacle(), None, "it may have been given more space");
    test.hear_heads(2, &[second]);
    test.hear_heads(2, &[third]);
    test.expect(0, Progress::InStep);
}

#[test]
fn a_document_that_cannot_be_read_is_over_and_what_is_known_to_be_pending_stays_so() {
    let (test, _, second) = TestReplica::with_two_edits();
    let mut restarted = TestReplica { disk: test.disk.clone(), ..TestReplica::unread() };
    restarted.disk.snapshot_through = 1;
    restarted.greet(1);
    restarted.load();
    assert_eq!(restarted.replica.condition(), Condition::Broken);
    restarted.expect(1, Progress::Over);
    assert_eq!(restarted.obstacle(), Some(Obstacle::Unreadable));

    let mut uploaded = TestReplica { disk: restarted.disk.clone(), ..TestReplica::unread() };
    uploaded.input(Input::Recalled(heads(&[second])));
    uploaded.load();
    uploaded.expect(0, Progress::Over);
    assert_eq!(uploaded.obstacle(), None);
}

#[test]
fn a_document_that_is_deleted_here_is_over() {
    let (mut test, ..) = TestReplica::in_step();
    test.edit_and_store(3);
    let delete = room::Input::Delete { ticket: Ticket(9), expected: room::Expected::Anything };
    test.input(Input::Room(delete));
    let effects = test.input(Input::Room(room::Input::Deleted(Ok(()))));
    test.expect(0, Progress::Over);
    let stalls = |effect: &Effect| matches!(effect, Effect::Stalled(_));
    assert!(!effects.iter().any(stalls), "nothing is wrong: {effects:?}");
}

#[test]
fn a_right_that_was_taken_away_is_no_reason_to_wait_and_one_that_is_given_back_is_forgotten() {
    let denied = Some(Obstacle::Refused(Refusal::AccessDenied));
    let (mut test, _, second) = TestReplica::in_step();
    test.hear(1, refused(None, Refusal::AccessDenied));
    test.hear(1, Said::Unavailable);
    assert_eq!(test.replica.standing().pending_changes, 0, "what the server had, it still has");
    let third = test.edit_and_store(3);
    assert_eq!((test.replica.standing().pending_changes, test.obstacle()), (1, denied));
    // Somebody gives the right to read back, then the right to write.
    test.hear_heads(1, &[second]);
    assert_eq!(test.obstacle(), None);
    test.hear(1, refused(None, Refusal::ReadOnly));
    assert_eq!(test.obstacle(), Some(Obstacle::Refused(Refusal::ReadOnly)));
    test.hear_heads(1, &[second]);
    assert_eq!(
        test.obstacle(),
        Some(Obstacle::Refused(Refusal::ReadOnly)),
        "others write, and this device may not"
    );
    test.hear_heads(1, &[third]);
    test.edit_and_store(4);
    assert_eq!(test.obstacle(), None);
}
