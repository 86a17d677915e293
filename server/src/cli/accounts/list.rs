//! `tiebreak accounts list`.

use crate::cli::client::{Client, Range, Source};
use crate::cli::output;
use clap::Args;
use tiebreak_protocol::AccountId;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Most accounts to list; all if left out
    #[arg(long)]
    limit: Option<usize>,
    /// Begin after this account
    #[arg(long, value_name = "ID")]
    after: Option<AccountId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl List {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let range = Range { after: self.after.map(|after| after.to_string()), limit: self.limit };
        let list = client.list("/v1/accounts", range).await?;
        if self.json {
            return output::json(&list.to_json());
        }
        let columns = ["id", "kind", "username", "display_name", "created_at"];
        let rows: Vec<_> = list.items.iter().map(|item| output::row(item, &columns)).collect();
        output::table(&["ACCOUNT", "KIND", "USERNAME", "NAME", "CREATED"], &rows)
    }
}
