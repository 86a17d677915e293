use super::*;
use crate::reader;
use serde_json::{Value, json};

fn kind(version: u32, properties: Value, more: Value) -> Kind {
    let mut schema = json!({"x-tiebreak-kind": "sample", "x-tiebreak-version": version, "type": "object", "properties": properties});
    schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    reader::read("sample.json", &schema.to_string()).unwrap()
}

/// What breaks when a kind with the one becomes a kind with the other.
fn differences(old: Value, new: Value) -> Vec<String> {
    let compared = compare(&kind(1, old, json!({})), &kind(2, new, json!({})));
    compared.differences().iter().map(ToString::to_string).collect()
}

/// The same for one property `a`.
fn breaks(old: Value, new: Value) -> Vec<String> {
    differences(json!({"a": old}), json!({"a": new}))
}

fn top_breaks(old: Value, new: Value) -> Vec<String> {
    let compared = compare(&kind(1, json!({}), old), &kind(1, json!({}), new));
    compared.differences().iter().map(ToString::to_string).collect()
}

const COMPATIBLE: [&str; 0] = [];

#[test]
fn a_kind_is_compatible_with_itself() {
    for kind in crate::Kinds::built_in().iter() {
        assert!(compare(kind, kind).is_compatible(), "{}", kind.name());
    }
}

#[test]
fn adding_and_removing_fields_is_compatible() {
    let (one, two) =
        (json!({"a": {"type": "string"}}), json!({"a": {"type": "string"}, "b": {"type": "object"}}));
    assert_eq!(differences(one.clone(), two.clone()), COMPATIBLE);
    assert_eq!(differences(two, one), COMPATIBLE);
}

#[test]
fn a_field_that_protected_something_is_not_just_removed() {
    assert_eq!(
        differences(json!({"a": {"x-tiebreak-merge": "server"}}), json!({})),
        ["/a: was written by the server only, and anybody may write it now"]
    );
    let below = json!({"a": {"type": "object", "additionalProperties": {"x-tiebreak-merge": "server"}}});
    assert_eq!(differences(below, json!({"a": {"type": "object"}})).len(), 1);
    assert_eq!(
        differences(json!({"a": {"x-tiebreak-write": "owner"}}), json!({})),
        ["/a: was written by owners only, and every editor may write it now"]
    );
    assert_eq!(
        differences(json!({"a": {"x-tiebreak-secret": true}}), json!({})),
        ["/a: was secret, and is not now"]
    );
}

#[test]
fn another_way_to_merge_breaks() {
    assert_eq!(breaks(json!({}), json!({"x-tiebreak-merge": "lww"})), ["/a: merged as flag, and as lww now"]);
    assert_eq!(
        breaks(json!({"x-tiebreak-remove": "wins"}), json!({})),
        ["/a: a removal: wins, and flag now"]
    );
    assert_eq!(
        breaks(json!({}), json!({"x-tiebreak-resolve": "newest"})),
        ["/a: decided by a person, and by newest now"]
    );
}

#[test]
fn a_narrower_right_breaks_and_a_wider_one_does_not() {
    let (wide, narrow) = (json!({}), json!({"x-tiebreak-write": "owner"}));
    assert_eq!(
        breaks(wide.clone(), narrow.clone()),
        ["/a: was written by every editor, and by owners only now"]
    );
    assert_eq!(breaks(narrow, wide), COMPATIBLE);
}

#[test]
fn what_was_secret_stays_secret() {
    let (open, secret) = (json!({}), json!({"x-tiebreak-secret": true}));
    assert_eq!(breaks(open.clone(), secret.clone()), COMPATIBLE);
    assert_eq!(breaks(secret, open), ["/a: was secret, and is not now"]);
}

#[test]
fn a_narrower_type_breaks_and_a_wider_one_does_not() {
    let types = |types: Value| json!({"type": types});
    for (narrow, wide) in [(json!("integer"), json!("number")), (json!("string"), json!(["string", "null"]))]
    {
        assert_eq!(breaks(types(narrow.clone()), types(wide.clone())), COMPATIBLE);
        assert_eq!(breaks(types(wide), types(narrow)).len(), 1);
    }
    assert_eq!(breaks(types(json!("string")), json!({})), COMPATIBLE);
    assert_eq!(
        breaks(json!({}), types(json!("string"))),
        ["/a: took values of any type, and takes values of type string now"]
    );
}

#[test]
fn a_narrower_limit_breaks_and_a_wider_one_does_not() {
    for (keyword, narrow, wide) in [
        ("maxLength", json!(1), json!(2)),
        ("maximum", json!(1.5), json!(2)),
        ("minItems", json!(3), json!(1)),
        ("exclusiveMinimum", json!(3), json!(-1)),
        ("enum", json!([1]), json!([1, 2])),
        ("required", json!(["b", "c"]), json!(["c"])),
        ("uniqueItems", json!(true), json!(false)),
    ] {
        let (narrow, wide) = (json!({keyword: narrow}), json!({keyword: wide}));
        assert_eq!(breaks(wide.clone(), narrow.clone()), [format!("/a: {keyword} is narrower")]);
        assert_eq!(breaks(narrow.clone(), wide), COMPATIBLE, "{keyword}");
        assert_eq!(breaks(json!({}), narrow.clone()), [format!("/a: {keyword} is new")]);
        assert_eq!(breaks(narrow, json!({})), COMPATIBLE, "{keyword}");
    }
    for (keyword, one, other) in [
        ("pattern", json!("^a"), json!("^b")),
        ("anyOf", json!([{"type": "string"}]), json!([{"type": "integer"}])),
        ("propertyNames", json!({"maxLength": 1}), json!({"maxLength": 2})),
    ] {
        assert_eq!(breaks(json!({keyword: one}), json!({keyword: other})).len(), 1, "{keyword}");
    }
}

#[test]
fn paths_are_compared_however_deep_they_are() {
    let lines = |merge: &str| {
        json!({"type": "object", "additionalProperties": {"properties": {"tags": {"type": "array", "items": {
            "type": "integer", "x-tiebreak-merge": merge,
        }}}}})
    };
    assert_eq!(breaks(lines("max"), lines("min")), ["/a/{id}/tags/{id}: merged as max, and as min now"]);
}

#[test]
fn a_name_that_was_any_key_before_is_compared_with_what_any_key_was() {
    let any = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let named = json!({"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": {"type": "integer"}});
    assert_eq!(
        breaks(any, named),
        ["/a/b: took values of type integer, and takes values of type string now"]
    );
}

#[test]
fn a_rule_that_is_new_or_another_breaks_and_one_less_does_not() {
    let rules = |rule: &str, refuse: bool| json!({"x-tiebreak-rules": [{"name": "r", "rule": rule, "message": "m", "refuse": refuse}]});
    let none = json!({});
    assert_eq!(top_breaks(none.clone(), rules("true", false)), ["the rule r is new"]);
    assert_eq!(top_breaks(rules("true", false), none), COMPATIBLE);
    assert_eq!(top_breaks(rules("true", false), rules("!false", false)), ["the rule r is another"]);
    assert_eq!(top_breaks(rules("true", false), rules("true", true)), ["the rule r refuses now"]);
    assert_eq!(top_breaks(rules("true", true), rules("true", false)), COMPATIBLE);
}

#[test]
fn a_guard_that_is_new_or_another_breaks_and_none_does_not() {
    let guard = |guard: &str| json!({"x-tiebreak-allow": guard});
    assert_eq!(top_breaks(json!({}), guard("true")).len(), 1);
    assert_eq!(top_breaks(guard("true"), guard("!false")).len(), 1);
    assert_eq!(top_breaks(guard("true"), guard("true")), COMPATIBLE);
    assert_eq!(top_breaks(guard("true"), json!({})), COMPATIBLE);
}

#[test]
fn a_kind_keeps_its_name_and_goes_up() {
    let renamed = json!({"x-tiebreak-kind": "other"});
    assert_eq!(top_breaks(json!({}), renamed), ["the name was sample and is other"]);
    let (old, new) = (kind(2, json!({}), json!({})), kind(1, json!({}), json!({})));
    assert_eq!(compare(&old, &new).differences()[0].to_string(), "the version was 2 and is 1");
}

#[test]
fn what_breaks_needs_a_higher_version() {
    let of = |version, merge: &str| kind(version, json!({"a": {"x-tiebreak-merge": merge}}), json!({}));
    assert!(compare(&of(1, "flag"), &of(1, "lww")).needs_higher_version());
    assert!(compare(&of(2, "flag"), &of(1, "lww")).needs_higher_version());
    assert!(!compare(&of(1, "flag"), &of(2, "lww")).needs_higher_version());
    assert!(!compare(&of(1, "flag"), &of(1, "flag")).needs_higher_version());
}
