use super::*;
use serde_json::json;

fn answer(source: &str, doc: &Value) -> Option<bool> {
    Expression::compile(source, &["doc"]).unwrap().holds(&[("doc", doc)])
}

fn error(source: &str) -> String {
    Expression::compile(source, &["doc"]).unwrap_err().to_string()
}

#[test]
fn an_expression_answers_about_a_document() {
    let doc = json!({"lines": {"a": {"qty": 2}, "b": {"qty": 0}}, "tags": ["x", "y"], "age": 7, "size": 1.5});
    for (source, expected) in [
        ("size(doc.lines) <= 2", Some(true)),
        ("doc.lines.size() == 3", Some(false)),
        ("doc.lines.all(id, doc.lines[id].qty > 0)", Some(false)),
        ("doc.lines.exists(id, id == 'b' && doc.lines[id].qty == 0)", Some(true)),
        ("doc.lines.filter(id, doc.lines[id].qty > 0).size() == 1", Some(true)),
        ("doc.lines.map(id, id) == ['a', 'b']", Some(true)),
        ("has(doc.lines.a.qty) && !has(doc.lines.a.note)", Some(true)),
        ("'x' in doc.tags && 'b' in doc.lines && !('c' in doc.lines)", Some(true)),
        ("doc.tags == ['x', 'y'] && doc.tags[0].startsWith('x')", Some(true)),
        ("doc.age > 6.5 && doc.size < 2 && type(doc.age) == int", Some(true)),
        (
            "['x', 'y'] == doc.tags && doc.tags + ['z'] == ['x', 'y', 'z'] && ['z'] + doc.tags != []",
            Some(true),
        ),
        ("doc.tags.map(tag, tag) == doc.tags && doc.tags == doc.tags.map(tag, tag)", Some(true)),
        ("doc.tags != ['x'] && doc.tags != doc.lines && doc.lines != doc.tags", Some(true)),
        ("[['x', 'y']] == [doc.tags] || doc.tags in [doc.tags]", Some(true)),
        ("doc.lines == doc.lines && doc.lines.a != doc.lines.b", Some(true)),
    ] {
        assert_eq!(answer(source, &doc), expected, "{source}");
    }
}

#[test]
fn an_expression_without_an_answer_says_nothing() {
    let doc = json!({"name": "Ann", "big": i64::MAX});
    for source in
        ["doc.missing > 1", "doc.name > 1", "doc.name", "doc.big + 1 > 0", "doc.name[0] == 'A'", "1 / 0 == 1"]
    {
        assert_eq!(answer(source, &doc), None, "{source}");
    }
}

#[test]
fn loops_go_by_key_whatever_order_an_object_was_made_in() {
    let keys: Vec<_> = (0..100).map(|number| format!("k{number:03}")).collect();
    let doc = json!({"all": keys.iter().rev().map(|key| (key.clone(), json!(1))).collect::<serde_json::Map<_, _>>()});
    assert_eq!(
        answer("doc.all.map(key, key)[0] == 'k000' && doc.all.map(key, key)[99] == 'k099'", &doc),
        Some(true)
    );
}

#[test]
fn names_and_functions_that_do_not_exist_are_found_before_any_document_is() {
    assert!(error("dco.lines == 1").contains("there is no dco"));
    assert!(error("auth.account == 'x'").contains("there is no auth"));
    assert!(error("now() > 1").contains("no function now"));
    assert!(error("doc.lines.all(id, key == 1)").contains("there is no key"));
    assert!(error("doc.lines == {}").contains("objects cannot be written"));
    assert!(error("doc.a ==").contains("does not compile"));
    assert!(error("").contains("does not compile"));
}

#[test]
fn two_loops_may_nest_and_three_may_not() {
    let two = "doc.a.all(x, doc.b.all(y, x != y))";
    assert_eq!(answer(two, &json!({"a": [1, 2], "b": [3]})), Some(true));
    let three = "doc.a.all(x, doc.b.all(y, doc.c.all(z, x != y)))";
    assert_eq!(Expression::compile(three, &["doc"]).unwrap_err(), Problem::ExpressionLoops);
    let side_by_side = "doc.a.all(x, x > 0) && doc.a.all(x, x > 0) && doc.a.all(x, x > 0)";
    assert_eq!(answer(side_by_side, &json!({"a": [1]})), Some(true));
}

#[test]
fn an_expression_has_a_size() {
    let longest = format!("doc.a == '{}'", "x".repeat(MAX_EXPRESSION_BYTES - 11));
    assert_eq!(answer(&longest, &json!({"a": "y"})), Some(false));
    let too_long = format!("{longest} ");
    assert_eq!(
        Expression::compile(&too_long, &["doc"]).unwrap_err(),
        Problem::ExpressionTooLong { bytes: MAX_EXPRESSION_BYTES + 1 }
    );
}

#[test]
fn an_expression_of_nothing_but_operators_is_refused_without_a_crash() {
    for part in ["(", "[", "!", "-", "a.", "1+", "1?1:", "f(", "{", "1 in ", "\"", "\\", "a?.", "`"] {
        let source = part.repeat(MAX_EXPRESSION_BYTES / part.len());
        assert!(Expression::compile(&source, &["doc"]).is_err(), "{part}");
        let shorter = part.repeat(MAX_EXPRESSION_PARTS / part.len());
        assert!(Expression::compile(&shorter, &["doc"]).is_err(), "{part}");
    }
}

#[test]
fn the_widest_expression_that_is_read_is_also_worked_out() {
    let widest = format!("1{} > 0", "+1".repeat(MAX_EXPRESSION_PARTS - 1));
    assert_eq!(answer(&widest, &json!({})), Some(true));
    let deepest = format!(
        "{}true{}",
        "(".repeat(usize::from(MAX_EXPRESSION_DEPTH) - 1),
        ")".repeat(usize::from(MAX_EXPRESSION_DEPTH) - 1)
    );
    assert_eq!(answer(&deepest, &json!({})), Some(true));
}

#[test]
fn an_expression_looks_at_so_many_values_and_has_no_answer_about_more() {
    let (few, many) = (json!(vec![1; 100]), json!(vec![1; 2_000]));
    let object: serde_json::Map<_, _> = (0..2_000).map(|key| (format!("k{key}"), json!(1))).collect();
    let long = "x".repeat(100_000);
    for (source, doc) in [
        ("doc.a.all(x, doc.b.all(y, x == y))", json!({"a": many, "b": many})),
        ("doc.a.all(x, !(2 in doc.b))", json!({"a": many, "b": many})),
        ("doc.a.all(x, doc.b == doc.b)", json!({"a": many, "b": many})),
        ("doc.a.all(x, doc.b == doc.b)", json!({"a": many, "b": object})),
        ("doc.a.all(x, doc.b.all(key, key != 'k'))", json!({"a": many, "b": object})),
        ("doc.a.all(x, !doc.b.contains('y'))", json!({"a": vec![1; 20_000], "b": long})),
        // Yes is no answer either where the rest was not looked at.
        ("true || doc.a.all(x, doc.b.all(y, x == y))", json!({"a": few, "b": few})),
        ("doc.a.exists(x, doc.b.exists(y, x != y)) || true", json!({"a": many, "b": many})),
    ] {
        let expected = source.starts_with("true").then_some(true);
        assert_eq!(answer(source, &doc), expected, "{source}");
    }
    assert_eq!(answer("doc.a.all(x, doc.b.all(y, x == y))", &json!({"a": few, "b": few})), Some(true));
    let lines: serde_json::Map<_, _> =
        (0..100_000).map(|line| (format!("{line}"), json!({"qty": 1}))).collect();
    assert_eq!(answer("doc.lines.all(id, has(doc.lines[id].qty))", &json!({"lines": lines})), Some(true));
}
