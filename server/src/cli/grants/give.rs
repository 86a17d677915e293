//! `tiebreak grants give`.

use super::path_of;
use crate::cli::account_name::AccountName;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use axum::http::Method;
use clap::Args;
use serde_json::json;
use tiebreak_protocol::{DocumentId, Role};

#[derive(Debug, Args)]
pub(in crate::cli) struct Give {
    document: DocumentId,
    /// The account's id or its name
    account: AccountName,
    /// viewer reads, editor writes, owner shares and deletes
    role: Role,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Give {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let (account, role) = (self.account.to_string(), self.role.as_str());
        let path = path_of(self.document, &self.account);
        client.send(Method::PUT, &path, &json!({ "role": role })).await?;
        if self.json {
            return output::json(&json!({ "account": account, "role": role }));
        }
        output::line(&format!("{account} is {role}"))
    }
}
