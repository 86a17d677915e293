//! `tiebreak devices revoke`.

use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use serde_json::json;
use tiebreak_protocol::DeviceId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Revoke {
    /// The account's id or its name
    account: AccountName,
    /// The device's id
    device: DeviceId,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Revoke {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        client.delete(&format!("{}/devices/{}", self.account.path(), self.device)).await?;
        if self.json {
            return output::json(&json!({ "device": self.device.to_string(), "revoked": true }));
        }
        output::line(&format!("signed {} out", self.device))
    }
}
