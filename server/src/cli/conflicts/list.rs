//! `tiebreak conflicts list`.

use super::{candidates, shown};
use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use serde_json::Value;
use tiebreak_protocol::{ConflictState, DocumentId};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only those of this document
    #[arg(long)]
    document: Option<DocumentId>,
    /// Only those that are open, settled or overtaken
    #[arg(long)]
    state: Option<ConflictState>,
    /// Most conflicts to list
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=100))]
    limit: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl List {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let mut path = format!("/v1/conflicts?limit={}", self.limit);
        if let Some(document) = self.document {
            path.push_str(&format!("&document={document}"));
        }
        if let Some(state) = self.state {
            path.push_str(&format!("&state={state}"));
        }
        let list = client.get(&path).await?;
        if self.json {
            return output::json(&list);
        }
        let items = list.get("items").and_then(Value::as_array).into_iter().flatten();
        let row = |conflict: &Value| {
            let mut row = output::row(conflict, &["id", "state", "document", "label"]);
            row.push(candidates(conflict).map(shown).collect::<Vec<_>>().join(" | "));
            row
        };
        let rows: Vec<_> = items.map(row).collect();
        output::table(&["CONFLICT", "STATE", "DOCUMENT", "PLACE", "CANDIDATES"], &rows)
    }
}
