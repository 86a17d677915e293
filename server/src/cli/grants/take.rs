//! `tiebreak grants take`.

use super::path_of;
use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use serde_json::json;
use tiebreak_protocol::DocumentId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Take {
    document: DocumentId,
    /// The account's id or its name
    account: AccountName,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Take {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        client.delete(&path_of(self.document, &self.account)).await?;
        let account = self.account.to_string();
        if self.json {
            return output::json(&json!({ "account": account, "role": null }));
        }
        output::line(&format!("{account} has no role"))
    }
}
