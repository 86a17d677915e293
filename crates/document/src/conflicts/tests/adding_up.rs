//! Where a kind says how writes add up, nobody is asked, and nothing that anybody added is lost.

use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use tiebreak_kinds::Kinds;

const KIND: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Adding", "x-tiebreak-kind": "adding", "x-tiebreak-version": 1, "type": "object",
    "properties": {
        "count": {"type": "integer", "x-tiebreak-merge": "counter"},
        "set": {"type": "array", "items": {"type": "string"}, "x-tiebreak-merge": "union"},
        "lines": {"type": "object", "additionalProperties": {"type": "object", "properties": {
            "qty": {"type": "integer", "x-tiebreak-merge": "counter"},
            "tags": {"type": "array", "items": {"type": "string"}, "x-tiebreak-merge": "union"},
            "note": {"type": "string"}
        }}}
    }
}"#;

/// A server that merges what devices bring, and writes what the kind decides.
struct Referee {
    document: Document,
    flags: Flags,
}

impl Referee {
    fn new() -> Self {
        let kinds = Kinds::with_files([("adding.json".to_owned(), KIND.to_owned())]).unwrap();
        let flags = Flags::Kind(Arc::clone(kinds.get("adding").unwrap()));
        Self { document: Document::default(), flags }
    }

    /// Takes what it lacks of a device, and decides what there is to decide.
    fn take(&mut self, device: &mut AutoCommit) {
        let admitted = self.document.admit(changes_of(device), &Limits::default()).unwrap();
        self.document.merge(&admitted.ready).unwrap();
        let mut merged = admitted.ready;
        loop {
            let open = self.conflicts().len();
            let reviewed = self.document.review(DOCUMENT, &self.flags, &merged, open).unwrap();
            let repairs: Vec<_> = reviewed.into_iter().filter_map(|reviewed| reviewed.repair).collect();
            if repairs.is_empty() {
                return;
            }
            self.document.merge(&repairs).unwrap();
            merged = repairs;
        }
    }

    /// Gives a device all that it has.
    fn give(&self, device: &mut AutoCommit) {
        let snapshot = self.document.snapshot().unwrap();
        device.merge(&mut AutoCommit::load(&snapshot).unwrap()).unwrap();
    }

    fn conflicts(&mut self) -> Vec<Conflict> {
        self.document.conflicts(DOCUMENT, &self.flags).unwrap()
    }

    fn json(&mut self) -> Json {
        self.document.get(&[]).unwrap().unwrap()
    }
}

/// What stands after two devices that start from the same have done these apart, whoever comes first.
fn together(
    start: impl Fn(&mut AutoCommit),
    first: impl Fn(&mut AutoCommit),
    second: impl Fn(&mut AutoCommit),
) -> Json {
    let mut base = device(1);
    start(&mut base);
    base.commit();
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    first(&mut one);
    second(&mut two);
    let [mut shown, mut turned] = [false, true].map(|turned| {
        let mut referee = Referee::new();
        referee.take(&mut base);
        referee.take(if turned { &mut two } else { &mut one });
        referee.take(if turned { &mut one } else { &mut two });
        assert_eq!(referee.conflicts(), [], "nobody is asked");
        referee
    });
    assert_eq!(shown.document.heads(), turned.document.heads(), "the same, to the last byte");
    assert_eq!(shown.json(), turned.json());
    shown.json()
}

fn counter(value: i64) -> impl Fn(&mut AutoCommit) {
    move |device| device.put(ROOT, "count", ScalarValue::counter(value)).unwrap()
}

fn number(value: i64) -> impl Fn(&mut AutoCommit) {
    move |device| device.put(ROOT, "count", value).unwrap()
}

fn increment(by: i64) -> impl Fn(&mut AutoCommit) {
    move |device| device.increment(ROOT, "count", by).unwrap()
}

fn list(elements: &'static [&'static str]) -> impl Fn(&mut AutoCommit) {
    move |device| {
        let set = device.put_object(ROOT, "set", ObjType::List).unwrap();
        elements.iter().enumerate().for_each(|(at, element)| device.insert(&set, at, *element).unwrap());
    }
}

fn line(device: &mut AutoCommit, qty: i64, note: &str) {
    let lines = match device.get(ROOT, "lines").unwrap() {
        Some((_, lines)) => lines,
        None => device.put_object(ROOT, "lines", ObjType::Map).unwrap(),
    };
    let line = device.put_object(lines, "tent", ObjType::Map).unwrap();
    device.put(&line, "qty", ScalarValue::counter(qty)).unwrap();
    device.put(&line, "note", note).unwrap();
}

#[test]
fn counters_that_are_made_apart_add_up() {
    assert_eq!(together(|_| (), counter(1), counter(1)), json!({"count": 2}));
    assert_eq!(together(|_| (), number(2), counter(3)), json!({"count": 5}));
}

#[test]
fn another_number_counts_as_what_was_added_to_the_one_before() {
    assert_eq!(together(counter(2), counter(5), increment(1)), json!({"count": 6}));
    assert_eq!(together(counter(2), number(5), increment(1)), json!({"count": 6}));
    assert_eq!(together(number(2), number(5), number(1)), json!({"count": 4}), "+3 and -1");
}

#[test]
fn a_removal_of_what_others_add_to_is_flagged() {
    let remove = |device: &mut AutoCommit| device.delete(ROOT, "count").unwrap();
    assert_eq!(together(counter(2), remove, remove), json!({}));
    let mut base = device(1);
    counter(2)(&mut base);
    list(&["a"])(&mut base);
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    remove(&mut one);
    one.delete(ROOT, "set").unwrap();
    increment(3)(&mut two);
    two.insert(object(&two, "set"), 1, "b").unwrap();
    let mut referee = Referee::new();
    referee.take(&mut one);
    referee.take(&mut two);
    let paths: Vec<_> = referee.conflicts().into_iter().map(|conflict| conflict.path).collect();
    assert_eq!(paths, [vec!["count".into()], vec!["set".into()]]);
    referee.give(&mut one);
    counter(1)(&mut one);
    referee.take(&mut one);
    assert_eq!(referee.json(), json!({"count": 1}), "whoever has seen all has the word");
}

#[test]
fn what_one_side_counted_before_it_wrote_anew_counts_once() {
    let counts_and_writes = |device: &mut AutoCommit| {
        device.increment(ROOT, "count", 10).unwrap();
        device.commit();
        device.put(ROOT, "count", ScalarValue::counter(20)).unwrap();
    };
    assert_eq!(together(counter(0), counts_and_writes, increment(3)), json!({"count": 23}));
}

#[test]
fn sets_that_are_written_whole_hold_what_anybody_put_in_and_nothing_that_somebody_took_out() {
    assert_eq!(together(|_| (), list(&["a"]), list(&["b", "a"])), json!({"set": ["a", "b"]}));
    assert_eq!(
        together(list(&["a", "b"]), list(&["a", "c"]), list(&["a", "b", "d"])),
        json!({"set": ["a", "c", "d"]})
    );
    let push = |device: &mut AutoCommit| device.insert(object(device, "set"), 1, "e").unwrap();
    assert_eq!(together(list(&["a"]), list(&["c"]), push), json!({"set": ["e", "c"]}));
}

#[test]
fn the_same_line_made_twice_is_one_line_with_both_quantities() {
    let twice = together(|_| (), |device| line(device, 1, ""), |device| line(device, 2, ""));
    assert_eq!(twice, json!({"lines": {"tent": {"qty": 3, "note": ""}}}));
    let other = |device: &mut AutoCommit| {
        let lines = device.put_object(ROOT, "lines", ObjType::Map).unwrap();
        device.put_object(&lines, "stove", ObjType::Map).unwrap();
    };
    let both = together(|_| (), |device| line(device, 1, ""), other);
    assert_eq!(both, json!({"lines": {"tent": {"qty": 1, "note": ""}, "stove": {}}}), "maps made apart");
}

#[test]
fn lines_that_differ_in_more_than_what_adds_up_are_flagged() {
    let (mut one, mut two) = (device(2), device(3));
    line(&mut one, 1, "red");
    line(&mut two, 1, "blue");
    let mut referee = Referee::new();
    referee.take(&mut one);
    referee.take(&mut two);
    assert_eq!(referee.conflicts().len(), 1);
}

#[test]
fn a_value_that_somebody_gives_counts_on_where_the_kind_counts() {
    let (mut one, mut two) = (device(2), device(3));
    line(&mut one, 1, "red");
    line(&mut two, 1, "blue");
    let mut referee = Referee::new();
    referee.take(&mut one);
    referee.take(&mut two);
    let [conflict] = &referee.conflicts()[..] else { panic!("one conflict") };
    let settlement = Settlement {
        document: DOCUMENT,
        flags: referee.flags.clone(),
        conflict: conflict.id,
        choice: Choice::Value(json!({"tent": {"qty": 4, "note": "green"}})),
    };
    let author = Author { actor: &[9; 4], time_s: 0 };
    let change = referee.document.settlement(&settlement, &author, &Limits::default()).unwrap().unwrap();
    referee.document.merge(&[change]).unwrap();
    referee.give(&mut one);
    referee.give(&mut two);
    for device in [&mut one, &mut two] {
        let tent = device.get(object(device, "lines"), "tent").unwrap().unwrap().1;
        device.increment(&tent, "qty", 1).unwrap();
    }
    referee.take(&mut one);
    referee.take(&mut two);
    assert_eq!(referee.json(), json!({"lines": {"tent": {"qty": 6, "note": "green"}}}));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Write(usize, i64),
    Count(usize, i64),
    Bring(usize),
    Fetch(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3usize, -9..9i64).prop_map(|(device, value)| Step::Write(device, value)),
        (0..3usize, -9..9i64).prop_map(|(device, by)| Step::Count(device, by)),
        (0..3usize).prop_map(Step::Bring),
        (0..3usize).prop_map(Step::Fetch),
    ]
}

fn counted(device: &AutoCommit) -> i64 {
    device.get(ROOT, "count").unwrap().map_or(0, |(value, _)| value.as_i64().unwrap())
}

proptest! {
    /// Whatever is written over whatever: in the end there is as much as everybody added to what they saw.
    #[test]
    fn a_count_is_what_everybody_added_to_what_they_saw(steps in prop::collection::vec(step(), 1..40)) {
        let mut referee = Referee::new();
        let mut base = device(9);
        counter(0)(&mut base);
        referee.take(&mut base);
        let mut devices = [2, 3, 4].map(|number| fork(&mut base, number));
        let mut expected = 0;
        for step in steps {
            match step {
                Step::Write(at, value) => {
                    let device = &mut devices[at];
                    expected += value - counted(device);
                    device.put(ROOT, "count", ScalarValue::counter(value)).unwrap();
                    device.commit();
                }
                Step::Count(at, by) => {
                    expected += by;
                    devices[at].increment(ROOT, "count", by).unwrap();
                    devices[at].commit();
                }
                Step::Bring(at) => referee.take(&mut devices[at]),
                Step::Fetch(at) => {
                    referee.take(&mut devices[at]);
                    referee.give(&mut devices[at]);
                }
            }
        }
        devices.iter_mut().for_each(|device| referee.take(device));
        prop_assert_eq!(referee.json(), json!({"count": expected}));
    }
}
