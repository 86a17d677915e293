//! What a person chooses stands everywhere, and nothing that they had not seen is lost by it.

use super::*;

/// Everything that two devices can disagree about, each as where it begins and what they do apart.
type Act = fn(&mut AutoCommit);

const DISAGREEMENTS: [(Act, Act, Act); 6] = [
    (|_| (), |device| text(device, "name", "Anna"), |device| text(device, "name", "Anne")),
    (
        |device| device.put(ROOT, "name", "Ann").unwrap(),
        |device| device.delete(ROOT, "name").unwrap(),
        |device| device.put(ROOT, "name", "Anne").unwrap(),
    ),
    (
        |device| device.put(ROOT, "points", ScalarValue::counter(1)).unwrap(),
        |device| device.increment(ROOT, "points", 1).unwrap(),
        |device| device.delete(ROOT, "points").unwrap(),
    ),
    (
        |device| {
            let line = device.put_object(ROOT, "line", ObjType::Map).unwrap();
            device.put(&line, "qty", ScalarValue::counter(1)).unwrap();
        },
        |device| device.delete(ROOT, "line").unwrap(),
        |device| device.increment(object(device, "line"), "qty", 1).unwrap(),
    ),
    (
        |device| {
            let list = device.put_object(ROOT, "list", ObjType::List).unwrap();
            device.insert(&list, 0, "first").unwrap();
            device.insert(&list, 1, "second").unwrap();
        },
        |device| device.delete(object(device, "list"), 0).unwrap(),
        |device| device.put(object(device, "list"), 0, "changed").unwrap(),
    ),
    (
        |device| {
            let list = device.put_object(ROOT, "list", ObjType::List).unwrap();
            let item = device.insert_object(&list, 0, ObjType::Map).unwrap();
            device.put(&item, "done", false).unwrap();
            device.insert(&list, 1, "second").unwrap();
        },
        |device| device.delete(object(device, "list"), 0).unwrap(),
        |device| {
            let item = device.get(object(device, "list"), 0).unwrap().unwrap().1;
            device.put(&item, "done", true).unwrap();
        },
    ),
];

/// Runs each disagreement to its conflict.
fn for_each_disagreement(run: impl Fn(&mut Server, &mut AutoCommit)) {
    for (start, first, second) in DISAGREEMENTS {
        let mut base = device(1);
        start(&mut base);
        let mut late = fork(&mut base, 4);
        let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
        first(&mut one);
        second(&mut two);
        second(&mut late);
        let mut server = Server::default();
        server.take(&mut one);
        server.take(&mut two);
        assert!(server.conflict().is_some());
        run(&mut server, &mut late);
    }
}

/// What stands in a place, by the path of a conflict.
fn shown(server: &mut Server, conflict: &Conflict) -> Option<Json> {
    server.document.get(&conflict.path).unwrap()
}

#[test]
fn every_candidate_can_be_chosen_and_stands_then_and_a_late_side_is_in_conflict_with_it() {
    for side in 0..2 {
        for_each_disagreement(|server, late| {
            let conflict = server.conflict().unwrap().clone();
            let chosen = conflict.candidates[side].clone();
            let change = server.settle(9, &Choice::Candidate(chosen.id.clone())).unwrap();
            let message = format!(r#"{{"resolve":"{}"}}"#, conflict.id);
            assert_eq!(change.message(), Some(message.as_str()));
            server.take_changes(vec![change]);
            assert_eq!(server.conflict(), None, "{conflict:?}");
            if let Some(value) = &chosen.value {
                assert_eq!(shown(server, &conflict).as_ref(), Some(value), "{conflict:?}");
            }
            server.take(late);
            // It did what device 3 did.
            let late = conflict.candidates.iter().find(|side| side.actor.as_bytes() == [3; 4]).unwrap();
            if chosen.value != late.value {
                assert!(server.conflict().is_some(), "{conflict:?}");
            }
        });
    }
}

#[test]
fn what_one_side_removed_is_kept_or_stays_removed() {
    for_each_disagreement(|server, _| {
        let conflict = server.conflict().unwrap().clone();
        let change = server.settle(9, &Choice::Remove).unwrap();
        let kept = server.settle(9, &Choice::Keep);
        server.take_changes(vec![change]);
        assert_eq!(server.conflict(), None);
        match conflict.conflict_type {
            ConflictType::WriteWrite => {
                assert!(matches!(kept, Err(SettleError::KeepWhich(ids)) if ids.len() == 2))
            }
            ConflictType::DeleteEdit
            | ConflictType::ReplaceEdit
            | ConflictType::LostIncrement
            | ConflictType::Mark
            | ConflictType::Rule => assert_eq!(kept.map(|change| change.seq()), Ok(1)),
        }
    });
}

#[test]
fn a_new_value_settles_and_is_of_the_type_that_strings_have_there() {
    for_each_disagreement(|server, _| {
        let conflict = server.conflict().unwrap().clone();
        let value = json!({"name": "Annie", "tags": ["a", {"b": 1.5}], "none": null});
        let change = server.settle(9, &Choice::Value(value.clone())).unwrap();
        server.take_changes(vec![change]);
        assert_eq!(server.conflict(), None);
        assert_eq!(shown(server, &conflict), Some(value));
    });
}

#[test]
fn who_settles_has_not_seen_what_came_after_the_candidates() {
    let mut base = device(1);
    base.put(ROOT, "name", "Ann").unwrap();
    let mut devices: Vec<_> = (2..5).map(|number| fork(&mut base, number)).collect();
    let mut server = Server::default();
    for (device, name) in devices.iter_mut().zip(["Anna", "Anne"]) {
        device.put(ROOT, "name", name).unwrap();
        server.take(device);
    }
    let first = server.conflict().unwrap().candidates[0].id.clone();
    let choice = server.settle(9, &Choice::Candidate(first)).unwrap();
    devices[2].put(ROOT, "name", "Annie").unwrap();
    server.take(&mut devices[2]);
    server.take_changes(vec![choice]);
    assert_eq!(server.values(), [Some(json!("Anna")), Some(json!("Annie"))]);
}

#[test]
fn a_conflict_that_is_not_open_and_a_candidate_that_it_does_not_have_are_told() {
    for_each_disagreement(|server, _| {
        let author = Author { actor: &[9; 4], time_s: 0 };
        let other = tiebreak_protocol::ConflictId::from_bytes([0; 16]);
        let settlement = Settlement {
            document: DOCUMENT,
            flags: Flags::Everything,
            conflict: other,
            choice: Choice::Remove,
        };
        let settled = server.document.settlement(&settlement, &author, &Limits::default()).unwrap();
        assert_eq!(settled, Err(SettleError::NotOpen));
        let settled = server.settle(9, &Choice::Candidate("1@00".to_owned()));
        assert!(matches!(settled, Err(SettleError::NoSuchCandidate(ids)) if ids.len() == 2));
    });
}

#[test]
fn strings_inside_a_new_value_become_texts_where_those_of_the_sides_are() {
    for as_texts in [true, false] {
        let mut base = device(1);
        base.put(ROOT, "made", true).unwrap();
        base.commit();
        let mut server = Server::default();
        server.take(&mut base);
        for (number, note) in [(2, "gas"), (3, "wood")] {
            let mut one = fork(&mut base, number);
            let stove = one.put_object(ROOT, "stove", ObjType::Map).unwrap();
            if as_texts {
                let text = one.put_object(&stove, "note", ObjType::Text).unwrap();
                one.splice_text(&text, 0, 0, note).unwrap();
            } else {
                one.put(&stove, "note", note).unwrap();
            }
            server.take(&mut one);
        }
        let choice = server.settle(9, &Choice::Value(json!({ "note": "both" }))).unwrap();
        server.take_changes(vec![choice]);
        let automerge = &server.document.opened_before().automerge;
        let (_, stove) = automerge.get(ROOT, "stove").unwrap().unwrap();
        let (note, _) = automerge.get(&stove, "note").unwrap().unwrap();
        assert_eq!(note.is_object(), as_texts, "{note:?}");
    }
}
