//! What is a conflict, and what is not: one history each.

use super::{Choice, Conflict, Flags, REVIEWED_AT_ONCE_MAX, Reviewed, SettleError, Settlement};
use crate::engine::tests::while_library_fails;
use crate::{Author, CheckedChange, Document, OpenError, check_change};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};
use bytes::Bytes;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_protocol::{ConflictType, DocumentId, Limits};

const DOCUMENT: DocumentId = DocumentId::from_bytes([7; 16]);

/// A device with the automerge library.
fn device(number: u8) -> AutoCommit {
    AutoCommit::new().with_actor(ActorId::from(&[number; 4]))
}

fn fork(device: &mut AutoCommit, number: u8) -> AutoCommit {
    device.fork().with_actor(ActorId::from(&[number; 4]))
}

fn changes_of(device: &mut AutoCommit) -> Vec<CheckedChange> {
    let changes = device.get_changes(&[]).into_iter();
    let check = |bytes: &[u8]| check_change(Bytes::copy_from_slice(bytes), &Limits::default()).unwrap();
    changes.map(|change| check(change.raw_bytes())).collect()
}

/// A server that merges what devices bring, and keeps what its reviews tell.
#[derive(Default)]
struct Server {
    document: Document,
    open: BTreeMap<Vec<u8>, Conflict>,
}

impl Server {
    /// Takes what it lacks of a device's history, and answers how many places it looked at.
    fn take(&mut self, device: &mut AutoCommit) -> usize {
        self.take_changes(changes_of(device))
    }

    /// What was learnt step by step is what the whole history says.
    fn check(&mut self) {
        let mut rebuilt = Document::from_stored(
            Some(self.document.snapshot().unwrap()),
            Vec::new(),
            self.document.heads().clone(),
        );
        let mut all = rebuilt.conflicts(DOCUMENT, &Flags::Everything).unwrap();
        let mut open: Vec<_> = self.open.values().cloned().collect();
        all.sort_by_key(|conflict| conflict.id);
        open.sort_by_key(|conflict| conflict.id);
        assert_eq!(open, all);
    }

    /// Settles the one conflict that there is.
    fn settle(&mut self, number: u8, choice: &Choice) -> Result<CheckedChange, SettleError> {
        let author = Author { actor: &[number; 4], time_s: 0 };
        let id = self.conflict().unwrap().id;
        let settlement =
            Settlement { document: DOCUMENT, flags: Flags::Everything, conflict: id, choice: choice.clone() };
        self.document.settlement(&settlement, &author, &Limits::default()).unwrap()
    }

    /// Takes changes as they come from a peer.
    fn take_changes(&mut self, changes: Vec<CheckedChange>) -> usize {
        let admitted = self.document.admit(changes, &Limits::default()).unwrap();
        assert!(admitted.refused.is_empty() && admitted.waiting.is_empty(), "{admitted:?}");
        self.document.merge(&admitted.ready).unwrap();
        let reviewed =
            self.document.review(DOCUMENT, &Flags::Everything, &admitted.ready, self.open.len()).unwrap();
        let looked_at = reviewed.len();
        for Reviewed { register, conflict, .. } in reviewed {
            match conflict {
                Some(conflict) => drop(self.open.insert(register.0, conflict)),
                None => drop(self.open.remove(&register.0)),
            }
        }
        self.check();
        looked_at
    }

    fn conflict(&self) -> Option<&Conflict> {
        assert!(self.open.len() < 2, "{:?}", self.open.values());
        self.open.values().next()
    }

    fn values(&self) -> Vec<Option<Json>> {
        let candidates = self.conflict().map(|conflict| conflict.candidates.as_slice()).unwrap_or_default();
        let mut values: Vec<_> = candidates.iter().map(|candidate| candidate.value.clone()).collect();
        values.sort_by_key(|value| value.as_ref().map(Json::to_string));
        values
    }

    fn conflict_type(&self) -> Option<ConflictType> {
        self.conflict().map(|conflict| conflict.conflict_type)
    }
}

/// What two devices that start from the same do apart, in both orders of arrival.
fn apart(
    start: impl Fn(&mut AutoCommit),
    first: impl Fn(&mut AutoCommit),
    second: impl Fn(&mut AutoCommit),
    expect: impl Fn(&Server),
) {
    let mut base = device(1);
    start(&mut base);
    base.commit();
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    first(&mut one);
    second(&mut two);
    for turned in [false, true] {
        let mut server = Server::default();
        server.take(&mut base);
        server.take(if turned { &mut two } else { &mut one });
        assert_eq!(server.conflict(), None, "one device alone");
        server.take(if turned { &mut one } else { &mut two });
        expect(&server);
    }
}

fn text(device: &mut AutoCommit, key: &str, value: &str) {
    let text = device.put_object(ROOT, key, ObjType::Text).unwrap();
    device.splice_text(&text, 0, 0, value).unwrap();
}

fn object(device: &AutoCommit, key: &str) -> ObjId {
    device.get(ROOT, key).unwrap().unwrap().1
}

#[test]
fn two_values_for_one_key_are_a_conflict_and_their_base_is_what_both_saw() {
    apart(
        |device| device.put(ROOT, "name", "Ann").unwrap(),
        |device| device.put(ROOT, "name", "Anna").unwrap(),
        |device| device.put(ROOT, "name", "Anne").unwrap(),
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::WriteWrite));
            assert_eq!(server.values(), [Some(json!("Anna")), Some(json!("Anne"))]);
            assert_eq!(server.conflict().unwrap().base, Some(json!("Ann")));
            assert_eq!(server.conflict().unwrap().path, ["name".into()]);
        },
    );
}

#[test]
fn the_same_value_twice_is_no_conflict() {
    let nobody = |server: &Server| assert_eq!(server.conflict(), None);
    let put = |device: &mut AutoCommit| device.put(ROOT, "name", "Anna").unwrap();
    apart(|_| (), put, put, nobody);
    apart(|_| (), |device| text(device, "name", "Anna"), put, nobody);
    apart(
        |_| (),
        |device| device.put(ROOT, "n", 1).unwrap(),
        |device| device.put(ROOT, "n", 1.0).unwrap(),
        nobody,
    );
    apart(
        put,
        |device| device.delete(ROOT, "name").unwrap(),
        |device| device.delete(ROOT, "name").unwrap(),
        nobody,
    );
}

#[test]
fn strings_that_libraries_write_as_texts_compare_and_show_as_strings() {
    apart(
        |device| text(device, "name", "Ann"),
        |device| text(device, "name", "Anna"),
        |device| text(device, "name", "Anne"),
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::WriteWrite));
            assert_eq!(server.values(), [Some(json!("Anna")), Some(json!("Anne"))]);
            assert_eq!(server.conflict().unwrap().base, Some(json!("Ann")));
        },
    );
}

#[test]
fn typing_in_a_text_that_somebody_replaced_is_a_replace_against_an_edit() {
    apart(
        |device| text(device, "name", "Ann"),
        |device| text(device, "name", "Bob"),
        |device| device.splice_text(object(device, "name"), 3, 0, "a").unwrap(),
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::ReplaceEdit));
            assert_eq!(server.values(), [Some(json!("Anna")), Some(json!("Bob"))]);
        },
    );
}

#[test]
fn what_merges_is_no_conflict() {
    let nobody = |server: &Server| assert_eq!(server.conflict(), None);
    apart(
        |device| text(device, "bio", "runs"),
        |device| device.splice_text(object(device, "bio"), 0, 0, "she ").unwrap(),
        |device| device.splice_text(object(device, "bio"), 4, 0, " far").unwrap(),
        nobody,
    );
    apart(
        |device| device.put(ROOT, "likes", ScalarValue::counter(1)).unwrap(),
        |device| device.increment(ROOT, "likes", 2).unwrap(),
        |device| device.increment(ROOT, "likes", 3).unwrap(),
        nobody,
    );
    apart(
        |device| drop(device.put_object(ROOT, "list", ObjType::List).unwrap()),
        |device| device.insert(object(device, "list"), 0, "a").unwrap(),
        |device| device.insert(object(device, "list"), 0, "b").unwrap(),
        nobody,
    );
    apart(
        |device| drop(device.put_object(ROOT, "map", ObjType::Map).unwrap()),
        |device| device.put(object(device, "map"), "a", 1).unwrap(),
        |device| device.put(object(device, "map"), "b", 2).unwrap(),
        nobody,
    );
}

#[test]
fn a_removal_against_a_write_is_a_conflict() {
    apart(
        |device| device.put(ROOT, "name", "Ann").unwrap(),
        |device| device.delete(ROOT, "name").unwrap(),
        |device| device.put(ROOT, "name", "Anne").unwrap(),
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::DeleteEdit));
            assert_eq!(server.values(), [None, Some(json!("Anne"))]);
        },
    );
}

#[test]
fn an_edit_inside_what_somebody_removed_is_a_conflict_about_what_was_removed() {
    apart(
        |device| {
            let lines = device.put_object(ROOT, "lines", ObjType::Map).unwrap();
            let line = device.put_object(&lines, "shoe", ObjType::Map).unwrap();
            device.put(&line, "qty", ScalarValue::counter(1)).unwrap();
        },
        |device| device.delete(object(device, "lines"), "shoe").unwrap(),
        |device| {
            let line = device.get(object(device, "lines"), "shoe").unwrap().unwrap().1;
            device.increment(&line, "qty", 2).unwrap();
        },
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::DeleteEdit));
            assert_eq!(server.conflict().unwrap().path, ["lines".into(), "shoe".into()]);
            assert_eq!(server.values(), [None, Some(json!({"qty": 3}))]);
            assert_eq!(server.conflict().unwrap().base, Some(json!({"qty": 1})));
        },
    );
}

#[test]
fn an_increment_that_a_write_or_a_removal_would_lose_is_a_conflict() {
    let start = |device: &mut AutoCommit| device.put(ROOT, "points", ScalarValue::counter(1)).unwrap();
    let add = |device: &mut AutoCommit| device.increment(ROOT, "points", 4).unwrap();
    apart(
        start,
        add,
        |device| device.put(ROOT, "points", 0).unwrap(),
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::LostIncrement));
            assert_eq!(server.values(), [Some(json!(0)), Some(json!(5))]);
        },
    );
    apart(
        start,
        add,
        |device| device.delete(ROOT, "points").unwrap(),
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::LostIncrement));
            assert_eq!(server.values(), [None, Some(json!(5))]);
        },
    );
}

#[test]
fn counters_and_objects_that_were_made_twice_under_one_key_are_a_conflict() {
    let count = |device: &mut AutoCommit| device.put(ROOT, "likes", ScalarValue::counter(1)).unwrap();
    apart(
        |_| (),
        count,
        count,
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::WriteWrite));
        },
    );
    let make = |device: &mut AutoCommit, key: &str| {
        let map = device.put_object(ROOT, "map", ObjType::Map).unwrap();
        device.put(&map, key, true).unwrap();
    };
    apart(
        |_| (),
        |device| make(device, "a"),
        |device| make(device, "b"),
        |server| {
            assert_eq!(server.values(), [Some(json!({"a": true})), Some(json!({"b": true}))]);
        },
    );
    let make_many = |device: &mut AutoCommit| {
        let map = device.put_object(ROOT, "map", ObjType::Map).unwrap();
        (0..20).for_each(|key| device.put(&map, key.to_string(), key).unwrap());
    };
    apart(|_| (), make_many, make_many, |server| assert_eq!(server.conflict(), None, "they are the same"));
}

#[test]
fn an_element_that_one_sets_and_one_sets_or_removes_is_a_conflict() {
    let start = |device: &mut AutoCommit| {
        let list = device.put_object(ROOT, "list", ObjType::List).unwrap();
        for (at, value) in ["a", "b", "c"].into_iter().enumerate() {
            device.insert(&list, at, value).unwrap();
        }
    };
    let set = |device: &mut AutoCommit| device.put(object(device, "list"), 1, "x").unwrap();
    apart(
        start,
        set,
        |device| device.put(object(device, "list"), 1, "y").unwrap(),
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::WriteWrite));
            assert_eq!(server.values(), [Some(json!("x")), Some(json!("y"))]);
            assert_eq!(server.conflict().unwrap().path, ["list".into(), 1.into()]);
            assert_eq!(server.conflict().unwrap().base, Some(json!("b")));
        },
    );
    apart(
        start,
        set,
        |device| device.delete(object(device, "list"), 1).unwrap(),
        |server| {
            assert_eq!(server.conflict_type(), Some(ConflictType::DeleteEdit));
            assert_eq!(server.values(), [None, Some(json!("x"))]);
        },
    );
}

#[test]
fn a_conflict_closes_when_somebody_who_knows_all_sides_writes() {
    let (mut one, mut two) = (device(2), device(3));
    one.put(ROOT, "name", "Anna").unwrap();
    two.put(ROOT, "name", "Anne").unwrap();
    let mut server = Server::default();
    server.take(&mut one);
    server.take(&mut two);
    assert!(server.conflict().is_some());
    one.merge(&mut two).unwrap();
    one.put(ROOT, "name", "Annie").unwrap();
    server.take(&mut one);
    assert_eq!(server.conflict(), None);
}

#[test]
fn who_knew_two_of_three_sides_leaves_the_same_conflict_with_two() {
    let mut base = device(1);
    base.put(ROOT, "name", "Ann").unwrap();
    let mut devices: Vec<_> = (2..5).map(|number| fork(&mut base, number)).collect();
    let mut server = Server::default();
    for (device, name) in devices.iter_mut().zip(["Anna", "Anne", "Annie"]) {
        device.put(ROOT, "name", name).unwrap();
        server.take(device);
    }
    let id = server.conflict().unwrap().id;
    let mut second = devices.remove(1);
    let mut first = devices.remove(0);
    first.merge(&mut second).unwrap();
    first.put(ROOT, "name", "Ann-Marie").unwrap();
    server.take(&mut first);
    assert_eq!(server.values(), [Some(json!("Ann-Marie")), Some(json!("Annie"))]);
    assert_eq!(server.conflict().unwrap().id, id);
}

#[test]
fn a_latecomer_with_an_older_base_opens_a_wider_conflict() {
    let mut base = device(1);
    base.put(ROOT, "name", "A").unwrap();
    let mut late = fork(&mut base, 4);
    base.put(ROOT, "name", "Ann").unwrap();
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    one.put(ROOT, "name", "Anna").unwrap();
    two.put(ROOT, "name", "Anne").unwrap();
    late.put(ROOT, "name", "Al").unwrap();
    let mut server = Server::default();
    server.take(&mut one);
    server.take(&mut two);
    let narrow = server.conflict().unwrap().id;
    server.take(&mut late);
    assert_ne!(server.conflict().unwrap().id, narrow);
    assert_eq!(server.conflict().unwrap().base, Some(json!("A")));
    assert_eq!(server.values().len(), 3);
}

#[test]
fn writing_the_value_that_wins_already_settles_and_a_late_value_is_flagged_again() {
    let mut base = device(1);
    base.put(ROOT, "name", "Ann").unwrap();
    let mut devices: Vec<_> = (2..5).map(|number| fork(&mut base, number)).collect();
    for (device, name) in devices.iter_mut().zip(["Anna", "Anne", "Annie"]) {
        device.put(ROOT, "name", name).unwrap();
    }
    let (mut late, mut two, mut one) = (devices.remove(2), devices.remove(1), devices.remove(0));
    one.merge(&mut two).unwrap();
    one.put(ROOT, "name", "Anne").unwrap();
    let mut server = Server::default();
    server.take(&mut one);
    assert_eq!(server.conflict(), None);
    server.take(&mut late);
    assert_eq!(server.values(), [Some(json!("Anne")), Some(json!("Annie"))]);
}

#[test]
fn a_conflict_inside_what_is_removed_for_good_falls_with_it() {
    let mut base = device(1);
    let line = base.put_object(ROOT, "line", ObjType::Map).unwrap();
    base.put(&line, "note", "").unwrap();
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    one.put(&line, "note", "gift").unwrap();
    two.put(&line, "note", "wrap").unwrap();
    let mut server = Server::default();
    server.take(&mut one);
    server.take(&mut two);
    assert!(server.conflict().is_some());
    one.merge(&mut two).unwrap();
    one.delete(ROOT, "line").unwrap();
    server.take(&mut one);
    assert_eq!(server.conflict(), None);
}

#[test]
fn changes_that_follow_from_each_other_are_not_looked_at() {
    let mut one = device(1);
    one.put(ROOT, "name", "Ann").unwrap();
    let mut server = Server::default();
    server.take(&mut one);
    let mut two = fork(&mut one, 2);
    two.put(ROOT, "name", "Anna").unwrap();
    two.commit();
    two.put(ROOT, "name", "Anne").unwrap();
    assert_eq!(server.take(&mut two), 0);
    assert!(server.document.opened_before().noted_registers().is_none(), "nothing was noted either");
}

#[test]
fn a_library_that_fails_on_the_history_is_an_error_and_the_next_look_finds_everything() {
    let (mut one, mut two) = (device(2), device(3));
    one.put(ROOT, "name", "Anna").unwrap();
    two.put(ROOT, "name", "Anne").unwrap();
    let mut server = Server::default();
    server.take(&mut one);
    server.take(&mut two);
    server.document.close();
    server.document.open().unwrap();
    let look = |document: &mut Document| document.conflicts(DOCUMENT, &Flags::Everything);
    let failed = while_library_fails(|| look(&mut server.document));
    assert!(matches!(failed, Err(OpenError::Unreadable(_))), "{failed:?}");
    assert!(server.document.opened_before().noted_registers().is_none(), "half a walk is none");
    assert_eq!(look(&mut server.document).unwrap().len(), 1);
}

mod adding_up;
mod kinds;
mod records;
mod reviewing;
mod rules;
mod settling;
