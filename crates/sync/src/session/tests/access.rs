//! Whose a connection is, and what it may do.

use super::*;
use crate::room::Input as RoomInput;
use tiebreak_protocol::{AccountId, DeviceId};

const ANN: AccountId = AccountId::from_bytes([1; 16]);
const BOB: AccountId = AccountId::from_bytes([2; 16]);

fn at(seconds: u64) -> Moment {
    Moment { elapsed: Duration::from_secs(seconds), ..NOW }
}

fn identity(account: AccountId, until_s: u64) -> Identity {
    let device = Some(DeviceId::from_bytes([3; 16]));
    Identity { account, device, until: Some(Duration::from_secs(until_s)) }
}

fn join_with(token: &str) -> Input {
    let metadata = PeerMetadata {
        extensions: vec![EXTENSION.to_owned()],
        token: Some(Secret::new(token.to_owned())),
        ..PeerMetadata::default()
    };
    Input::Binary(Frame::Join(Join::new(name("ann"), metadata)).encode())
}

/// A session of Ann's whose token is over after a hundred seconds.
fn signed_in() -> Session {
    let mut session = admitted(Limits::default(), Admission::Known(identity(ANN, 100)));
    let effects = session.handle(NOW, Input::Binary(join(&[EXTENSION]).encode()));
    assert!(matches!(sent(&effects)[..], [Frame::Peer(_)]));
    session
}

fn with_access(access: Access) -> Session {
    let mut session = signed_in();
    session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
    session.handle(NOW, Input::Authorized { document: DOCUMENT, access: Some(access) });
    session
}

fn refusal_codes(effects: &[Effect]) -> Vec<String> {
    let code = |frame: Frame| match frame {
        Frame::Extension { frame: ExtensionFrame::Refused { code, .. }, .. } => Some(code),
        _other => None,
    };
    sent(effects).into_iter().filter_map(code).collect()
}

fn is_unavailable(effects: &[Effect]) -> bool {
    sent(effects).iter().any(|frame| matches!(frame, Frame::DocUnavailable { .. }))
}

#[test]
fn a_join_is_answered_once_it_is_known_whose_it_is() {
    let mut session = admitted(Limits::default(), Admission::Wanted);
    let effects = session.handle(NOW, join_with("token"));
    assert_eq!(effects, [Effect::Authenticate(Secret::new("token".to_owned()))]);
    let effects = session.handle(NOW, Input::Authenticated(Ok(identity(ANN, 100))));
    assert!(matches!(sent(&effects)[..], [Frame::Peer(_)]));
    session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
    let access = Some(Access::Writes);
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access });
    assert_eq!(received(&effects).from.account, Some(ANN));
}

#[test]
fn a_join_without_a_token_or_with_a_bad_one_ends_the_connection() {
    let mut session = admitted(Limits::default(), Admission::Wanted);
    let effects = session.handle(NOW, Input::Binary(join(&[]).encode()));
    assert_eq!(closed_with(&effects), Some(Refusal::Unauthorized));
    let mut session = admitted(Limits::default(), Admission::Wanted);
    session.handle(NOW, join_with("token"));
    let effects = session.handle(NOW, Input::Authenticated(Err(Refusal::TokenExpired)));
    assert_eq!(closed_with(&effects), Some(Refusal::TokenExpired));
    assert_eq!(sent(&effects), [], "nothing is said to who has not been let in");
}

#[test]
fn nothing_is_taken_from_a_peer_while_it_is_asked_whose_it_is_and_an_answer_that_does_not_come_ends_it() {
    let mut session = admitted(Limits::default(), Admission::Wanted);
    session.handle(NOW, join_with("token"));
    let effects = session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
    assert_eq!(closed_with(&effects), Some(Refusal::HandshakeExpected));
    let mut session = admitted(Limits::default(), Admission::Wanted);
    session.handle(NOW, join_with("token"));
    let late = Moment { elapsed: session.deadline().unwrap(), ..NOW };
    assert_eq!(closed_with(&session.handle(late, Input::DeadlinePassed)), Some(Refusal::HandshakeTimedOut));
}

#[test]
fn a_token_that_is_over_soon_is_asked_for_once_and_a_fresh_one_goes_on() {
    let mut session = signed_in();
    assert_eq!(session.deadline(), Some(Duration::from_secs(70)));
    let effects = session.handle(at(70), Input::DeadlinePassed);
    let Frame::Extension { frame, .. } = sent(&effects).remove(0) else { panic!("not asked") };
    assert_eq!(frame, ExtensionFrame::TokenWanted { left_ms: 30_000 });
    assert_eq!(session.deadline(), Some(Duration::from_secs(100)));
    assert_eq!(session.handle(at(80), Input::DeadlinePassed), []);
    let token = Secret::new("fresh".to_owned());
    let effects = session.handle(at(90), extension(ExtensionFrame::Token { token: token.clone() }));
    assert_eq!(effects, [Effect::Authenticate(token)]);
    assert_eq!(session.handle(at(90), Input::Authenticated(Ok(identity(ANN, 1000)))), []);
    assert_eq!(session.handle(at(100), Input::DeadlinePassed), []);
    assert_eq!(session.deadline(), Some(Duration::from_secs(970)));
}

#[test]
fn a_token_that_is_over_ends_the_connection_and_so_does_one_of_somebody_else() {
    let effects = signed_in().handle(at(100), Input::DeadlinePassed);
    assert_eq!(closed_with(&effects), Some(Refusal::TokenExpired));
    let effects = signed_in().handle(at(90), Input::Authenticated(Ok(identity(BOB, 1000))));
    assert_eq!(closed_with(&effects), Some(Refusal::Unauthorized));
    let effects = signed_in().handle(at(10), Input::SignedOut);
    assert_eq!(closed_with(&effects), Some(Refusal::SignedOut));
}

#[test]
fn a_document_reaches_its_room_only_once_it_is_known_what_the_peer_may_do() {
    let mut session = signed_in();
    let effects = session.handle(NOW, Input::Binary(sync_with(vec![good_change()]).encode()));
    assert_eq!(effects, [Effect::Authorize(DOCUMENT)]);
    assert_eq!(session.handle(NOW, Input::Binary(sync(DOCUMENT).encode())), []);
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access: Some(Access::Writes) });
    let to_room = effects.iter().filter(|effect| matches!(effect, Effect::ToRoom { .. })).count();
    assert_eq!((to_room, received(&effects).changes.len()), (2, 1));
}

#[test]
fn somebody_elses_document_is_as_if_it_were_not_there() {
    let mut session = signed_in();
    session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access: None });
    assert!(matches!(sent(&effects)[..], [Frame::DocUnavailable { .. }]), "{effects:?}");
    assert_eq!(session.documents().count(), 0);
    // Who wanted to write there is told, or would believe it written.
    let mut session = signed_in();
    session.handle(NOW, Input::Binary(sync_with(vec![good_change()]).encode()));
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access: None });
    assert_eq!(refusal_codes(&effects), ["access_denied"]);
    assert!(is_unavailable(&effects));
}

#[test]
fn a_viewers_changes_do_not_reach_the_room() {
    let mut session = with_access(Access::Reads);
    let effects = session.handle(NOW, Input::Binary(sync_with(vec![good_change()]).encode()));
    assert_eq!(received(&effects).changes, []);
    assert_eq!(refusal_codes(&effects), ["read_only"]);
    assert!(effects.contains(&Effect::Refused(Refusal::ReadOnly)));
}

#[test]
fn a_right_that_is_taken_away_ends_what_the_peer_hears() {
    let mut session = with_access(Access::Writes);
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access: None });
    let left = Effect::ToRoom { document: DOCUMENT, input: RoomInput::Left(SessionId(1)) };
    assert!(effects.contains(&left) && is_unavailable(&effects), "{effects:?}");
    assert_eq!(refusal_codes(&effects), ["access_denied"]);
    let notice = Notice::Sync(Bytes::from_static(b"under way"));
    assert_eq!(session.handle(NOW, Input::FromRoom { document: DOCUMENT, notice }), []);
}

#[test]
fn a_right_that_is_given_opens_the_document_to_who_has_asked_for_it() {
    let mut session = signed_in();
    session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
    session.handle(NOW, Input::Authorized { document: DOCUMENT, access: None });
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access: Some(Access::Reads) });
    assert!(matches!(
        effects[..],
        [Effect::ToRoom { input: RoomInput::AskForAll { access: Access::Reads, .. }, .. }]
    ));
    // And again when it may write: what it was refused is asked for.
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access: Some(Access::Writes) });
    assert!(matches!(
        effects[..],
        [
            Effect::ToRoom { input: RoomInput::Left(_), .. },
            Effect::ToRoom { input: RoomInput::AskForAll { access: Access::Writes, .. }, .. }
        ]
    ));
    let unknown = DocumentId::from_bytes([9; 16]);
    let access = Some(Access::Writes);
    assert_eq!(session.handle(NOW, Input::Authorized { document: unknown, access }), []);
}

#[test]
fn who_made_a_document_may_write_and_who_found_another_there_may_not() {
    let mut session = with_access(Access::Creates);
    session.handle(NOW, Input::FromRoom { document: DOCUMENT, notice: Notice::Created });
    let effects = session.handle(NOW, Input::Binary(sync(DOCUMENT).encode()));
    assert_eq!(received(&effects).access, Access::Owns);
    let mut session = turned_away();
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access: None });
    assert!(matches!(sent(&effects)[..], [Frame::DocUnavailable { .. }]), "{effects:?}");
    assert_eq!(session.handle(NOW, Input::Binary(sync(DOCUMENT).encode())), [Effect::Authorize(DOCUMENT)]);
}

/// A session that was to make a document which somebody made meanwhile.
fn turned_away() -> Session {
    let mut session = with_access(Access::Creates);
    let effects = session.handle(NOW, Input::FromRoom { document: DOCUMENT, notice: Notice::Denied });
    assert_eq!(effects, [Effect::Authorize(DOCUMENT)]);
    session
}

#[test]
fn who_came_too_early_for_what_another_device_of_its_account_makes_gets_it_all_the_same() {
    let effects =
        turned_away().handle(NOW, Input::Authorized { document: DOCUMENT, access: Some(Access::Writes) });
    assert!(matches!(
        effects[..],
        [Effect::ToRoom { input: RoomInput::AskForAll { access: Access::Writes, .. }, .. }]
    ));
}

#[test]
fn what_somebody_is_about_to_make_is_as_if_it_were_not_there() {
    let mut session = turned_away();
    let effects =
        session.handle(NOW, Input::Authorized { document: DOCUMENT, access: Some(Access::Creates) });
    assert!(matches!(sent(&effects)[..], [Frame::DocUnavailable { .. }]), "{effects:?}");
    assert_eq!(session.documents().count(), 0);
}

#[test]
fn what_was_refused_is_asked_for_before_what_came_while_the_right_was_given_back() {
    let mut session = with_access(Access::Writes);
    session.handle(NOW, Input::Authorized { document: DOCUMENT, access: None });
    session.handle(NOW, Input::Binary(sync_with(vec![good_change()]).encode()));
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access: Some(Access::Writes) });
    assert!(matches!(
        effects[..],
        [
            Effect::ToRoom { input: RoomInput::AskForAll { access: Access::Writes, .. }, .. },
            Effect::ToRoom { input: RoomInput::Received(_), .. },
            ..
        ]
    ));
}

#[test]
fn who_may_not_be_here_any_more_is_neither_heard_nor_told_however_busy_the_connection_is() {
    let mut session = with_access(Access::Writes);
    let effects = session.handle(at(100), Input::Binary(sync_with(vec![good_change()]).encode()));
    assert_eq!(closed_with(&effects), Some(Refusal::TokenExpired));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::ToRoom { .. })));
    let mut session = with_access(Access::Writes);
    let effects =
        session.handle(at(100), Input::FromRoom { document: DOCUMENT, notice: Notice::Unavailable });
    assert_eq!(closed_with(&effects), Some(Refusal::TokenExpired));
    assert!(!is_unavailable(&effects));
}

#[test]
fn who_may_do_less_than_before_begins_again_in_the_room() {
    let mut session = with_access(Access::Writes);
    let effects = session.handle(NOW, Input::Authorized { document: DOCUMENT, access: Some(Access::Reads) });
    let inputs: Vec<_> = effects
        .iter()
        .filter_map(|effect| if let Effect::ToRoom { input, .. } = effect { Some(input) } else { None })
        .collect();
    assert!(
        matches!(inputs[..], [RoomInput::Left(_), RoomInput::Greet { access: Access::Reads, .. }]),
        "what waits of its changes would still be taken: {inputs:?}"
    );
}
