//! `tiebreak audit list`.

use crate::cli::client::{Client, Range, Source};
use crate::cli::output;
use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Begin after the row of this number
    #[arg(long, value_name = "SEQ")]
    after: Option<i64>,
    /// Most rows to list; all if left out
    #[arg(long)]
    limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl List {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let range = Range { after: self.after.map(|after| after.to_string()), limit: self.limit };
        let list = client.list("/v1/audit", range).await?;
        if self.json {
            return output::json(&list.to_json());
        }
        let columns = ["seq", "at", "actor", "action", "subject", "detail"];
        let rows: Vec<_> = list.items.iter().map(|item| output::row(item, &columns)).collect();
        output::table(&["SEQ", "AT", "ACTOR", "ACTION", "SUBJECT", "DETAIL"], &rows)
    }
}
