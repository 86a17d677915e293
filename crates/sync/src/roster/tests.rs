use super::*;
use crate::replica::{Obstacle, Progress};
use tiebreak_protocol::Refusal;

const IN_STEP: Standing = Standing { pending_changes: 0, progress: Progress::InStep, obstacle: None };
const UPLOADING: Standing = Standing { pending_changes: 3, progress: Progress::Uploading, obstacle: None };

fn id(n: u8) -> DocumentId {
    DocumentId::from_bytes([n; 16])
}

fn roster(places: usize, documents: u8) -> Roster {
    let mut roster = Roster::new(places);
    for n in 1..=documents {
        assert_eq!(roster.add(id(n)), [], "nothing happens without a connection");
    }
    roster
}

#[test]
fn with_room_for_all_everybody_is_attached_and_stays() {
    let mut roster = roster(10, 3);
    assert_eq!(roster.connect(), [1, 2, 3].map(|n| Action::Attach(id(n))));
    assert_eq!(roster.stands(id(1), IN_STEP), []);
    assert!(!roster.is_done());
    for n in 2..=3 {
        assert_eq!(roster.stands(id(n), IN_STEP), []);
    }
    assert!(roster.is_done());
    assert_eq!(roster.add(id(4)), [Action::Attach(id(4))], "a new one joins at once");
    assert!(!roster.is_done(), "and has yet to be heard of");
}

#[test]
fn those_in_use_come_first_then_those_with_something_to_upload() {
    let mut roster = roster(2, 4);
    roster.stands_apart(id(3), UPLOADING);
    roster.take(id(4));
    assert_eq!(roster.connect(), [Action::Attach(id(4)), Action::Attach(id(3))]);
}

#[test]
fn a_document_in_step_makes_room_for_the_next_and_not_before_everything_is_up() {
    let mut roster = roster(2, 4);
    roster.take(id(1));
    assert_eq!(roster.connect(), [Action::Attach(id(1)), Action::Attach(id(2))]);
    assert_eq!(roster.stands(id(2), UPLOADING), []);
    assert_eq!(roster.stands(id(2), IN_STEP), [Action::Detach(id(2)), Action::Attach(id(3))]);
    assert_eq!(roster.stands(id(3), IN_STEP), [Action::Detach(id(3)), Action::Attach(id(4))]);
    assert_eq!(roster.stands(id(1), IN_STEP), [], "one in use stays while nobody needs its place");
    assert!(!roster.is_done());
    assert_eq!(roster.stands(id(4), IN_STEP), []);
    assert!(roster.is_done());
}

#[test]
fn with_more_in_use_than_places_each_is_in_step_once_and_uploads_what_is_written_to_it() {
    let mut roster = roster(1, 2);
    roster.take(id(1));
    roster.take(id(2));
    assert_eq!(roster.connect(), [Action::Attach(id(1))]);
    assert_eq!(roster.stands(id(1), IN_STEP), [Action::Detach(id(1)), Action::Attach(id(2))]);
    assert_eq!(roster.stands(id(2), IN_STEP), [], "they do not take turns without need");
    assert!(roster.is_done());
    assert_eq!(roster.stands_apart(id(1), UPLOADING), [Action::Detach(id(2)), Action::Attach(id(1))]);
    assert_eq!(roster.stands(id(1), IN_STEP), []);
    assert_eq!(roster.remove(id(1)), [Action::Detach(id(1)), Action::Attach(id(2))], "a free place is used");
}

#[test]
fn what_the_server_does_not_take_keeps_no_place_and_gets_none_until_the_next_connection() {
    let mut roster = roster(1, 2);
    roster.stands_apart(id(1), UPLOADING);
    assert_eq!(roster.connect(), [Action::Attach(id(1))]);
    let gone = Standing { progress: Progress::Unavailable, ..UPLOADING };
    assert_eq!(roster.stands(id(1), gone), [Action::Detach(id(1)), Action::Attach(id(2))]);
    assert_eq!(roster.stands(id(2), IN_STEP), []);
    assert!(!roster.is_done(), "something is pending");
    roster.disconnect();
    assert_eq!(roster.connect(), [Action::Attach(id(1))]);
}

#[test]
fn where_a_document_stood_on_an_earlier_connection_does_not_count_on_this_one() {
    let mut roster = roster(1, 1);
    roster.connect();
    roster.stands_apart(id(1), IN_STEP);
    assert!(!roster.is_done());
}

#[test]
fn those_without_a_place_are_visited_again_on_demand() {
    let mut roster = roster(1, 2);
    roster.connect();
    roster.stands(id(1), IN_STEP);
    roster.stands(id(2), IN_STEP);
    assert_eq!(roster.revisit(), [Action::Detach(id(2)), Action::Attach(id(1))]);
    assert!(!roster.is_done());
    assert_eq!(roster.stands(id(1), IN_STEP), []);
    assert!(roster.is_done());
}

#[test]
fn every_connection_begins_anew() {
    let mut roster = roster(1, 2);
    roster.connect();
    roster.stands(id(1), IN_STEP);
    roster.stands(id(2), IN_STEP);
    roster.disconnect();
    assert!(!roster.is_done());
    assert_eq!(roster.connect(), [Action::Attach(id(1))]);
    assert!(!roster.is_done(), "what stood in step before may have changed since");
}

#[test]
fn what_is_in_step_no_more_after_it_gave_up_its_place_gets_one_again() {
    let mut roster = roster(1, 2);
    roster.connect();
    roster.stands(id(1), IN_STEP);
    assert_eq!(roster.stands(id(2), IN_STEP), []);
    assert_eq!(roster.stands_apart(id(1), UPLOADING), [Action::Detach(id(2)), Action::Attach(id(1))]);
}

#[test]
fn a_stalled_document_is_attached_again_by_the_next_retry() {
    let mut roster = roster(2, 1);
    roster.connect();
    roster.stall(id(1));
    assert!(!roster.is_done());
    assert_eq!(roster.stands_apart(id(1), UPLOADING), [], "whatever it says meanwhile");
    assert_eq!(roster.retry(), [Action::Attach(id(1))]);
}

#[test]
fn a_document_that_was_deleted_here_or_cannot_be_read_leaves_its_place_at_once() {
    for obstacle in [None, Some(Obstacle::Unreadable)] {
        let mut roster = roster(1, 2);
        roster.take(id(1));
        assert_eq!(roster.connect(), [Action::Attach(id(1))]);
        let pending_changes = usize::from(obstacle.is_some());
        let over = Standing { pending_changes, progress: Progress::Over, obstacle };
        assert_eq!(roster.stands(id(1), over), [Action::Detach(id(1)), Action::Attach(id(2))]);
        assert_eq!(roster.stands_apart(id(1), over), [], "it says so once more");
        assert_eq!(roster.stands(id(2), IN_STEP), []);
        assert!(roster.is_done(), "it holds nobody back");
        roster.disconnect();
        assert_eq!(roster.connect(), [Action::Attach(id(2))], "nor on the next connection");
        assert_eq!(roster.stands(id(2), IN_STEP), []);
        assert!(roster.is_done());
    }
}

#[test]
fn what_is_refused_for_good_holds_nobody_back_and_what_may_still_go_up_does() {
    let mut roster = roster(2, 2);
    roster.connect();
    let refused = Standing { obstacle: Some(Obstacle::Refused(Refusal::DocumentTooLarge)), ..UPLOADING };
    assert_eq!(roster.stands(id(1), refused), []);
    assert_eq!(roster.stands(id(2), UPLOADING), []);
    assert!(!roster.is_done());
    roster.stands(id(2), IN_STEP);
    assert!(roster.is_done());
    roster.stands(id(1), UPLOADING);
    assert!(!roster.is_done(), "it may be taken now");
}
