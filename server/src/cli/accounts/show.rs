//! `tiebreak accounts show`.

use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// Its id or its name
    account: AccountName,
    /// Print the JSON on one line, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Show {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let account = client.get(&self.account.path()).await?;
        if self.json { output::json(&account) } else { output::line(&format!("{account:#}")) }
    }
}
