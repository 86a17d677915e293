//! `tiebreak keys revoke`.

use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use serde_json::json;
use tiebreak_protocol::KeyId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Revoke {
    /// The account's id or its name
    account: AccountName,
    /// The key's id
    key: KeyId,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Revoke {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        client.delete(&format!("{}/keys/{}", self.account.path(), self.key)).await?;
        if self.json {
            return output::json(&json!({ "key": self.key.to_string(), "revoked": true }));
        }
        output::line(&format!("{} opens nothing any more", self.key))
    }
}
