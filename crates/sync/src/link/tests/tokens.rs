//! Tokens: asked for, refused, refreshed.

use super::*;

fn unauthorized(link: &TestLink) -> bool {
    matches!(link.link.state(), ConnectionState::Unauthorized { .. })
}

#[test]
fn a_refused_token_is_fetched_anew_once_and_then_the_client_stops() {
    let mut link = TestLink::live();
    let effects = link.input(closed(4401));
    let fetch = Effect::FetchToken(TokenReason::Expired);
    assert_eq!(effects, [Effect::Disconnected, fetch, Effect::StateChanged]);
    link.input(Input::Token(granted()));
    link.input(Input::Opened);
    assert_eq!(link.input(closed(4401)), [Effect::StateChanged]);
    let state = ConnectionState::Unauthorized { reason: "because".to_owned() };
    assert_eq!((link.link.state(), link.link.deadline()), (state, None));
}

#[test]
fn the_upgrade_may_refuse_the_token_as_well() {
    let mut link = TestLink::opening();
    let refused = || Input::Ended(End::Refused { status: 401 });
    assert_eq!(link.input(refused()), [Effect::FetchToken(TokenReason::Expired)]);
    link.input(Input::Token(granted()));
    link.input(refused());
    assert!(unauthorized(&link));
}

#[test]
fn a_token_that_worked_for_a_while_makes_the_next_refusal_ask_for_another() {
    let mut link = TestLink::live();
    link.input(closed(4401));
    link.input(Input::Token(granted()));
    link.input(Input::Opened);
    link.input(welcome());
    link.ms += 10_000;
    assert!(link.input(closed(4401)).contains(&Effect::FetchToken(TokenReason::Expired)));
}

#[test]
fn a_token_that_worked_for_a_moment_only_does_not() {
    let mut link = TestLink::live();
    link.input(closed(4401));
    link.input(Input::Token(granted()));
    link.input(Input::Opened);
    link.input(welcome());
    link.ms += 9_999;
    link.input(closed(4401));
    assert!(unauthorized(&link));
}

#[test]
fn nobody_signed_in_stops_the_client_until_somebody_connects_it() {
    let mut link = TestLink::fetching();
    assert_eq!(link.input(Input::Token(TokenAnswer::SignedOut)), [Effect::StateChanged]);
    assert!(unauthorized(&link) && link.link.state().is_stopped());
    assert_eq!(link.pass(1_000_000), []);
    let effects = link.input(Input::Connect);
    assert_eq!(effects, [Effect::FetchToken(TokenReason::Initial), Effect::StateChanged]);
}

#[test]
fn a_token_that_could_not_be_had_is_waited_for() {
    let mut link = TestLink::fetching();
    let failed = TokenAnswer::Failed { reason: "no network".to_owned() };
    let reason = troubled("no token could be had: no network");
    assert_eq!(link.input(Input::Token(failed)), [reason, Effect::StateChanged]);
    assert_eq!(link.wait_out(), [Effect::FetchToken(TokenReason::Retry), Effect::StateChanged]);
}

#[test]
fn a_new_token_that_could_not_be_had_at_once_is_still_asked_for_as_a_new_one() {
    let mut link = TestLink::live();
    link.input(closed(4401));
    link.input(Input::Token(TokenAnswer::Failed { reason: "no network".to_owned() }));
    let effects = link.wait_out();
    assert_eq!(effects, [Effect::FetchToken(TokenReason::Expired), Effect::StateChanged]);
    link.pass(30_000);
    let effects = link.input(Input::NetworkChanged);
    assert_eq!(effects, [Effect::FetchToken(TokenReason::Expired), Effect::StateChanged]);
    link.input(Input::Token(granted()));
    link.input(closed(4401));
    assert!(unauthorized(&link), "the new one was refused too");
}

#[test]
fn the_end_of_the_refused_connection_does_not_end_the_wait_for_a_new_token() {
    let mut link = TestLink::live();
    link.input(closed(4401));
    assert_eq!(link.input(broken()), []);
    let open = Effect::Open(Some(Token::new(SECRET.to_owned())));
    assert_eq!(link.input(Input::Token(granted())), [open]);
}

#[test]
fn a_token_never_shows_in_logs() {
    assert!(!format!("{:?}", Effect::Open(Some(Token::new(SECRET.to_owned())))).contains(SECRET));
}
