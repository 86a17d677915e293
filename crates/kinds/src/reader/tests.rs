mod errors;
mod errors_of_paths;
mod paths;
mod rules;

use super::*;
use crate::error::KindError;
use serde_json::json;

/// A kind with these properties and nothing else.
fn with_properties(properties: Value) -> Value {
    json!({
        "x-tiebreak-kind": "sample",
        "x-tiebreak-version": 1,
        "type": "object",
        "properties": properties,
    })
}

/// The same, with more at the top.
fn with_top(properties: Value, more: Value) -> Value {
    let mut schema = with_properties(properties);
    let top = schema.as_object_mut().unwrap();
    top.extend(more.as_object().unwrap().clone());
    schema
}

fn kind(schema: &Value) -> Kind {
    read("sample.json", &schema.to_string()).unwrap()
}

fn errors_of_text(text: &str) -> Vec<KindError> {
    read("sample.json", text).map(|kind| kind.name).unwrap_err()
}

/// The one thing that is wrong with a schema, and where.
fn error(schema: &Value) -> (String, Problem) {
    let mut errors = errors_of_text(&schema.to_string());
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = errors.remove(0);
    (error.path, error.problem)
}

/// The one thing that is wrong with a property `a` of this schema, and where in it.
fn error_of(schema: Value) -> (String, Problem) {
    let (path, problem) = error(&with_properties(json!({"a": schema})));
    (path.strip_prefix("/properties/a").unwrap_or(&path).to_owned(), problem)
}

/// The one thing that is wrong with a kind that has this at the top.
fn error_at_top(more: Value) -> (String, Problem) {
    error(&with_top(json!({}), more))
}

fn error_of_rule(rule: Value) -> (String, Problem) {
    let (path, problem) = error(&with_top(json!({"a": {}}), json!({"x-tiebreak-rules": [rule]})));
    (path.strip_prefix("/x-tiebreak-rules/0").unwrap_or(&path).to_owned(), problem)
}

fn at(path: &str, problem: Problem) -> (String, Problem) {
    (path.to_owned(), problem)
}
