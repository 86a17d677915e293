//! `tiebreak doc delete`.

use super::path_of;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use anyhow::bail;
use axum::body::Bytes;
use axum::http::Method;
use clap::Args;
use serde_json::json;
use tiebreak_protocol::DocumentId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    document: DocumentId,
    /// Yes, delete it: no device can bring it back
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Delete {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        if !self.yes {
            bail!(
                "this deletes the document for good: no device can bring it back, though each keeps its copy; \
                 say --yes, or `tiebreak doc export` it first"
            );
        }
        client.request(Method::DELETE, &path_of(self.document), &[], Bytes::new()).await?;
        if self.json {
            return output::json(&json!({ "id": self.document.to_string(), "deleted": true }));
        }
        output::line(&format!("deleted {}", self.document))
    }
}
