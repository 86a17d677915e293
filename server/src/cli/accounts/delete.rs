//! `tiebreak accounts delete`.

use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use anyhow::bail;
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    /// Its id or its name
    account: AccountName,
    /// Yes, delete it, with the documents that nobody else has
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Delete {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        if !self.yes {
            bail!("this deletes the account for good, with the documents that nobody else has; say --yes");
        }
        client.delete(&self.account.path()).await?;
        if self.json {
            return output::json(&json!({ "account": self.account.to_string(), "deleted": true }));
        }
        output::line(&format!("deleted {}", self.account))
    }
}
