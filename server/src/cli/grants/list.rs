//! `tiebreak grants list`.

use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use tiebreak_protocol::DocumentId;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    document: DocumentId,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl List {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let list = client.get(&format!("/v1/documents/{}/grants", self.document)).await?;
        if self.json {
            return output::json(&list);
        }
        output::table(
            &["ACCOUNT", "ROLE", "BY", "AT"],
            &output::rows(&list, &["account", "role", "granted_by", "granted_at"]),
        )
    }
}
