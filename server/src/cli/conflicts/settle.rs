//! `tiebreak conflicts settle`.

use super::sheet;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use axum::http::Method;
use clap::Args;
use serde_json::{Value, json};
use tiebreak_protocol::ConflictId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Settle {
    /// As in `cnf_…`
    conflict: ConflictId,
    #[command(flatten)]
    choice: Choice,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Choice {
    /// The candidate with this id
    #[arg(long, value_name = "ID")]
    candidate: Option<String>,
    /// Something else, as JSON: a text in double quotes
    #[arg(long, value_name = "JSON", value_parser = json_value)]
    value: Option<Value>,
    /// Keep what one side removes
    #[arg(long)]
    keep: bool,
    /// Remove what the other side edits
    #[arg(long)]
    remove: bool,
}

fn json_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("{error}; a text stands in double quotes, as in '\"Ann\"'"))
}

impl Choice {
    fn resolution(&self) -> Value {
        match (&self.candidate, &self.value) {
            (Some(candidate), _) => json!({ "candidate": candidate }),
            (None, Some(value)) => json!({ "value": value }),
            (None, None) => json!({ "keep": self.keep }),
        }
    }
}

impl Settle {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let path = format!("/v1/conflicts/{}/resolution", self.conflict);
        let settled = client.send(Method::POST, &path, &self.choice.resolution()).await?;
        if self.json { output::json(&settled) } else { sheet(&settled) }
    }
}
