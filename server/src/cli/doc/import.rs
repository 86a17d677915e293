//! `tiebreak doc import`.

use super::path_of;
use crate::cli::client::{Answer, Client, Problem, Source};
use crate::cli::output;
use anyhow::Context;
use axum::body::Bytes;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use clap::Args;
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use tiebreak_protocol::DocumentId;

/// What Automerge files begin with; everything else is taken for JSON.
const MAGIC: &[u8] = b"\x85\x6f\x4a\x83";

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// An Automerge or JSON file; `-` for standard input
    from: PathBuf,
    /// Merge into this document, or make it if it does not exist; a new document if left out
    #[arg(long, value_name = "ID")]
    id: Option<DocumentId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Import {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let file = read(&self.from).with_context(|| format!("could not read {}", self.from.display()))?;
        let answer = if file.starts_with(MAGIC) {
            self.import(client, file).await
        } else {
            self.create(client, "application/json", file).await
        };
        let answer: Value = serde_json::from_slice(&answer?.body)?;
        if self.json {
            return output::json(&answer);
        }
        let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
        output::line(&format!("imported into {id}"))?;
        for refused in answer.get("refused").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| refused.get(name).and_then(Value::as_str).unwrap_or("(no hash)");
            output::line(&format!(
                "  left out change {}: {} ({})",
                text("hash"),
                text("detail"),
                text("code")
            ))?;
        }
        Ok(())
    }

    async fn import(&self, client: &Client, file: Bytes) -> anyhow::Result<Answer> {
        const FILE: &str = "application/octet-stream";
        if let Some(id) = self.id {
            let path = format!("{}/import", path_of(id));
            let imported = client.request(Method::POST, &path, &[(CONTENT_TYPE, FILE)], file.clone()).await;
            let is_new = imported.as_ref().err().and_then(|error| error.downcast_ref::<Problem>());
            if is_new.is_none_or(|problem| problem.code != "document_not_found") {
                return imported;
            }
        }
        self.create(client, FILE, file).await
    }

    async fn create(
        &self,
        client: &Client,
        content_type: &'static str,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let query = self.id.map(|id| format!("?id={id}")).unwrap_or_default();
        client
            .request(Method::POST, &format!("/v1/documents{query}"), &[(CONTENT_TYPE, content_type)], body)
            .await
    }
}

fn read(path: &Path) -> std::io::Result<Bytes> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes.into());
    }
    std::fs::read(path).map(Bytes::from)
}
