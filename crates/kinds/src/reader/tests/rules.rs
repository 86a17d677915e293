//! What documents may break.

use super::*;
use crate::rule::BrokenRule;

fn broken(kind: &Kind, doc: Value) -> Vec<(String, String)> {
    kind.broken_rules(&doc).into_iter().map(|BrokenRule { path, name, .. }| (path, name)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect()
}

fn with_rule(rule: Value) -> Kind {
    let properties = json!({"start": {"type": "integer"}, "end": {"type": "integer"}});
    kind(&with_top(properties, json!({"x-tiebreak-rules": [rule]})))
}

#[test]
fn a_rule_is_broken_where_its_expression_is_false() {
    let kind = with_rule(json!({
        "name": "in_order", "rule": "doc.start <= doc.end", "message": "It ends after it starts.",
        "on": ["end", "start"], "refuse": true,
    }));
    let expected = BrokenRule {
        path: "/end".to_owned(),
        name: "in_order".to_owned(),
        message: "It ends after it starts.".to_owned(),
        refuse: true,
    };
    assert_eq!(kind.broken_rules(&json!({"start": 3, "end": 2})), [expected]);
    assert_eq!(kind.broken_rules(&json!({"start": 2, "end": 2})), []);
}

#[test]
fn a_rule_waits_until_all_it_is_about_stands() {
    let kind = with_rule(json!({
        "name": "in_order", "rule": "doc.start <= doc.end", "message": "In order.", "on": ["start", "end"],
    }));
    assert_eq!(broken(&kind, json!({})), []);
    assert_eq!(broken(&kind, json!({"start": 3})), []);
    assert_eq!(
        broken(&kind, json!({"start": 3, "end": "soon"})),
        pairs(&[("/end", "type"), ("/start", "in_order")])
    );
}

#[test]
fn a_rule_without_an_answer_is_broken() {
    let kind = with_rule(json!({"name": "always", "rule": "doc.start > 0", "message": "Starts."}));
    assert_eq!(broken(&kind, json!({})), pairs(&[("", "always")]));
    assert!(!kind.rules()[0].refuses());
}

#[test]
fn soft_limits_are_named_in_the_order_of_their_paths() {
    let kind = kind(&with_top(
        json!({
            "b": {"type": "string", "maxLength": 2, "pattern": "^[a-z]+$"},
            "a": {"type": "array", "maxItems": 1, "uniqueItems": true},
            "c": {"enum": [1, 2]},
            "d": {"type": "string", "format": "date"},
        }),
        json!({"required": ["e"]}),
    ));
    assert_eq!(
        broken(&kind, json!({"b": "ABC", "a": [1, 1], "c": 3, "d": "soon"})),
        pairs(&[
            ("", "required"),
            ("/a", "maxItems"),
            ("/a", "uniqueItems"),
            ("/b", "maxLength"),
            ("/b", "pattern"),
            ("/c", "enum"),
            ("/d", "format"),
        ])
    );
    assert_eq!(broken(&kind, json!({"b": "ab", "a": [1], "c": 1, "d": "2026-02-28", "e": 0})), []);
}

#[test]
fn what_the_engine_writes_at_the_root_breaks_nothing() {
    let kind = kind(&with_top(json!({}), json!({"additionalProperties": {"type": "integer"}})));
    assert_eq!(broken(&kind, json!({"@kind": "sample", "a": 1})), []);
    assert_eq!(broken(&kind, json!({"@kind": "sample", "a": "x"})), pairs(&[("/a", "type")]));
}

#[test]
fn no_message_quotes_a_value() {
    let conditions = json!({
        "maxLength": 1, "minLength": 90, "pattern": "^x$", "format": "date", "const": 1, "enum": [1, 2],
        "type": "integer", "not": {"type": "string"}, "anyOf": [{"type": "null"}],
        "oneOf": [{"type": "null"}], "allOf": [{"type": "boolean"}],
    });
    let kind = kind(&with_properties(json!({
        "pin": conditions,
        "pins": {"type": "array", "maxItems": 1, "uniqueItems": true, "contains": {"type": "null"}},
        "object": {"propertyNames": {"maxLength": 1}, "maxProperties": 0},
    })));
    let secret = "secret 4711";
    let broken =
        kind.broken_rules(&json!({"pin": secret, "pins": [secret, secret], "object": {secret: secret}}));
    assert!(broken.len() > 10, "{broken:?}");
    assert!(broken.iter().all(|rule| !rule.message.contains("4711")), "{broken:?}");
}

#[test]
fn only_so_many_broken_rules_are_named() {
    let kind = kind(&with_properties(json!({"a": {"items": {"type": "integer"}}})));
    let doc = json!({"a": vec!["x"; crate::limits::MAX_BROKEN_RULES + 1]});
    assert_eq!(kind.broken_rules(&doc).len(), crate::limits::MAX_BROKEN_RULES);
}

#[test]
fn a_guard_narrows_and_denies_what_it_cannot_answer() {
    let guard = "auth.role == 'owner' || !doc.closed";
    let guarded = kind(&with_top(json!({}), json!({"x-tiebreak-allow": guard})));
    assert!(guarded.allows(&json!({"role": "owner"}), &json!({"closed": true})));
    assert!(guarded.allows(&json!({"role": "editor"}), &json!({"closed": false})));
    assert!(!guarded.allows(&json!({"role": "editor"}), &json!({"closed": true})));
    assert!(!guarded.allows(&json!({"role": "editor"}), &json!({})));
    assert!(!guarded.allows(&json!({}), &json!({"closed": "yes"})));
    assert!(kind(&with_properties(json!({}))).allows(&json!({}), &json!({})));
}

#[test]
fn a_pattern_takes_no_longer_for_a_longer_puzzle() {
    let puzzle = kind(&with_properties(json!({"a": {"type": "string", "pattern": "^(a+)+$"}})));
    assert_eq!(
        broken(&puzzle, json!({"a": format!("{}!", "a".repeat(100_000))})),
        pairs(&[("/a", "pattern")])
    );
    let (_, problem) = error(&with_properties(json!({"a": {"type": "string", "pattern": "(a)\\1"}})));
    assert!(matches!(problem, Problem::NotSchema { .. }), "{problem}");
}
