//! `tiebreak doc history`.

use super::path_of;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use serde_json::{Value, json};
use tiebreak_protocol::DocumentId;

const PAGE: usize = 200;

/// Digits of hashes and actors that people need to tell them apart.
const SHORT: usize = 8;

#[derive(Debug, Args)]
pub(in crate::cli) struct History {
    document: DocumentId,
    /// Most changes to print, from the newest back
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl History {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let (mut items, mut total, mut cursor) = (Vec::new(), Value::Null, String::new());
        while items.len() < self.limit {
            let limit = (self.limit - items.len()).min(PAGE);
            let path = format!("{}/history?limit={limit}{cursor}", path_of(self.document));
            let mut page = client.get(&path).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            total = page.get("total").cloned().unwrap_or_default();
            match page.get("next").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if self.json {
            return output::json(&json!({ "items": items, "total": total }));
        }
        items.iter().try_for_each(print)?;
        output::line(&format!("{} of {total} changes", items.len()))
    }
}

fn print(item: &Value) -> anyhow::Result<()> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or("-");
    let short = |name: &str| text(name).chars().take(SHORT).collect::<String>();
    let number = |name: &str| item.get(name).and_then(Value::as_u64).unwrap_or_default();
    let message =
        item.get("message").and_then(Value::as_str).map(|message| format!("  {message}")).unwrap_or_default();
    let (hash, actor, seq) = (short("hash"), short("actor"), number("seq"));
    output::line(&format!("{hash}  {}  by {actor} (its change {seq}){message}", text("time")))?;
    for touched in item.get("touched").and_then(Value::as_array).into_iter().flatten() {
        output::line(&format!("    {}", describe(touched)))?;
    }
    match number("operations_left_out") {
        0 => Ok(()),
        left_out => output::line(&format!("    … and {left_out} operations more")),
    }
}

fn describe(touched: &Value) -> String {
    let steps = touched.get("path").and_then(Value::as_array).into_iter().flatten().map(|step| match step {
        Value::String(key) => key.clone(),
        Value::Null => "(removed)".to_owned(),
        position @ (Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            position.to_string()
        }
    });
    let path = steps.collect::<Vec<_>>().join("/");
    let made = touched.get("made").and_then(Value::as_str).map(|made| format!(" {made}")).unwrap_or_default();
    let written = touched.get("value").or_else(|| touched.get("text"));
    let written = written.map(|value| format!(" {value}")).unwrap_or_default();
    let action = touched.get("action").and_then(Value::as_str).unwrap_or_default();
    match touched.get("operations").and_then(Value::as_u64) {
        Some(operations) if operations > 1 => {
            format!("{path}: {action}{made}{written} ({operations} operations)")
        }
        Some(_) | None => format!("{path}: {action}{made}{written}"),
    }
}
