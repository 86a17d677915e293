//! What a kind declares is flagged, and nothing else.

use super::*;
use std::sync::Arc;
use tiebreak_kinds::Kinds;

/// A kind with a path of each mode.
const MODES: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Modes", "x-tiebreak-kind": "modes", "x-tiebreak-version": 1, "type": "object",
    "properties": {
        "flag": {"type": "string"},
        "lww": {"type": "string", "x-tiebreak-merge": "lww"},
        "counter": {"type": "integer", "x-tiebreak-merge": "counter"},
        "union": {"type": "array", "items": {"type": "string"}, "x-tiebreak-merge": "union"},
        "text": {"type": "string", "x-tiebreak-merge": "text"},
        "max": {"type": "integer", "x-tiebreak-merge": "max"},
        "server": {"type": "string", "x-tiebreak-merge": "server"},
        "lines": {"type": "object", "additionalProperties": {"type": "object"}},
        "wins": {"type": "object", "additionalProperties": {"type": "object", "x-tiebreak-remove": "wins"}},
        "loses": {"type": "object", "additionalProperties": {"type": "object", "x-tiebreak-remove": "loses"}}
    }
}"#;

fn modes() -> Flags {
    let kinds = Kinds::with_files([("modes.json".to_owned(), MODES.to_owned())]).unwrap();
    Flags::Kind(Arc::clone(kinds.get("modes").unwrap()))
}

/// The paths that are in conflict by the kind when two devices that start from the same do these apart.
fn flagged(
    start: impl Fn(&mut AutoCommit),
    first: impl Fn(&mut AutoCommit),
    second: impl Fn(&mut AutoCommit),
) -> Vec<String> {
    let mut base = device(1);
    start(&mut base);
    base.commit();
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    first(&mut one);
    second(&mut two);
    let mut server = Server::default();
    server.take(&mut one);
    server.take(&mut two);
    let conflicts = server.document.conflicts(DOCUMENT, &modes()).unwrap();
    conflicts.iter().map(|conflict| crate::path::Shown(&conflict.path).to_string()).collect()
}

#[test]
fn values_that_were_written_apart_are_flagged_where_the_kind_declares_no_merge() {
    let write = |value: &'static str| {
        move |device: &mut AutoCommit| {
            for mode in ["flag", "lww", "text", "server", "unknown"] {
                device.put(ROOT, mode, value).unwrap();
            }
        }
    };
    assert_eq!(flagged(|_| (), write("a"), write("b")), ["flag", "text", "unknown"]);
    let own = |counter: i64, max: i64, set: &'static str| {
        move |device: &mut AutoCommit| {
            device.put(ROOT, "counter", ScalarValue::counter(counter)).unwrap();
            device.put(ROOT, "max", max).unwrap();
            let union = device.put_object(ROOT, "union", ObjType::List).unwrap();
            device.insert(&union, 0, set).unwrap();
        }
    };
    assert_eq!(flagged(|_| (), own(1, 1, "a"), own(2, 2, "b")), [""; 0]);
}

#[test]
fn a_removal_against_an_edit_inside_is_flagged_unless_the_kind_says_which_wins() {
    let start = |device: &mut AutoCommit| {
        for map in ["lines", "wins", "loses"] {
            let map = device.put_object(ROOT, map, ObjType::Map).unwrap();
            device.put_object(&map, "shoe", ObjType::Map).unwrap();
        }
    };
    let each = |device: &mut AutoCommit, act: fn(&mut AutoCommit, &ObjId)| {
        for map in ["lines", "wins", "loses"] {
            let map = object(device, map);
            act(device, &map);
        }
    };
    let remove = |device: &mut AutoCommit| each(device, |device, map| device.delete(map, "shoe").unwrap());
    let edit = |device: &mut AutoCommit| {
        each(device, |device, map| {
            let shoe = device.get(map, "shoe").unwrap().unwrap().1;
            device.put(&shoe, "size", 42).unwrap();
        });
    };
    assert_eq!(flagged(start, remove, edit), ["lines/shoe"]);
    let replace =
        |device: &mut AutoCommit| each(device, |device, map| device.put(map, "shoe", "none").unwrap());
    let mut replaced = flagged(start, replace, edit);
    replaced.sort();
    assert_eq!(replaced, ["lines/shoe", "loses/shoe", "wins/shoe"], "a replacement is no removal");
}
