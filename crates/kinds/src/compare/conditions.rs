//! Whether the limits on one path take fewer values than they did.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

type Conditions = BTreeMap<String, Value>;

/// Limits from above: lower is narrower.
const UPPER: &[&str] =
    &["exclusiveMaximum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum"];
/// Limits from below: higher is narrower.
const LOWER: &[&str] =
    &["exclusiveMinimum", "minContains", "minItems", "minLength", "minProperties", "minimum"];

/// What is narrower, in words. Where that cannot be told, a limit that is another counts as narrower.
pub(super) fn narrowed(old: &Conditions, new: &Conditions) -> Vec<String> {
    let mut all = Vec::new();
    for (keyword, new) in new {
        let Some(old) = old.get(keyword) else {
            all.push(format!("{keyword} is new"));
            continue;
        };
        let narrower = match keyword.as_str() {
            upper if UPPER.contains(&upper) => number(new) < number(old),
            lower if LOWER.contains(&lower) => number(new) > number(old),
            "enum" => !members(old).is_subset(&members(new)),
            "required" => !members(new).is_subset(&members(old)),
            "uniqueItems" => new == &Value::Bool(true) && old != new,
            _ => old != new,
        };
        if narrower {
            all.push(format!("{keyword} is narrower"));
        }
    }
    all
}

fn number(limit: &Value) -> f64 {
    limit.as_f64().unwrap_or(f64::NAN)
}

/// The members of a list, as texts: JSON values have no order of their own.
fn members(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(Value::to_string).collect()
}
