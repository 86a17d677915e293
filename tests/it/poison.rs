//! A change that the library does not survive: it alone is set aside, whoever else was in the same turn.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ROOT};
use bytes::Bytes;
use fail::FailScenario;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::{CheckedChange, SavedChange, SyncMessage, check_change};
use tiebreak_protocol::{DocumentId, Limits, Refusal};
use tiebreak_sync::access::Access;
use tiebreak_sync::room::{Effect, Input, Loaded, Notice, PeerInfo, Received, Refused};
use tiebreak_sync::{Moment, Room, SessionId};

const NOW: Moment = Moment { elapsed: Duration::ZERO, unix_ms: 0 };

fn change(actor: u8, message: &str) -> (CheckedChange, AutoCommit) {
    let mut document = AutoCommit::new().with_actor(ActorId::from(vec![actor; 16]));
    document.put(ROOT, "key", i64::from(actor)).unwrap();
    document.commit_with(CommitOptions::default().with_message(message));
    let bytes = document.get_last_local_change().unwrap().raw_bytes().to_vec();
    (check_change(bytes.into(), &Limits::default()).unwrap(), document)
}

fn received(session: u64, change: &CheckedChange) -> Input {
    let peer = format!("peer-{session}").parse().unwrap();
    let from = Arc::new(PeerInfo {
        session: SessionId(session),
        peer,
        storage: None,
        extended: true,
        account: None,
    });
    let message = SyncMessage { heads: vec![change.hash()], ..SyncMessage::default() };
    Input::Received(Box::new(Received {
        access: Access::Writes,
        from,
        message,
        changes: vec![change.clone()],
    }))
}

/// The room takes an input, and a turn if one is due then.
fn step(room: &mut Room, input: Input) -> Vec<Effect> {
    let mut effects = room.handle(NOW, input);
    effects.extend(room.take_turn(NOW));
    effects
}

#[test]
fn a_change_that_panics_the_library_is_quarantined_and_the_rest_of_its_turn_goes_in() {
    let scenario = FailScenario::setup();
    fail::cfg("library panics", "panic").unwrap();
    let (mut room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let (ann, _) = change(1, "good");
    let (eve, _) = change(2, "poison");
    let (bob, _) = change(3, "good");
    // All three arrive while the document is still being read: one turn.
    for (session, change) in [(1, &ann), (2, &eve), (3, &bob)] {
        assert_eq!(step(&mut room, received(session, change)), []);
    }
    // The merge of all three fails: the document is read again.
    assert_eq!(step(&mut room, Input::Loaded(Ok(None))), [Effect::Load]);
    // One at a time: the second is to blame, and costs one more reading.
    let effects = step(&mut room, Input::Loaded(Ok(None)));
    let notice = Notice::Refused(Refused::new(Some(eve.hash()), Refusal::Quarantined));
    assert_eq!(effects[0], Effect::Refused(Refusal::Quarantined));
    assert_eq!(effects[1], Effect::Tell { to: SessionId(2), notice });
    assert!(matches!(&effects[2], Effect::Quarantine { change, .. } if change.hash == eve.hash()));
    assert_eq!(effects[3], Effect::Load);
    let effects = step(&mut room, Input::Loaded(Ok(None)));
    let saved = |change: &CheckedChange| SavedChange { hash: change.hash(), bytes: change.bytes().clone() };
    let Some(Effect::Append { changes, .. }) = effects.last() else {
        panic!("nothing is stored: {effects:?}")
    };
    assert_eq!(*changes, [saved(&ann), saved(&bob)]);
    let effects = step(&mut room, Input::Appended(Ok(2)));
    let told = effects.iter().filter(|effect| matches!(effect, Effect::Tell { notice: Notice::Sync(_), .. }));
    assert_eq!(told.count(), 3);
    scenario.teardown();
}

#[test]
fn in_a_flood_of_poison_nobody_innocent_is_set_aside_unexamined() {
    let scenario = FailScenario::setup();
    fail::cfg("library panics", "panic").unwrap();
    let (mut room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let poison: Vec<_> = (2..40).map(|actor| change(actor, "poison").0).collect();
    let (ann, _) = change(1, "good");
    for (session, change) in (2..).zip(&poison).chain([(1, &ann)]) {
        step(&mut room, received(session, change));
    }
    let (mut quarantined, mut sent_away) = (Vec::new(), false);
    loop {
        let effects = step(&mut room, Input::Loaded(Ok(None)));
        for effect in &effects {
            if let Effect::Quarantine { change, .. } = effect {
                quarantined.push(change.hash);
            }
            sent_away |= *effect == Effect::Tell { to: SessionId(1), notice: Notice::Close(Refusal::Busy) };
        }
        if effects.last() != Some(&Effect::Load) || sent_away {
            break;
        }
    }
    assert!(sent_away, "its author must offer it again");
    assert!(!quarantined.contains(&ann.hash()));
    step(&mut room, Input::Loaded(Ok(None)));
    let effects = step(&mut room, received(100, &ann));
    assert!(matches!(&effects[..], [Effect::Append { changes, .. }] if changes[0].hash == ann.hash()));
    scenario.teardown();
}

#[test]
fn a_document_that_does_not_open_is_broken_alone_and_said_so() {
    let (mut room, _) = Room::open(DocumentId::from_bytes([1; 16]), Arc::new(Limits::default()), NOW);
    let (ann, _) = change(1, "good");
    step(&mut room, received(1, &ann));
    let garbage = Loaded {
        snapshot: Some(Bytes::from_static(b"not a document")),
        snapshot_through: 1,
        through: 1,
        heads: [ann.hash()].into_iter().collect(),
        ..Loaded::default()
    };
    let effects = step(&mut room, Input::Loaded(Ok(Some(Box::new(garbage)))));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Broken(_))), "{effects:?}");
    assert!(effects.iter().all(|effect| !matches!(effect, Effect::Append { .. })));
}
