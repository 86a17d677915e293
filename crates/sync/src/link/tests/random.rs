//! Whatever comes, in whatever order and whenever: a link stays consistent.

use super::*;
use proptest::prelude::*;
use tiebreak_protocol::Heads;

/// What may happen, without the parts that cannot be cloned.
#[derive(Debug, Clone)]
enum Step {
    Connect,
    Disconnect,
    NetworkChanged,
    Token(TokenAnswer),
    Opened,
    Welcome,
    Bytes(Vec<u8>),
    Durable,
    Heard,
    Ended(End),
    Close,
    Time(u64),
}

impl Step {
    fn input(self) -> Input {
        match self {
            Self::Connect => Input::Connect,
            Self::Disconnect => Input::Disconnect,
            Self::NetworkChanged => Input::NetworkChanged,
            Self::Token(answer) => Input::Token(answer),
            Self::Opened => Input::Opened,
            Self::Welcome => welcome(),
            Self::Bytes(bytes) => binary(bytes.into()),
            Self::Durable => {
                extension(ExtensionFrame::Durable { document: document(1), heads: Heads::default() })
            }
            Self::Heard => Input::Heard,
            Self::Ended(end) => Input::Ended(end),
            Self::Close => Input::Close(document(1)),
            Self::Time(_) => Input::DeadlinePassed,
        }
    }
}

fn end() -> impl Strategy<Value = End> {
    let code = prop_oneof![Just(4401_u16), 1000_u16..5000];
    let status = prop_oneof![Just(401_u16), 100_u16..600];
    prop_oneof![
        code.prop_map(|code| End::Closed { code, reason: String::new() }),
        status.prop_map(|status| End::Refused { status }),
        Just(End::Broken { reason: String::new() }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let failed = TokenAnswer::Failed { reason: String::new() };
    prop_oneof![
        3 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        2 => Just(Step::NetworkChanged),
        4 => Just(Step::Token(granted())),
        1 => Just(Step::Token(TokenAnswer::SignedOut)),
        1 => Just(Step::Token(failed)),
        4 => Just(Step::Opened),
        4 => Just(Step::Welcome),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Bytes),
        1 => Just(Step::Durable),
        1 => Just(Step::Heard),
        3 => end().prop_map(Step::Ended),
        1 => Just(Step::Close),
        6 => prop_oneof![0_u64..100, 0_u64..40_000, Just(100_000_000)].prop_map(Step::Time),
    ]
}

/// What a driver knows by the effects alone.
#[derive(Debug, Default)]
struct Watcher {
    has_socket: bool,
    is_connected: bool,
}

impl Watcher {
    fn see(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Open(_) => {
                    assert!(!self.has_socket, "a second WebSocket beside the first");
                    self.has_socket = true;
                }
                Effect::Drop => self.has_socket = false,
                Effect::Connected(_) => {
                    assert!(self.has_socket && !self.is_connected);
                    self.is_connected = true;
                }
                Effect::Disconnected => {
                    assert!(self.is_connected, "it was not connected");
                    self.is_connected = false;
                }
                Effect::Send(_) | Effect::Ping => assert!(self.has_socket, "there is nothing to send by"),
                Effect::ToReplica { .. } => assert!(self.is_connected),
                Effect::FetchToken(_) => assert!(!self.has_socket, "a token is for the next WebSocket"),
                Effect::StateChanged | Effect::Troubled { .. } => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn a_link_has_one_socket_at_most_and_always_knows_what_it_waits_for(
        seed: u64,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let (mut link, mut watcher) = (TestLink::seeded(seed), Watcher::default());
        for step in steps {
            if let Step::Time(ms) = step {
                link.ms += ms;
            }
            let before = link.link.state();
            let is_end = matches!(step, Step::Ended(_));
            if is_end {
                watcher.has_socket = false;
            }
            let effects = link.input(step.input());
            watcher.see(&effects);
            let state = link.link.state();
            assert_eq!(effects.contains(&Effect::StateChanged), state != before);
            assert_eq!(watcher.is_connected, state == ConnectionState::Connected);
            assert_eq!(link.link.deadline().is_none(), state.is_stopped(), "waits for nothing: {state:?}");
        }
    }

    #[test]
    fn a_deadline_that_was_kept_lies_ahead_again(seed: u64, steps in prop::collection::vec(step(), 1..60)) {
        let mut link = TestLink::seeded(seed);
        for step in steps {
            if let Step::Time(ms) = step {
                link.ms += ms;
            }
            link.input(step.input());
            // Three steps lead from any phase to one that takes time: a delay may be nothing at all.
            for _ in 0..3 {
                link.input(Input::DeadlinePassed);
            }
            if let Some(deadline) = link.link.deadline() {
                assert!(deadline > at(link.ms).elapsed, "it would be woken for ever");
            }
        }
    }
}
