//! What can be wrong with a file as a whole, and with its rules: one test each.

use super::*;
use crate::limits;

#[test]
fn a_file_has_a_size() {
    let sound = with_properties(json!({})).to_string();
    let padded = |bytes: usize| format!("{sound}{}", " ".repeat(bytes - sound.len()));
    assert!(read("a.json", &padded(limits::MAX_FILE_BYTES)).is_ok());
    let bytes = limits::MAX_FILE_BYTES + 1;
    assert_eq!(errors_of_text(&padded(bytes))[0].problem, Problem::FileTooLarge { bytes });
}

#[test]
fn a_file_is_json() {
    for text in ["", "{", "title: Profile", "{} {}", "// no\n{}"] {
        assert!(matches!(errors_of_text(text)[0].problem, Problem::NotJson { .. }), "{text}");
    }
}

#[test]
fn a_key_stands_once() {
    let problem = &errors_of_text("{\"type\": \"object\", \"type\": \"string\"}")[0].problem;
    assert!(matches!(problem, Problem::DuplicateKey { error } if error.contains("\"type\"")), "{problem}");
}

#[test]
fn a_file_does_not_nest_too_deep() {
    let deep = limits::MAX_JSON_DEPTH + 1;
    assert_eq!(
        errors_of_text(&format!("{}{}", "[".repeat(deep), "]".repeat(deep)))[0].problem,
        Problem::TooDeep
    );
}

#[test]
fn a_file_is_json_schema_and_every_place_where_it_is_not_is_named() {
    let errors =
        errors_of_text(&with_properties(json!({"a": {"maxLength": -1}, "b": {"type": "text"}})).to_string());
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["/properties/a/maxLength", "/properties/b/type"]);
    assert!(errors.iter().all(|error| matches!(error.problem, Problem::NotSchema { .. })), "{errors:?}");
}

#[test]
fn a_format_is_one_that_is_known() {
    let (_, problem) = error_of(json!({"type": "string", "format": "shoe-size"}));
    assert!(matches!(&problem, Problem::NotSchema { error } if error.contains("shoe-size")), "{problem}");
}

#[test]
fn a_file_is_written_in_the_dialect_of_2020() {
    let (path, problem) = error_at_top(json!({"$schema": "http://json-schema.org/draft-07/schema#"}));
    assert_eq!(path, "/$schema");
    assert!(matches!(problem, Problem::OtherDialect { .. }), "{problem}");
    assert!(problem.mend().contains(DIALECT));
}

#[test]
fn a_kind_has_a_name_and_a_version() {
    let errors = errors_of_text("{\"type\": \"object\"}");
    let missing: Vec<_> = errors.into_iter().map(|error| error.problem).collect();
    assert_eq!(
        missing,
        [
            Problem::MissingKeyword { keyword: "x-tiebreak-kind" },
            Problem::MissingKeyword { keyword: "x-tiebreak-version" },
        ]
    );
}

#[test]
fn a_name_is_short_and_plain() {
    for name in ["a", "a-b_9", &"a".repeat(64)] {
        assert!(keywords::is_name(name), "{name}");
    }
    for name in ["", "A", "9a", "_a", "a b", "ä", "a/b", &"a".repeat(65)] {
        let problem = Problem::WrongName { name: name.to_owned() };
        assert_eq!(error_at_top(json!({"x-tiebreak-kind": name})), at("/x-tiebreak-kind", problem));
    }
}

#[test]
fn a_keyword_holds_what_it_can_hold() {
    for (keyword, value) in [
        ("x-tiebreak-kind", json!(1)),
        ("x-tiebreak-version", json!(0)),
        ("x-tiebreak-version", json!("1")),
        ("x-tiebreak-version", json!(4_294_967_296_u64)),
        ("x-tiebreak-tell", json!("owner")),
        ("x-tiebreak-tell", json!(["admin"])),
        ("x-tiebreak-rules", json!({})),
        ("x-tiebreak-allow", json!(true)),
    ] {
        let (path, problem) = error_at_top(json!({keyword: value}));
        assert_eq!(path, format!("/{keyword}"));
        assert!(matches!(problem, Problem::WrongValue { .. }), "{problem}");
    }
    for (keyword, value) in [
        ("x-tiebreak-merge", json!("crdt")),
        ("x-tiebreak-merge", json!(["flag"])),
        ("x-tiebreak-remove", json!("keeps")),
        ("x-tiebreak-write", json!("viewer")),
        ("x-tiebreak-secret", json!("yes")),
        ("x-tiebreak-resolve", json!("oldest")),
    ] {
        let (path, problem) = error_of(json!({keyword: value}));
        assert_eq!(path, format!("/{keyword}"));
        assert!(matches!(problem, Problem::WrongValue { .. }), "{problem}");
    }
}

#[test]
fn a_keyword_of_ours_is_one_that_exists() {
    let unknown = |keyword: &str| Problem::UnknownKeyword { keyword: keyword.to_owned() };
    assert_eq!(
        error_at_top(json!({"x-tiebreak-name": 1})),
        at("/x-tiebreak-name", unknown("x-tiebreak-name"))
    );
    assert_eq!(
        error_of(json!({"x-tiebreak-merges": "lww"})),
        at("/x-tiebreak-merges", unknown("x-tiebreak-merges"))
    );
    let in_condition = json!({"anyOf": [{}, {"x-tiebreak-merges": "lww"}]});
    assert_eq!(error_of(in_condition), at("/anyOf/1/x-tiebreak-merges", unknown("x-tiebreak-merges")));
}

#[test]
fn a_document_is_an_object() {
    for more in [json!({"type": "array"}), json!({"type": ["object", "null"]})] {
        assert_eq!(error_at_top(more), at("", Problem::RootNotObject));
    }
    assert_eq!(errors_of_text("[]")[0].problem, Problem::RootNotObject);
    assert_eq!(errors_of_text("true")[0].problem, Problem::RootNotObject);
}

#[test]
fn an_expression_is_checked_when_the_file_is_read() {
    let guard = |source: &str| error_at_top(json!({"x-tiebreak-allow": source}));
    let (path, problem) = guard("doc.a ==");
    assert_eq!(path, "/x-tiebreak-allow");
    assert!(matches!(problem, Problem::ExpressionInvalid { .. }), "{problem}");
    let bytes = limits::MAX_EXPRESSION_BYTES + 1;
    assert_eq!(guard(&" ".repeat(bytes)).1, Problem::ExpressionTooLong { bytes });
    assert_eq!(guard(&"!".repeat(limits::MAX_EXPRESSION_PARTS + 1)).1, Problem::ExpressionTooManyParts);
    let loops = "doc.a.all(x, doc.a.all(y, doc.a.all(z, true)))";
    assert_eq!(guard(loops).1, Problem::ExpressionLoops);
    let (path, problem) = error_of_rule(json!({"name": "a", "rule": "auth.role == 'owner'", "message": "m"}));
    assert_eq!(path, "/rule");
    assert!(
        matches!(problem, Problem::ExpressionInvalid { .. }),
        "rules are about documents, not people: {problem}"
    );
}

#[test]
fn a_rule_says_what_it_is_and_what_it_is_about() {
    let sound = json!({"name": "a", "rule": "true", "message": "m", "on": ["a"], "refuse": true});
    let with = |field: &str, value: Value| {
        let mut rule = sound.clone();
        rule[field] = value;
        error_of_rule(rule)
    };
    for (field, value) in [
        ("name", json!(1)),
        ("rule", json!(true)),
        ("message", json!("")),
        ("on", json!("a")),
        ("refuse", json!("yes")),
        ("when", json!("always")),
    ] {
        let (path, problem) = with(field, value);
        assert_eq!(path, format!("/{field}"));
        assert!(matches!(problem, Problem::WrongValue { .. }), "{problem}");
    }
    assert_eq!(with("name", json!("A b")), at("/name", Problem::WrongName { name: "A b".to_owned() }));
    assert_eq!(with("on", json!(["b"])), at("/on", Problem::UndeclaredPath { path: "b".to_owned() }));
    assert!(matches!(error_of_rule(json!("true")).1, Problem::WrongValue { .. }));
}

#[test]
fn a_kind_has_so_many_rules_and_each_has_its_own_name() {
    let rules = |count: usize| -> Vec<Value> {
        (0..count).map(|rule| json!({"name": format!("r{rule}"), "rule": "true", "message": "m"})).collect()
    };
    assert_eq!(
        kind(&with_top(json!({}), json!({"x-tiebreak-rules": rules(limits::MAX_RULES)}))).rules().len(),
        100
    );
    let (path, problem) = error_at_top(json!({"x-tiebreak-rules": rules(limits::MAX_RULES + 1)}));
    assert_eq!((path.as_str(), problem), ("/x-tiebreak-rules", Problem::TooManyRules));
    let twice = [rules(1), rules(1)].concat();
    let problem = Problem::RuleNameTwice { name: "r0".to_owned() };
    assert_eq!(error_at_top(json!({"x-tiebreak-rules": twice})), at("/x-tiebreak-rules/1/name", problem));
}

#[test]
fn everything_wrong_in_one_file_is_named_with_what_to_do_about_it() {
    let schema = with_top(
        json!({"a": {"type": "string", "x-tiebreak-merge": "counter"}, "@b": {}}),
        json!({"x-tiebreak-tell": 1, "x-tiebreak-allow": "maybe"}),
    );
    let errors = errors_of_text(&schema.to_string());
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        ["/properties/@b", "/properties/a/x-tiebreak-merge", "/x-tiebreak-allow", "/x-tiebreak-tell"]
    );
    assert_eq!(
        errors[1].to_string(),
        "sample.json at /properties/a/x-tiebreak-merge: x-tiebreak-merge: counter does not fit values of type \
         string; declare \"type\" as \"integer\", or choose another mode"
    );
}

#[test]
fn what_several_paths_refer_to_is_wrong_once_and_no_file_has_more_errors_than_a_person_reads() {
    let refs: Map<String, Value> =
        (0..300).map(|path| (format!("p{path}"), json!({"$ref": "#/$defs/a"}))).collect();
    let schema = with_top(Value::Object(refs), json!({"$defs": {"a": {"x-tiebreak-merge": "nothing"}}}));
    assert_eq!(error(&schema).0, "/$defs/a/x-tiebreak-merge");
    let wrong: Map<String, Value> =
        (0..300).map(|path| (format!("p{path}"), json!({"x-tiebreak-merge": "nothing"}))).collect();
    assert_eq!(errors_of_text(&with_properties(Value::Object(wrong)).to_string()).len(), limits::MAX_ERRORS);
}
