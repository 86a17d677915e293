//! `tiebreak doc list`.

use super::Source;
use crate::cli::client::Client;
use crate::cli::output;
use clap::Args;
use serde_json::{Value, json};
use tiebreak_protocol::DocumentId;

const PAGE: usize = 1000;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Most documents to list; all if left out
    #[arg(long)]
    limit: Option<usize>,
    /// Begin after this document
    #[arg(long, value_name = "ID")]
    after: Option<DocumentId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl List {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let (mut items, mut after) = (Vec::new(), self.after.map(|after| after.to_string()));
        loop {
            let limit = self.limit.map_or(PAGE, |limit| limit.saturating_sub(items.len()).min(PAGE));
            if limit == 0 {
                break;
            }
            let after_query = after.map(|after| format!("&after={after}")).unwrap_or_default();
            let mut page = client.get(&format!("/v1/documents?limit={limit}{after_query}")).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() {
                break;
            }
        }
        if self.json {
            return output::json(&json!({ "items": items, "next": after }));
        }
        let rows: Vec<_> = items.iter().map(row).collect();
        output::table(&["DOCUMENT", "CHANGES", "BYTES", "UPDATED"], &rows)
    }
}

fn row(item: &Value) -> Vec<String> {
    let cell = |name: &str| match item.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => "-".to_owned(),
    };
    vec![cell("id"), cell("changes"), cell("bytes"), cell("updated_at")]
}
