//! What a kind flags as one value with all that is inside.

use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use tiebreak_kinds::Kinds;

const KIND: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Parcel", "x-tiebreak-kind": "parcel", "x-tiebreak-version": 1, "type": "object",
    "properties": {
        "address": {"type": "object", "x-tiebreak-merge": "flag", "properties": {
            "street": {"type": "string"}, "city": {"type": "string"},
            "uses": {"type": "integer", "x-tiebreak-merge": "counter"}
        }},
        "orders": {"type": "object", "additionalProperties": {"type": "object", "x-tiebreak-merge": "flag"}}
    }
}"#;

/// A server that keeps what its reviews tell.
struct Desk {
    document: Document,
    flags: Flags,
    open: BTreeMap<Vec<u8>, Conflict>,
}

impl Desk {
    fn new() -> Self {
        let kinds = Kinds::with_files([("parcel.json".to_owned(), KIND.to_owned())]).unwrap();
        let flags = Flags::Kind(Arc::clone(kinds.get("parcel").unwrap()));
        Self { document: Document::default(), flags, open: BTreeMap::new() }
    }

    /// Takes what it lacks of a device; what it learnt step by step is what the whole history says.
    fn take(&mut self, device: &mut AutoCommit) {
        let changes = changes_of(device);
        self.take_changes(changes);
    }

    fn take_changes(&mut self, changes: Vec<CheckedChange>) {
        let ready = self.document.admit(changes, &Limits::default()).unwrap().ready;
        self.document.merge(&ready).unwrap();
        let mut new = ready.as_slice();
        loop {
            for reviewed in self.document.review(DOCUMENT, &self.flags, new, self.open.len()).unwrap() {
                match reviewed.conflict {
                    Some(conflict) => drop(self.open.insert(reviewed.register.0, conflict)),
                    None => drop(self.open.remove(&reviewed.register.0)),
                }
            }
            if !self.document.has_more_to_review() {
                break;
            }
            new = &[];
        }
        let mut all = self.document.conflicts(DOCUMENT, &self.flags).unwrap();
        let mut open: Vec<_> = self.open.values().cloned().collect();
        all.sort_by_key(|conflict| conflict.id);
        open.sort_by_key(|conflict| conflict.id);
        assert_eq!(open, all);
    }

    /// The paths that people disagree about, and what each side has there.
    fn disputed(&self) -> Vec<(String, Vec<Json>)> {
        let sides = |conflict: &Conflict| {
            let mut sides: Vec<_> =
                conflict.candidates.iter().map(|side| side.value.clone().unwrap_or_default()).collect();
            sides.sort_by_key(Json::to_string);
            (crate::path::Shown(&conflict.path).to_string(), sides)
        };
        self.open.values().map(sides).collect()
    }

    fn only(&self) -> &Conflict {
        assert_eq!(self.open.len(), 1, "{:?}", self.disputed());
        self.open.values().next().unwrap()
    }

    fn settle(&mut self, choice: Choice) {
        let settlement =
            Settlement { document: DOCUMENT, flags: self.flags.clone(), conflict: self.only().id, choice };
        let author = Author { actor: &[99; 4], time_s: 0 };
        let change = self.document.settlement(&settlement, &author, &Limits::default()).unwrap().unwrap();
        self.take_changes(vec![change]);
    }

    fn give(&self, device: &mut AutoCommit) {
        device.merge(&mut AutoCommit::load(&self.document.snapshot().unwrap()).unwrap()).unwrap();
    }
}

fn write(device: &mut AutoCommit, field: &str, value: &str) {
    let address = object(device, "address");
    device.put(&address, field, value).unwrap();
    device.commit();
}

/// Two devices that both have an address.
fn two() -> (AutoCommit, AutoCommit) {
    let mut base = device(1);
    let address = base.put_object(ROOT, "address", ObjType::Map).unwrap();
    base.put(&address, "street", "Elm").unwrap();
    base.put(&address, "city", "Ulm").unwrap();
    (fork(&mut base, 2), fork(&mut base, 3))
}

fn address(street: &str, city: &str) -> Json {
    json!({"street": street, "city": city})
}

#[test]
fn two_who_change_different_parts_disagree_about_the_whole() {
    let (mut one, mut two) = two();
    write(&mut one, "street", "Oak");
    write(&mut two, "city", "Bonn");
    for turned in [false, true] {
        let mut desk = Desk::new();
        desk.take(if turned { &mut two } else { &mut one });
        assert_eq!(desk.disputed(), [], "one device alone");
        desk.take(if turned { &mut one } else { &mut two });
        let sides = vec![address("Elm", "Bonn"), address("Oak", "Ulm")];
        assert_eq!(desk.disputed(), [("address".to_owned(), sides)]);
        assert_eq!(desk.only().base, Some(address("Elm", "Ulm")));
        assert_eq!(desk.only().conflict_type, ConflictType::WriteWrite);
    }
}

#[test]
fn what_is_inside_is_not_asked_about_a_second_time() {
    let (mut one, mut two) = two();
    write(&mut one, "street", "Oak");
    write(&mut two, "street", "Ash");
    let mut desk = Desk::new();
    desk.take(&mut one);
    desk.take(&mut two);
    assert_eq!(desk.disputed(), [("address".to_owned(), vec![address("Ash", "Ulm"), address("Oak", "Ulm")])]);
}

#[test]
fn whoever_writes_the_same_does_not_disagree() {
    let (mut one, mut two) = two();
    write(&mut one, "street", "Oak");
    write(&mut two, "street", "Oak");
    let mut desk = Desk::new();
    desk.take(&mut one);
    desk.take(&mut two);
    assert_eq!(desk.disputed(), []);
}

#[test]
fn a_side_that_is_chosen_stands_as_a_whole_and_a_late_part_is_flagged_again() {
    let (mut one, mut two) = two();
    let mut late = fork(&mut two, 4);
    write(&mut one, "street", "Oak");
    write(&mut two, "city", "Bonn");
    write(&mut late, "city", "Kiel");
    let mut desk = Desk::new();
    desk.take(&mut one);
    desk.take(&mut two);
    let side = desk.only().candidates.iter().find(|side| side.value == Some(address("Oak", "Ulm"))).unwrap();
    desk.settle(Choice::Candidate(side.id.clone()));
    assert_eq!(desk.disputed(), []);
    assert_eq!(desk.document.get(&["address".into()]).unwrap(), Some(address("Oak", "Ulm")));
    desk.take(&mut late);
    let sides = vec![address("Elm", "Kiel"), address("Oak", "Ulm")];
    assert_eq!(desk.disputed(), [("address".to_owned(), sides)]);
    assert_eq!(desk.only().conflict_type, ConflictType::ReplaceEdit);
}

#[test]
fn whoever_knew_both_and_wrote_has_the_word_except_about_parts_that_they_left() {
    let (mut one, mut two) = two();
    write(&mut one, "street", "Oak");
    write(&mut two, "street", "Ash");
    let mut desk = Desk::new();
    desk.take(&mut one);
    desk.take(&mut two);
    desk.give(&mut one);
    write(&mut one, "city", "Bonn");
    desk.take(&mut one);
    assert_eq!(desk.disputed(), [("address/street".to_owned(), vec![json!("Ash"), json!("Oak")])]);
    write(&mut one, "street", "Elm");
    desk.take(&mut one);
    assert_eq!(desk.disputed(), []);
}

#[test]
fn a_removal_against_two_parts_has_three_sides() {
    let (mut one, mut two) = two();
    let mut three = fork(&mut one, 4);
    write(&mut one, "street", "Oak");
    write(&mut two, "city", "Bonn");
    three.delete(ROOT, "address").unwrap();
    let mut desk = Desk::new();
    for device in [&mut one, &mut two, &mut three] {
        desk.take(device);
    }
    let sides = vec![Json::Null, address("Elm", "Bonn"), address("Oak", "Ulm")];
    assert_eq!(desk.only().conflict_type, ConflictType::DeleteEdit);
    let mut expected = sides;
    expected.sort_by_key(Json::to_string);
    assert_eq!(desk.disputed(), [("address".to_owned(), expected)]);
    desk.settle(Choice::Value(address("Fir", "Jena")));
    assert_eq!(desk.disputed(), []);
}

#[test]
fn a_disputed_whole_falls_with_what_holds_it() {
    let mut base = device(1);
    let orders = base.put_object(ROOT, "orders", ObjType::Map).unwrap();
    let order = base.put_object(orders, "o1", ObjType::Map).unwrap();
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    one.put(&order, "from", "Ulm").unwrap();
    two.put(&order, "to", "Bonn").unwrap();
    let mut desk = Desk::new();
    desk.take(&mut one);
    desk.take(&mut two);
    assert_eq!(desk.only().path, ["orders".into(), "o1".into()]);
    desk.give(&mut one);
    one.delete(ROOT, "orders").unwrap();
    desk.take(&mut one);
    assert_eq!(desk.disputed(), []);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Write(usize, &'static str, u8),
    Replace(usize, u8),
    Remove(usize),
    Bring(usize),
    Fetch(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..3usize;
    prop_oneof![
        4 => (at.clone(), prop_oneof![Just("street"), Just("city")], 0..3u8)
            .prop_map(|(at, field, value)| Step::Write(at, field, value)),
        1 => (at.clone(), 0..3u8).prop_map(|(at, value)| Step::Replace(at, value)),
        1 => at.clone().prop_map(Step::Remove),
        3 => at.clone().prop_map(Step::Bring),
        2 => at.prop_map(Step::Fetch),
    ]
}

proptest! {
    /// `take` compares.
    #[test]
    fn what_is_learnt_of_records_step_by_step_is_what_the_whole_history_says(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let (one, mut two) = two();
        let three = fork(&mut two, 4);
        let mut devices = [one, two, three];
        let mut desk = Desk::new();
        for step in steps {
            match step {
                Step::Write(at, field, value) => {
                    if devices[at].get(ROOT, "address").unwrap().is_some() {
                        write(&mut devices[at], field, &value.to_string());
                    }
                }
                Step::Replace(at, value) => {
                    let address = devices[at].put_object(ROOT, "address", ObjType::Map).unwrap();
                    devices[at].put(&address, "street", value.to_string()).unwrap();
                    devices[at].commit();
                }
                Step::Remove(at) => {
                    devices[at].delete(ROOT, "address").unwrap();
                    devices[at].commit();
                }
                Step::Bring(at) => desk.take(&mut devices[at]),
                Step::Fetch(at) => {
                    desk.take(&mut devices[at]);
                    desk.give(&mut devices[at]);
                }
            }
        }
    }
}
