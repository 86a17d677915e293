//! Every change that the library makes is accepted, and read as the library reads it.

use crate::history::{History, Place};
use crate::script::{Edit, play};
use automerge::Change;
use bytes::Bytes;
use proptest::prelude::*;
use tiebreak_document::{Action, Document, Key, Object, Value, check_change, split_chunks};
use tiebreak_protocol::Limits;

/// Checks one honest change, plain and as the library sends it.
pub(crate) fn assert_accepted(change: &Change) {
    let mut sent = change.clone();
    for chunk in [Bytes::copy_from_slice(change.raw_bytes()), Bytes::copy_from_slice(&sent.bytes())] {
        let checked = check_change(chunk.clone(), &Limits::default());
        let checked = checked.unwrap_or_else(|refusal| panic!("{refusal:?}: {}", crate::hex(&chunk)));
        assert_eq!(checked.hash().0, change.hash().0);
        assert_eq!(checked.bytes(), &chunk);
        assert_eq!(checked.plain_bytes(), change.raw_bytes());
        assert!(checked.deps().iter().map(|dep| dep.0).eq(change.deps().iter().map(|dep| dep.0)));
        assert_eq!(checked.actor(), change.actor_id().to_bytes());
        assert!(
            checked
                .other_actors()
                .iter()
                .map(AsRef::as_ref)
                .eq(change.other_actor_ids().iter().map(automerge::ActorId::to_bytes))
        );
        assert_eq!(checked.seq(), change.seq());
        assert_eq!(checked.start_op(), change.start_op().get());
        assert_eq!(checked.operations(), change.len() as u64);
        assert_eq!(checked.max_op(), change.max_op());
        assert_eq!(checked.time(), change.timestamp());
        // The bytes do not tell an empty message from none.
        assert_eq!(checked.message(), change.message().filter(|message| !message.is_empty()));
        assert_same_operations(&checked, change);
    }
}

fn assert_same_operations(checked: &tiebreak_document::CheckedChange, change: &Change) {
    let decoded = change.decode();
    let ours: Vec<_> = checked.operations_iter().collect();
    assert_eq!(ours.len(), decoded.operations.len());
    let id = |counter: u64, actor: usize| {
        let actor = automerge::ActorId::from(checked.actor_at(actor).unwrap());
        format!("{counter}@{actor}")
    };
    for (ours, theirs) in ours.iter().zip(&decoded.operations) {
        assert_eq!(ours.insert, theirs.insert);
        assert_eq!(ours.action.makes(), theirs.obj_type().is_some());
        assert_eq!(
            ours.action == Action::Increment,
            matches!(theirs.action, automerge::legacy::OpType::Increment(_))
        );
        let object = match ours.object {
            Object::Root => "_root".to_owned(),
            Object::Made(made) => id(made.counter, made.actor),
        };
        assert_eq!(object, theirs.obj.to_string());
        match ours.key {
            Key::Property(key) => assert_eq!(Some(key), theirs.key_text()),
            Key::Head | Key::Element(_) => assert_eq!(None, theirs.key_text()),
        }
        let predecessors = ours.predecessors.iter().map(|pred| id(pred.counter, pred.actor));
        assert!(predecessors.eq(theirs.pred.iter().map(ToString::to_string)));
        if let Value::Text(text) = ours.value {
            assert_eq!(theirs.primitive_value(), Some(text.into()));
        }
    }
    let makes = ours.iter().filter(|operation| operation.action.makes());
    let makes = makes.map(|operation| (operation.counter, operation.object));
    assert!(makes.eq(checked.makes().map(|make| (make.counter, make.container))));
}

trait KeyText {
    fn key_text(&self) -> Option<&str>;
}

impl KeyText for automerge::legacy::Op {
    fn key_text(&self) -> Option<&str> {
        match &self.key {
            automerge::legacy::Key::Map(key) => Some(key),
            automerge::legacy::Key::Seq(_) => None,
        }
    }
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    let text = prop_oneof![
        "[a-z]{0,6}",
        "\\PC{0,12}",
        Just("\u{1F469}\u{200D}\u{1F680}e\u{301}\u{1F600}".to_owned()),
        Just("long ".repeat(200)),
    ];
    (any::<u8>(), any::<u8>(), any::<u16>(), any::<u16>(), text)
        .prop_map(|(device, kind, place, amount, text)| Edit { device, kind, place, amount, text })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(128), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_change_that_the_library_makes_is_accepted(edits in proptest::collection::vec(edit(), 1..80)) {
        for change in play(&edits) {
            assert_accepted(&change);
        }
    }

    #[test]
    fn every_change_that_the_library_makes_fits_the_history_before_it(
        edits in proptest::collection::vec(edit(), 1..40)
    ) {
        let changes = play(&edits);
        let mut document = Document::new();
        document.open().unwrap();
        let mut waiting = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            let checked = check_change(Bytes::copy_from_slice(change.raw_bytes()), &Limits::default()).unwrap();
            let before = &changes[..at];
            let max_op = before.iter().map(Change::max_op).max().unwrap_or_default();
            // Who writes at an older state counts on from all that it has seen; that may come later here.
            if checked.start_op() <= max_op + 1 {
                let place = History::of(before).place(&checked);
                prop_assert_eq!(place, Place::Fits, "{}", crate::hex(change.raw_bytes()));
            }
            waiting.push(checked);
            let admitted = document.admit(waiting, &Limits::default()).unwrap();
            prop_assert!(admitted.refused.is_empty(), "{:?}", admitted.refused);
            document.merge(&admitted.ready).unwrap();
            waiting = admitted.waiting;
        }
        prop_assert!(waiting.is_empty(), "{:?}", waiting);
    }

    #[test]
    fn chunks_that_were_joined_are_split_again(edits in proptest::collection::vec(edit(), 1..40)) {
        let mut changes = play(&edits);
        let chunks: Vec<_> = changes.iter_mut().map(|change| change.bytes().into_owned()).collect();
        let split = split_chunks(chunks.concat().into()).unwrap();
        prop_assert!(split.iter().eq(chunks.iter()));
    }
}
