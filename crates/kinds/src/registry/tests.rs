use super::*;
use crate::node::Node;
use crate::words::{Merge, Remove};
use proptest::prelude::*;
use serde_json::{Value, json};

fn file(name: &str, version: u32) -> (String, String) {
    let schema =
        json!({"x-tiebreak-kind": name, "x-tiebreak-version": version, "type": "object", "title": name});
    (format!("{name}-{version}.json"), schema.to_string())
}

fn merge(kind: &str, path: &str) -> Merge {
    let kinds = Kinds::built_in();
    path.split('/').fold(kinds.get(kind).unwrap().root(), Node::child).merge()
}

#[test]
fn everybody_has_the_built_in_kinds() {
    let names: Vec<_> = Kinds::built_in().iter().map(|kind| kind.name().to_owned()).collect();
    assert_eq!(names, ["cart", "group", "profile"]);
    assert!(Kinds::built_in().get("plain").is_none());
}

#[test]
fn the_built_in_kinds_merge_as_the_guide_says() {
    assert_eq!(merge("profile", "display_name"), Merge::Flag);
    assert_eq!(merge("profile", "bio"), Merge::Text);
    assert_eq!(merge("profile", "units"), Merge::Lww);
    assert_eq!(merge("profile", "interests"), Merge::Union);
    assert_eq!(merge("profile", "emergency_contact"), Merge::Flag);
    assert_eq!(merge("profile", "goals/g1/done"), Merge::Flag);
    assert_eq!(merge("profile", "username"), Merge::Server);
    assert_eq!(merge("cart", "lines/sku-1/qty"), Merge::Counter);
    assert_eq!(merge("cart", "address"), Merge::Flag);
    assert_eq!(merge("cart", "coupons"), Merge::Union);
    assert_eq!(merge("cart", "outcomes/r1/state"), Merge::Server);
    assert_eq!(merge("cart", "requests/r1"), Merge::Map);
    assert_eq!(merge("group", "description"), Merge::Text);
    assert_eq!(merge("group", "events/e1/place"), Merge::Flag);
    assert_eq!(merge("group", "nicknames/ann"), Merge::Flag);
    assert_eq!(merge("group", "members"), Merge::Server);
    let kinds = Kinds::built_in();
    assert!(kinds.get("profile").unwrap().root().child("emergency_contact").is_secret());
    assert_eq!(kinds.get("cart").unwrap().root().child("lines").child("any").remove(), Remove::Flag);
}

#[test]
fn every_field_of_a_built_in_kind_has_a_name_for_people() {
    fn check(kind: &str, path: &str, node: &Node) {
        for (name, below) in &node.properties {
            assert!(below.title().is_some(), "{kind}{path}/{name} has no title");
            check(kind, &format!("{path}/{name}"), below);
        }
        if let Some(any) = &node.additional {
            assert!(any.title().is_some(), "{kind}{path}/{{id}} has no title");
            check(kind, &format!("{path}/{{id}}"), any);
        }
    }
    for kind in Kinds::built_in().iter() {
        check(kind.name(), "", kind.root());
    }
}

#[test]
fn a_sound_document_breaks_no_rule_of_its_built_in_kind_and_an_unsound_one_does() {
    let kinds = Kinds::built_in();
    let broken = |kind: &str, doc: Value| -> Vec<String> {
        kinds.get(kind).unwrap().broken_rules(&doc).into_iter().map(|broken| broken.name).collect()
    };
    assert_eq!(broken("profile", json!({})), [""; 0]);
    let profile = json!({
        "@kind": "profile", "display_name": "Ann", "birthday": "1990-02-28", "interests": ["chess"],
        "emergency_contact": {"name": "Bob", "phone": "1"}, "goals": {"g": {"title": "Run", "done": true}},
    });
    assert_eq!(broken("profile", profile), [""; 0]);
    assert_eq!(broken("profile", json!({"goals": {"g": {"done": true}}})), ["done_goals_have_a_title"]);
    assert_eq!(broken("profile", json!({"birthday": "tomorrow"})), ["format"]);
    let lines = |count: usize| -> serde_json::Map<_, _> {
        (0..count).map(|line| (format!("sku-{line}"), json!({"qty": 1}))).collect()
    };
    assert_eq!(broken("cart", json!({"lines": lines(200)})), [""; 0]);
    assert_eq!(broken("cart", json!({"lines": lines(201)})), ["at_most_200_lines"]);
    assert_eq!(broken("cart", json!({"lines": {"a": {}}})), ["lines_have_a_quantity"]);
    let event = json!({"title": "Picnic", "at": "2026-05-01T12:00:00Z", "place": "Park"});
    assert_eq!(broken("group", json!({"name": "Hikers", "events": {"e": event}})), [""; 0]);
    assert_eq!(broken("group", json!({"events": {"e": {}}})), ["events_have_a_title"]);
}

#[test]
fn a_file_adds_a_kind_or_replaces_the_built_in_one_of_its_name() {
    let kinds = Kinds::with_files([file("recipe", 1), file("cart", 7)]).unwrap();
    let names: Vec<_> = kinds.iter().map(|kind| (kind.name(), kind.version())).collect();
    assert_eq!(names, [("cart", 7), ("group", 1), ("profile", 1), ("recipe", 1)]);
    assert_eq!(Kinds::built_in().get("cart").unwrap().version(), 1);
}

#[test]
fn all_errors_of_all_files_are_named() {
    let files = [
        ("a.json", "{".to_owned()),
        ("b.json", json!({"type": "object", "x-tiebreak-kind": "B"}).to_string()),
        ("c.json", file("recipe", 1).1),
        ("d.json", file("recipe", 2).1),
    ];
    let errors = Kinds::with_files(files.map(|(name, text)| (name.to_owned(), text))).unwrap_err();
    let files: Vec<_> = errors.iter().map(|error| error.file.as_str()).collect();
    assert_eq!(files, ["a.json", "b.json", "b.json", "d.json"]);
    let twice = Problem::NameTakenTwice { name: "recipe".to_owned(), other: "c.json".to_owned() };
    assert_eq!(errors[3].problem, twice);
    let text = errors[3].to_string();
    assert!(text.starts_with("d.json at /x-tiebreak-kind: two files declare the kind recipe"), "{text}");
}

/// Texts that get far into the reader: sound files with something else in one place.
fn almost_a_kind() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just(json!("counter")),
        Just(json!("server")),
        Just(json!("object")),
        Just(json!(["array", "null"])),
        Just(json!({"$ref": "#/$defs/a"})),
        Just(json!({"$ref": "#/x-tiebreak-rules/0"})),
        Just(
            json!({"x-tiebreak-merge": "lww", "type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}})
        ),
        Just(json!([])),
        Just(json!(-1)),
        Just(json!(null)),
        ".{0,30}".prop_map(Value::from),
        "[-!()\\[\\]a-z0-9.,<=>&|?: '\"{}]{0,40}".prop_map(Value::from),
    ];
    let places = [
        "/x-tiebreak-kind",
        "/x-tiebreak-rules/0/rule",
        "/x-tiebreak-rules/0/on",
        "/x-tiebreak-allow",
        "/properties/lines",
        "/properties/lines/type",
        "/properties/lines/additionalProperties",
        "/properties/lines/additionalProperties/x-tiebreak-merge",
        "/$defs/a",
        "/$defs/a/pattern",
        "/properties",
    ];
    let place = prop::sample::select(places.to_vec());
    prop::collection::vec((place, word), 1..4).prop_map(|changes| {
        let mut schema = json!({
            "x-tiebreak-kind": "sample", "x-tiebreak-version": 1, "type": "object", "x-tiebreak-allow": "true",
            "$defs": {"a": {"type": "string", "pattern": "a"}},
            "properties": {"lines": {"type": "object", "additionalProperties": {"$ref": "#/$defs/a", "x-tiebreak-merge": "flag"}}},
            "x-tiebreak-rules": [{"name": "a", "rule": "true", "message": "m", "on": ["lines"]}],
        });
        for (place, word) in changes {
            if let Some(found) = schema.pointer_mut(place) {
                *found = word;
            }
        }
        schema.to_string()
    })
}

proptest! {
    #[test]
    fn no_text_makes_loading_panic(text in prop_oneof![".{0,200}", "[\\[\\]{}\":,a\\\\ ]{0,200}", almost_a_kind()]) {
        if let Ok(kinds) = Kinds::with_files([("any.json".to_owned(), text)]) {
            for kind in kinds.iter() {
                let broken = kind.broken_rules(&json!({"lines": {"a": "b"}, "name": [1, null]}));
                prop_assert!(broken.len() <= crate::limits::MAX_BROKEN_RULES);
                kind.allows(&json!({}), &json!({}));
            }
        }
    }
}
