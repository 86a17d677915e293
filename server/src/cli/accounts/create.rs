//! `tiebreak accounts create`.

use super::password_from_stdin;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use anyhow::bail;
use axum::http::Method;
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct Create {
    username: String,
    /// What people call it; the username if left out
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Create {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        if !self.password_stdin {
            bail!("passwords are read from standard input only: say --password-stdin");
        }
        let password = password_from_stdin()?;
        let body = json!({
            "username": self.username,
            "password": password,
            "display_name": self.display_name,
        });
        let made = client.send(Method::POST, "/v1/accounts", &body).await?;
        if self.json { output::json(&made) } else { output::line(&output::cell(&made, "id")) }
    }
}
