//! Tries, delays, and what ends them for good.

use super::*;

#[test]
fn the_first_connection_is_made_at_once() {
    let mut link = TestLink::off();
    assert_eq!(link.link.deadline(), None);
    let effects = link.input(Input::Connect);
    assert_eq!(effects, [Effect::FetchToken(TokenReason::Initial), Effect::StateChanged]);
    assert_eq!(link.link.state(), ConnectionState::Connecting { attempt: 0 });
    let token = Token::new(SECRET.to_owned());
    assert_eq!(link.input(Input::Token(granted())), [Effect::Open(Some(token))]);
    let metadata = PeerMetadata {
        is_ephemeral: true,
        extensions: vec![EXTENSION.to_owned()],
        ..PeerMetadata::default()
    };
    let join = Frame::Join(Join::new(client(), metadata)).encode();
    assert_eq!(link.input(Input::Opened), [Effect::Send(join)]);
    assert_eq!(link.input(welcome()), [Effect::Connected(info(1)), Effect::StateChanged]);
    assert_eq!(link.input(Input::Connect), [], "there is one already");
}

#[test]
fn every_connection_is_a_session_of_its_own() {
    let mut link = TestLink::live();
    link.input(broken());
    link.input(Input::Connect);
    link.input(Input::Token(granted()));
    link.input(Input::Opened);
    assert_eq!(link.input(welcome()), [Effect::Connected(info(2)), Effect::StateChanged]);
}

#[test]
fn later_tries_come_after_delays_with_full_jitter_under_a_limit_that_doubles() {
    let (mut firsts, mut sevenths) = (Vec::new(), Vec::new());
    for seed in 0..50 {
        let mut link = TestLink::seeded(seed);
        link.input(Input::Connect);
        for (attempt, limit_s) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
            link.input(Input::Token(TokenAnswer::NotNeeded));
            let effects = link.input(broken());
            assert_eq!(effects, [troubled("because"), Effect::StateChanged]);
            let delay = link.due_in().unwrap();
            assert!(delay <= limit_s * 1000, "try {attempt} after {delay} ms");
            let attempts = u32::try_from(attempt).unwrap() + 1;
            assert!(
                matches!(link.link.state(), ConnectionState::Waiting { attempt, .. } if attempt == attempts)
            );
            match attempt {
                0 => firsts.push(delay),
                6 => sevenths.push(delay),
                _ => {}
            }
            if delay > 1 {
                assert_eq!(link.pass(delay - 1), [], "not before its time");
            }
            let effects = link.wait_out();
            assert_eq!(effects, [Effect::FetchToken(TokenReason::Retry), Effect::StateChanged]);
        }
    }
    assert!(firsts.iter().any(|delay| *delay < 250) && firsts.iter().any(|delay| *delay > 750));
    assert!(sevenths.iter().any(|delay| *delay < 7_500) && sevenths.iter().any(|delay| *delay > 22_500));
}

#[test]
fn a_connection_that_held_makes_the_next_delay_short_again_and_one_that_did_not_hold_does_not() {
    let attempt_after = |held_ms| {
        let mut link = TestLink::waiting();
        for _ in 0..3 {
            link.wait_out();
            link.input(Input::Token(granted()));
            link.input(broken());
        }
        link.come_back();
        link.ms += held_ms;
        link.input(broken());
        match link.link.state() {
            ConnectionState::Waiting { attempt, .. } => attempt,
            state => panic!("{state:?}"),
        }
    };
    assert_eq!(attempt_after(9_999), 5);
    assert_eq!(attempt_after(10_000), 1);
}

#[test]
fn ends_that_pass_are_tried_again_and_ends_that_do_not_pass_are_not() {
    let refused = |status| Input::Ended(End::Refused { status });
    for code in [1000, 1001, 1006, 1011, 1012, 1013, 4500, 4503, 4507, 4508, 4599, 3000] {
        let mut link = TestLink::live();
        let effects = link.input(closed(code));
        let reason = format!("closed with {code}: because");
        assert_eq!(effects, [Effect::Disconnected, troubled(&reason), Effect::StateChanged]);
        assert!(matches!(link.link.state(), ConnectionState::Waiting { .. }), "{code}");
    }
    for code in [4400, 4402, 4403, 4404, 4413, 4429, 4499] {
        let mut link = TestLink::live();
        assert_eq!(link.input(closed(code)), [Effect::Disconnected, Effect::StateChanged]);
        let state = ConnectionState::Rejected { code, reason: "because".to_owned() };
        assert_eq!((link.link.state(), link.link.deadline()), (state, None));
    }
    for status in [200, 301, 400, 404, 408, 425, 429, 500, 502, 503, 504, 599] {
        let mut link = TestLink::opening();
        link.input(refused(status));
        assert!(matches!(link.link.state(), ConnectionState::Waiting { .. }), "{status}");
    }
    for status in [403, 410, 426] {
        let mut link = TestLink::opening();
        assert_eq!(link.input(refused(status)), [Effect::StateChanged]);
        assert!(matches!(link.link.state(), ConnectionState::Rejected { code, .. } if code == status));
    }
    let mut link = TestLink::opening();
    link.input(refused(401));
    assert_eq!(link.link.state(), ConnectionState::Connecting { attempt: 0 }, "asks for a token");
}

#[test]
fn a_client_that_was_sent_away_begins_anew_when_the_app_wants_it() {
    let mut link = TestLink::live();
    link.input(closed(4400));
    let effects = link.input(Input::Connect);
    assert_eq!(effects, [Effect::FetchToken(TokenReason::Initial), Effect::StateChanged]);
}

#[test]
fn every_step_on_the_way_has_its_time() {
    let mut link = TestLink::fetching();
    assert_eq!(link.due_in(), Some(30_000));
    let reason = troubled("the app brought no token in time");
    assert_eq!(link.pass(30_000), [Effect::Drop, reason, Effect::StateChanged]);
    let mut link = TestLink::opening();
    assert_eq!(link.due_in(), Some(15_000));
    let reason = troubled("the server could not be reached in time");
    assert_eq!(link.pass(15_000), [Effect::Drop, reason, Effect::StateChanged]);
    let mut link = TestLink::handshaking();
    assert_eq!(link.due_in(), Some(10_000));
    let reason = troubled("the server did not answer the join in time");
    assert_eq!(link.pass(10_000), [Effect::Drop, reason, Effect::StateChanged]);
}

#[test]
fn a_change_of_networks_tries_at_once_when_waiting_and_begins_a_hanging_try_anew() {
    let again = Effect::FetchToken(TokenReason::Retry);
    assert_eq!(TestLink::waiting().input(Input::NetworkChanged), [again, Effect::StateChanged]);
    for mut link in [TestLink::opening(), TestLink::handshaking()] {
        let effects = link.input(Input::NetworkChanged);
        assert_eq!(effects, [Effect::Drop, Effect::FetchToken(TokenReason::Retry)]);
    }
    assert_eq!(TestLink::fetching().input(Input::NetworkChanged), [], "nothing hangs on the network yet");
    assert_eq!(TestLink::off().input(Input::NetworkChanged), [], "nobody wants a connection");
}

#[test]
fn disconnecting_ends_whatever_is_under_way_and_stays() {
    for (phase, mut link) in TestLink::in_every_phase() {
        let effects = link.input(Input::Disconnect);
        let expected = match phase {
            "off" => vec![],
            "fetching a token" | "opening" | "handshaking" => vec![Effect::Drop, Effect::StateChanged],
            "live" => vec![Effect::Drop, Effect::Disconnected, Effect::StateChanged],
            _ => vec![Effect::StateChanged],
        };
        assert_eq!(effects, expected, "{phase}");
        assert_eq!((link.link.state(), link.link.deadline()), (ConnectionState::Offline, None), "{phase}");
        assert_eq!(link.pass(1_000_000), [], "{phase}");
    }
}

#[test]
fn what_a_connection_that_is_gone_still_says_changes_nothing() {
    for (phase, mut link) in TestLink::in_every_phase() {
        let is_gone = !matches!(phase, "opening" | "handshaking" | "live");
        if !is_gone {
            continue;
        }
        let (state, deadline) = (link.link.state(), link.link.deadline());
        let garbage = binary(Bytes::from_static(b"garbage"));
        for stale in [Input::Opened, broken(), closed(4401), closed(4400), welcome(), garbage, Input::Heard] {
            assert_eq!(link.input(stale), [], "{phase}");
        }
        if phase != "fetching a token" {
            assert_eq!(link.input(Input::Token(granted())), [], "{phase}");
        }
        assert_eq!((link.link.state(), link.link.deadline()), (state, deadline), "{phase}");
    }
}

#[test]
fn a_token_that_is_over_soon_is_renewed_on_the_connection_that_there_is() {
    let mut link = TestLink::live();
    let wanted = || extension(ExtensionFrame::TokenWanted { left_ms: 30_000 });
    assert_eq!(link.input(wanted()), [Effect::FetchToken(TokenReason::Expired)]);
    assert_eq!(link.input(wanted()), [], "asked once, however often the server says so");
    let frame = ExtensionFrame::Token { token: tiebreak_protocol::Secret::new(SECRET.to_owned()) };
    let sent = Frame::Extension { sender: client(), target: server(), frame };
    assert_eq!(link.input(Input::Token(granted())), [Effect::Send(sent.encode())]);
    // An app that has none leaves it at that: the server will say when it is over.
    assert_eq!(link.input(wanted()), [Effect::FetchToken(TokenReason::Expired)]);
    assert_eq!(link.input(Input::Token(TokenAnswer::SignedOut)), []);
    assert_eq!(link.link.state(), ConnectionState::Connected);
}
