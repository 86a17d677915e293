//! `tiebreak accounts sign-out`.

use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use axum::http::Method;
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct SignOut {
    /// Its id or its name
    account: AccountName,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl SignOut {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        client.send(Method::POST, &format!("{}/sign-out", self.account.path()), &json!({})).await?;
        if self.json {
            return output::json(&json!({ "account": self.account.to_string(), "signed_out": true }));
        }
        output::line(&format!("all devices of {} are signed out", self.account))
    }
}
