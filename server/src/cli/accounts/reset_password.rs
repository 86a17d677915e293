//! `tiebreak accounts reset-password`.

use super::password_from_stdin;
use crate::access::new_secret;
use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use axum::http::Method;
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct ResetPassword {
    /// Its id or its name
    account: AccountName,
    /// Read the password from standard input; without this one is made up and printed
    #[arg(long)]
    password_stdin: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl ResetPassword {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let (password, made_up) = if self.password_stdin {
            (password_from_stdin()?, None)
        } else {
            let password = new_secret("")?;
            (password.clone(), Some(password))
        };
        let path = format!("{}/password", self.account.path());
        client.send(Method::PUT, &path, &json!({ "password": password })).await?;
        if self.json {
            return output::json(&json!({ "account": self.account.to_string(), "password": made_up }));
        }
        match made_up {
            // Alone on its line, for programs too.
            Some(password) => output::line(&password),
            None => output::line(&format!("the password of {} is set", self.account)),
        }
    }
}
