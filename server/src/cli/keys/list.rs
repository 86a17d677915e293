//! `tiebreak keys list`.

use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Its id or its name
    account: AccountName,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl List {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let list = client.get(&format!("{}/keys", self.account.path())).await?;
        if self.json {
            return output::json(&list);
        }
        output::table(
            &["KEY", "NAME", "ROLE", "ALL", "EXPIRES", "REVOKED"],
            &output::rows(&list, &["id", "name", "role", "all_documents", "expires_at", "revoked_at"]),
        )
    }
}
