//! `tiebreak doc show`.

use super::path_of;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use tiebreak_protocol::DocumentId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    document: DocumentId,
    /// Print the JSON on one line, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Show {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let document = client.get(&path_of(self.document)).await?;
        if self.json { output::json(&document) } else { output::line(&format!("{document:#}")) }
    }
}
