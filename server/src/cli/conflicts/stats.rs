//! `tiebreak conflicts stats`.

use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use serde_json::Value;

#[derive(Debug, Args)]
pub(in crate::cli) struct Stats {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Stats {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let stats = client.get("/v1/conflicts/stats").await?;
        if self.json {
            return output::json(&stats);
        }
        let items = stats.get("items").and_then(Value::as_array).into_iter().flatten();
        let rows: Vec<_> = items.map(row).collect();
        let heads =
            ["KIND", "FIELD", "OPEN", "SETTLED", "BY RULE", "OVERTAKEN", "HALF WITHIN", "NINE OF TEN WITHIN"];
        output::table(&heads, &rows)?;
        if stats.get("complete") == Some(&Value::Bool(false)) {
            output::line("these are the last opened; there are older ones")?;
        }
        Ok(())
    }
}

fn row(item: &Value) -> Vec<String> {
    let mut row = output::row(item, &["kind", "path", "open", "settled", "settled_by_rule", "overtaken"]);
    let within = |which: &str| item.pointer(&format!("/seconds_to_settle/{which}")).and_then(Value::as_f64);
    row.extend(["p50", "p90"].map(|which| within(which).map_or_else(|| "-".to_owned(), time)));
    row
}

/// As people say it.
fn time(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        _ => format!("{:.0} d", seconds / 86_400.0),
    }
}
