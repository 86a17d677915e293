//! `tiebreak accounts create-service`.

use crate::cli::client::{Client, Source};
use crate::cli::output;
use axum::http::Method;
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateService {
    /// What people call it
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl CreateService {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let body = json!({ "name": self.name });
        let made = client.send(Method::POST, "/v1/service-accounts", &body).await?;
        if self.json { output::json(&made) } else { output::line(&output::cell(&made, "id")) }
    }
}
