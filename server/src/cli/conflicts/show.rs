//! `tiebreak conflicts show`.

use super::sheet;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use clap::Args;
use tiebreak_protocol::ConflictId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// As in `cnf_…`
    conflict: ConflictId,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Show {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let conflict = client.get(&format!("/v1/conflicts/{}", self.conflict)).await?;
        if self.json { output::json(&conflict) } else { sheet(&conflict) }
    }
}
