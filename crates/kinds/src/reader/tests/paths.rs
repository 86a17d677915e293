//! What a sound file says about its paths.

use super::*;
use crate::node::Node;
use crate::words::{Merge, Remove, Resolver, Type, Write};

fn at<'a>(kind: &'a Kind, path: &str) -> &'a Node {
    path.split('/').fold(kind.root(), Node::child)
}

#[test]
fn what_is_not_declared_is_flagged_and_kept_and_takes_anything() {
    let kind = kind(&with_properties(json!({"name": {"type": "string"}})));
    let unknown = at(&kind, "other/deeper");
    assert_eq!((unknown.merge(), unknown.types()), (Merge::Flag, &[][..]));
    assert!(!unknown.is_declared() && at(&kind, "name").is_declared());
    assert_eq!(at(&kind, "name").element().merge(), Merge::Flag);
}

#[test]
fn a_path_without_a_mode_merges_as_its_type_does() {
    let kind = kind(&with_properties(json!({
        "scalar": {"type": "integer"},
        "object": {"type": "object"},
        "array": {"type": ["array", "null"]},
        "either": {"type": ["string", "object"]},
        "anything": true,
        "untyped": {"properties": {"a": {}}},
    })));
    let merges: Vec<_> =
        ["scalar", "object", "array", "either", "anything", "untyped"].map(|it| at(&kind, it).merge()).into();
    assert_eq!(merges, [Merge::Flag, Merge::Map, Merge::List, Merge::Flag, Merge::Flag, Merge::Map]);
    assert_eq!(kind.root().merge(), Merge::Map);
}

#[test]
fn a_path_says_how_it_merges_and_who_writes_it() {
    let kind = kind(&with_properties(json!({
        "price": {
            "title": "Price", "type": ["integer", "null"], "x-tiebreak-remove": "loses",
            "x-tiebreak-write": "owner", "x-tiebreak-secret": true, "x-tiebreak-resolve": "largest",
        },
        "plain": {"type": "string"},
    })));
    let price = at(&kind, "price");
    assert_eq!((price.remove(), price.write()), (Remove::Loses, Write::Owner));
    assert_eq!((price.resolver(), price.title()), (Some(Resolver::Largest), Some("Price")));
    assert_eq!(price.types(), [Type::Integer, Type::Null]);
    assert!(price.is_secret());
    let plain = at(&kind, "plain");
    assert_eq!((plain.remove(), plain.write(), plain.resolver()), (Remove::Flag, Write::Editor, None));
    assert!(!plain.is_secret());
}

#[test]
fn any_key_follows_what_is_declared_for_every_key_unless_it_is_named() {
    let kind = kind(&with_properties(json!({"lines": {
        "type": "object",
        "properties": {"total": {"type": "integer", "x-tiebreak-merge": "max"}},
        "additionalProperties": {
            "type": "object",
            "properties": {"qty": {"type": "integer", "x-tiebreak-merge": "counter"}},
        },
    }})));
    assert_eq!(at(&kind, "lines/sku-1/qty").merge(), Merge::Counter);
    assert_eq!(at(&kind, "lines/total").merge(), Merge::Max);
    assert_eq!(at(&kind, "lines/total/qty").merge(), Merge::Flag);
}

#[test]
fn elements_of_an_array_have_a_path_of_their_own() {
    let kind = kind(&with_properties(json!({"steps": {
        "type": "array", "items": {"properties": {"text": {"type": "string", "x-tiebreak-merge": "text"}}},
    }})));
    assert_eq!(at(&kind, "steps").element().child("text").merge(), Merge::Text);
}

#[test]
fn what_is_inside_follows_what_it_is_inside_of() {
    let kind = kind(&with_properties(json!({
        "order": {"type": "object", "x-tiebreak-merge": "server", "properties": {"total": {"type": "integer"}}},
        "seat": {"type": "object", "x-tiebreak-merge": "lww", "properties": {"row": {"type": "object"}}},
        "tags": {"type": "array", "x-tiebreak-merge": "union"},
        "safe": {
            "type": "object", "x-tiebreak-secret": true, "x-tiebreak-write": "owner",
            "properties": {"pin": {"type": "string"}},
        },
    })));
    assert_eq!(at(&kind, "order/total").merge(), Merge::Server);
    assert_eq!(at(&kind, "order/anything/below").merge(), Merge::Server);
    assert_eq!(at(&kind, "seat/row/number").merge(), Merge::Lww);
    assert_eq!(at(&kind, "tags").element().merge(), Merge::Lww);
    for path in ["safe/pin", "safe/other", "safe/other/deeper"] {
        let node = at(&kind, path);
        assert!(node.is_secret() && node.write() == Write::Owner && node.merge() == Merge::Flag, "{path}");
    }
}

#[test]
fn a_path_knows_whether_the_server_writes_below_it() {
    let kind = kind(&with_properties(json!({
        "a": {"type": "object", "additionalProperties": {"properties": {"b": {"x-tiebreak-merge": "server"}}}},
        "list": {"type": "array", "items": {"properties": {"c": {"x-tiebreak-merge": "server"}}}},
        "d": {"type": "object", "properties": {"e": {}}},
    })));
    assert!(kind.root().holds_server_paths());
    assert!(at(&kind, "a").holds_server_paths() && at(&kind, "a/x").holds_server_paths());
    assert!(at(&kind, "list").holds_server_paths());
    assert!(!at(&kind, "d").holds_server_paths());
    assert!(!at(&kind, "a/x/b").holds_server_paths(), "it is one itself, and nothing is below it");
}

#[test]
fn a_path_knows_whether_owners_write_below_it() {
    let kind = kind(&with_properties(json!({
        "a": {"type": "object", "additionalProperties": {"properties": {"b": {"x-tiebreak-write": "owner"}}}},
        "list": {"type": "array", "items": {"properties": {"c": {"x-tiebreak-write": "owner"}}}},
        "d": {"type": "object", "properties": {"e": {}}},
    })));
    assert!(kind.root().holds_owner_paths());
    assert!(at(&kind, "a").holds_owner_paths() && at(&kind, "a/x").holds_owner_paths());
    assert!(at(&kind, "list").holds_owner_paths());
    assert!(!at(&kind, "d").holds_owner_paths());
    assert!(!at(&kind, "a/x/b").holds_owner_paths(), "it is one itself, and nothing is below it");
}

#[test]
fn a_reference_brings_in_what_it_leads_to_and_what_stands_beside_it_goes_first() {
    let schema = with_top(
        json!({
            "home": {"$ref": "#/$defs/address", "title": "Home"},
            "work": {"$ref": "#/$defs/address", "x-tiebreak-merge": "lww"},
        }),
        json!({"$defs": {
            "address": {"title": "Address", "type": "object", "properties": {"city": {"$ref": "#/$defs/city"}}},
            "city": {"type": "string", "x-tiebreak-resolve": "newest"},
        }, "$id": "tiebreak:kind/sample"}),
    );
    // Inside of what merges as one value, nothing is decided by itself.
    let (path, problem) = error(&schema);
    assert_eq!(path, "/$defs/city/x-tiebreak-resolve");
    assert!(matches!(problem, Problem::NoEffect { merge: Merge::Lww, .. }), "{problem}");

    let mut schema = schema;
    schema["properties"]["work"]["x-tiebreak-merge"] = json!("flag");
    let kind = kind(&schema);
    assert_eq!(at(&kind, "home").title(), Some("Home"));
    assert_eq!(at(&kind, "work").title(), Some("Address"));
    assert_eq!(at(&kind, "home/city").resolver(), Some(Resolver::Newest));
    assert_eq!((at(&kind, "home").merge(), at(&kind, "work").merge()), (Merge::Map, Merge::Flag));
}

#[test]
fn a_kind_says_its_name_its_version_and_whom_to_tell() {
    let kind = kind(&with_top(json!({}), json!({"title": "Sample", "x-tiebreak-tell": ["owner", "editor"]})));
    assert_eq!((kind.name(), kind.version(), kind.title()), ("sample", 1, "Sample"));
    assert_eq!(kind.tell(), [Role::Owner, Role::Editor]);
    assert_eq!(kind.schema()["x-tiebreak-kind"], "sample");
}

#[test]
fn paths_may_be_as_deep_as_the_limit_and_no_deeper() {
    let nested = |levels: usize| {
        let defs: Map<String, Value> = (1..levels)
            .map(|level| {
                (
                    format!("d{level}"),
                    json!({"properties": {"a": {"$ref": format!("#/$defs/d{}", level + 1)}}}),
                )
            })
            .chain([(format!("d{levels}"), json!({"type": "string"}))])
            .collect();
        with_top(json!({"a": {"$ref": "#/$defs/d1"}}), json!({"$defs": defs}))
    };
    let kind = kind(&nested(crate::limits::MAX_DEPTH));
    assert_eq!(at(&kind, &vec!["a"; crate::limits::MAX_DEPTH].join("/")).types(), [Type::String]);
    let (_, problem) = error(&nested(crate::limits::MAX_DEPTH + 1));
    assert_eq!(problem, Problem::TooDeep);
}
