//! Lists that come in pages.

use super::Client;
use serde_json::{Value, json};

const PAGE: usize = 1000;

/// As much of a list as was asked for.
#[derive(Debug, Default)]
pub(in crate::cli) struct List {
    pub(in crate::cli) items: Vec<Value>,
    /// After what the rest begins; null when there is none.
    next: Value,
}

impl List {
    pub(in crate::cli) fn to_json(&self) -> Value {
        json!({ "items": self.items, "next": self.next })
    }
}

/// Where in a list to begin and end.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Range {
    pub(in crate::cli) after: Option<String>,
    /// `None`: to its end.
    pub(in crate::cli) limit: Option<usize>,
}

impl Client {
    /// Fetches a list page by page.
    pub(in crate::cli) async fn list(&self, path: &str, range: Range) -> anyhow::Result<List> {
        let mut list = List { items: Vec::new(), next: range.after.map_or(Value::Null, Value::String) };
        loop {
            let limit = range.limit.map_or(PAGE, |limit| limit.saturating_sub(list.items.len()).min(PAGE));
            if limit == 0 {
                return Ok(list);
            }
            let after = match &list.next {
                Value::Null => String::new(),
                Value::String(text) => format!("&after={text}"),
                other @ (Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                    format!("&after={other}")
                }
            };
            let mut page = self.get(&format!("{path}?limit={limit}{after}")).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                list.items.extend(more);
            }
            list.next = page.get_mut("next").map(Value::take).unwrap_or_default();
            if list.next.is_null() {
                return Ok(list);
            }
        }
    }
}
