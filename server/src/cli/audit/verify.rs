//! `tiebreak audit verify`.

use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// A head that this command printed earlier: it must still be in the log, so that rows cut off at the end are
    /// noticed too
    #[arg(long, value_name = "HEX")]
    head: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Verify {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<ExitCode> {
        let noted = self.head.as_ref().map(|head| format!("?head={head}")).unwrap_or_default();
        let state = client.get(&format!("/v1/audit/verify{noted}")).await?;
        if self.json {
            output::json(&state)?;
        } else {
            output::line(&sentence(&state))?;
        }
        let is_whole = state.get("whole") == Some(&Value::Bool(true));
        Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn sentence(state: &Value) -> String {
    let cell = |name: &str| output::cell(state, name);
    let (rows, why) = (cell("rows"), cell("why"));
    if state.get("whole") == Some(&Value::Bool(true)) {
        let (head, at) = (cell("head"), cell("head_at"));
        if rows == "0" {
            return "the audit log is whole: nothing was written yet".to_owned();
        }
        return format!("the audit log is whole: {rows} rows, the last of {at}, head {head}");
    }
    match state.get("broken_at").and_then(Value::as_i64) {
        Some(seq) => format!("the audit log is broken at row {seq}: {why}"),
        None => format!("the audit log is not whole, though its {rows} rows follow each other: {why}"),
    }
}
