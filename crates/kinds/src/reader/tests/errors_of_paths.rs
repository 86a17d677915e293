//! What can be wrong with a declared path: one test each.

use super::*;
use crate::words::Merge;

#[test]
fn references_do_not_multiply_without_end() {
    let level = |level: usize| {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        (format!("d{level}"), json!({"properties": {"a": next, "b": next}}))
    };
    let mut defs: Map<String, Value> = (1..40).map(level).collect();
    defs.insert("d40".to_owned(), json!({}));
    let schema = with_top(json!({"a": {"$ref": "#/$defs/d1"}}), json!({"$defs": defs}));
    assert_eq!(error(&schema), at("", Problem::TooManySchemas));
    // The same among the conditions, which would take as long for each document.
    let level = |level: usize| {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        (format!("d{level}"), json!({"allOf": [next, next]}))
    };
    let mut defs: Map<String, Value> = (1..40).map(level).collect();
    defs.insert("d40".to_owned(), json!({}));
    let schema = with_top(json!({"a": {"$ref": "#/$defs/d1"}}), json!({"$defs": defs}));
    assert_eq!(error(&schema), at("", Problem::TooManySchemas));
}

#[test]
fn a_keyword_stands_where_it_has_an_effect() {
    let misplaced = |keyword: &str| Problem::MisplacedKeyword { keyword: keyword.to_owned() };
    assert_eq!(
        error_at_top(json!({"x-tiebreak-merge": "map"})),
        at("/x-tiebreak-merge", misplaced("x-tiebreak-merge"))
    );
    assert_eq!(
        error_of(json!({"x-tiebreak-kind": "a"})),
        at("/x-tiebreak-kind", misplaced("x-tiebreak-kind"))
    );
    for (holder, path) in [
        (json!({"allOf": [{"properties": {"b": {"x-tiebreak-merge": "lww"}}}]}), "/allOf/0/properties/b"),
        (json!({"if": {"x-tiebreak-merge": "lww"}}), "/if"),
        (json!({"patternProperties": {"^b": {"x-tiebreak-merge": "lww"}}}), "/patternProperties/^b"),
        (json!({"prefixItems": [{"items": {"x-tiebreak-merge": "lww"}}]}), "/prefixItems/0/items"),
        (json!({"not": {"additionalProperties": {"x-tiebreak-merge": "lww"}}}), "/not/additionalProperties"),
    ] {
        assert_eq!(error_of(holder), at(&format!("{path}/x-tiebreak-merge"), misplaced("x-tiebreak-merge")));
    }
}

#[test]
fn a_mode_fits_the_type() {
    for (merge, types) in [
        ("counter", json!("string")),
        ("counter", json!("number")),
        ("counter", json!(["integer", "null"])),
        ("union", json!("string")),
        ("list", json!("object")),
        ("text", json!("integer")),
        ("map", json!("array")),
        ("max", json!("object")),
        ("max", json!(["string", "integer"])),
        ("min", json!("boolean")),
    ] {
        let (path, problem) = error_of(json!({"type": types, "x-tiebreak-merge": merge}));
        assert_eq!(path, "/x-tiebreak-merge");
        assert!(matches!(problem, Problem::WrongType { .. }), "{merge}: {problem}");
    }
    let (_, problem) = error_of(json!({"x-tiebreak-merge": "counter"}));
    assert_eq!(problem.to_string(), "x-tiebreak-merge: counter does not fit values of any type");
    let (path, problem) = error_of(json!({"type": "boolean", "x-tiebreak-resolve": "largest"}));
    assert_eq!(path, "/x-tiebreak-resolve");
    assert!(matches!(problem, Problem::WrongType { .. }), "{problem}");
}

#[test]
fn a_keyword_changes_something_under_its_mode() {
    for (merge, types, keyword, value) in [
        (Merge::Server, "string", "x-tiebreak-write", "owner"),
        (Merge::Server, "string", "x-tiebreak-remove", "wins"),
        (Merge::Lww, "string", "x-tiebreak-remove", "wins"),
        (Merge::Lww, "string", "x-tiebreak-resolve", "newest"),
        (Merge::Counter, "integer", "x-tiebreak-resolve", "newest"),
    ] {
        let schema = json!({"type": types, "x-tiebreak-merge": merge.as_str(), keyword: value});
        assert_eq!(error_of(schema), at(&format!("/{keyword}"), Problem::NoEffect { keyword, merge }));
    }
}

#[test]
fn nothing_inside_of_one_value_merges_by_itself() {
    for (outer, inner, value) in [
        ("lww", "x-tiebreak-merge", json!("server")),
        ("lww", "x-tiebreak-merge", json!("flag")),
        ("server", "x-tiebreak-merge", json!("lww")),
    ] {
        let schema = json!({
            "type": "object", "x-tiebreak-merge": outer, "properties": {"b": {"type": "object", "additionalProperties": {inner: value}}},
        });
        let (path, problem) = error_of(schema);
        assert_eq!(path, "/properties/b/additionalProperties/x-tiebreak-merge");
        assert!(matches!(problem, Problem::InsideOfAnother { .. }), "{problem}");
    }
    for (keyword, outer, inner) in [
        ("x-tiebreak-write", json!("owner"), json!("editor")),
        ("x-tiebreak-secret", json!(true), json!(false)),
    ] {
        let (path, problem) = error_of(json!({"type": "array", keyword: outer, "items": {keyword: inner}}));
        assert_eq!(path, format!("/items/{keyword}"));
        assert!(matches!(problem, Problem::InsideOfAnother { .. }), "{problem}");
    }
}

#[test]
fn an_object_stays_open_for_what_newer_apps_know() {
    for keyword in ["additionalProperties", "unevaluatedProperties"] {
        let closed = Problem::ClosedObject { keyword: keyword.to_owned() };
        assert_eq!(
            error_of(json!({"type": "object", keyword: false})),
            at(&format!("/{keyword}"), closed.clone())
        );
        assert_eq!(error_at_top(json!({keyword: false})), at(&format!("/{keyword}"), closed.clone()));
        assert!(closed.to_string().contains("unknown fields are kept"));
    }
    let (path, _) = error_of(json!({"anyOf": [{"additionalProperties": false}]}));
    assert_eq!(path, "/anyOf/0/additionalProperties");
}

#[test]
fn names_that_begin_with_an_at_are_the_engines() {
    let problem = Problem::ReservedName { name: "@kind".to_owned() };
    assert_eq!(error_of(json!({"properties": {"@kind": {}}})), at("/properties/@kind", problem));
}

#[test]
fn a_reference_stays_in_the_file() {
    for target in
        ["https://example.com/a.json", "other.json", "#", "#/properties/b", "#name", "#/$defs/missing"]
    {
        let (path, problem) = error_of(json!({"$ref": target}));
        assert_eq!(path, "/$ref");
        assert!(matches!(problem, Problem::RefNotLocal { .. }), "{target}: {problem}");
    }
}

#[test]
fn a_reference_ends_somewhere() {
    let recursive = |defs: Value| {
        let schema = with_top(json!({"a": {"$ref": "#/$defs/a"}}), json!({"$defs": defs}));
        let (path, problem) = error(&schema);
        assert_eq!(problem, Problem::RefRecursive { found: "#/$defs/a".to_owned() });
        path
    };
    assert_eq!(recursive(json!({"a": {"$ref": "#/$defs/a"}})), "/$defs/a/$ref");
    assert_eq!(recursive(json!({"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}})), "/$defs/b/$ref");
    let through_paths = json!({"a": {"properties": {"next": {"$ref": "#/$defs/a"}}}});
    assert_eq!(recursive(through_paths), "/$defs/a/properties/next/$ref");
    assert_eq!(recursive(json!({"a": {"not": {"$ref": "#/$defs/a"}}})), "/$defs/a/not/$ref");
}

#[test]
fn other_ways_to_name_schemas_are_not_for_kinds() {
    for keyword in ["$anchor", "$dynamicAnchor", "$dynamicRef", "$id"] {
        let problem = Problem::Unsupported { keyword: keyword.to_owned() };
        assert_eq!(error_of(json!({keyword: "name"})), at(&format!("/{keyword}"), problem));
    }
}
