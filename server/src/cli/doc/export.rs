//! `tiebreak doc export`.

use super::path_of;
use crate::cli::client::{Client, Source};
use crate::cli::output;
use anyhow::{Context, bail};
use axum::body::Bytes;
use axum::http::Method;
use axum::http::header::ACCEPT;
use clap::Args;
use serde_json::json;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use tiebreak_protocol::DocumentId;

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    document: DocumentId,
    /// The file to write, which must not exist; `-` for standard output
    to: PathBuf,
    /// Print JSON about what was written
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) source: Source,
}

impl Export {
    pub(super) async fn run(&self, client: &Client) -> anyhow::Result<()> {
        let headers = [(ACCEPT, "application/octet-stream")];
        let answer = client.request(Method::GET, &path_of(self.document), &headers, Bytes::new()).await?;
        let to = self.to.display();
        if self.to.as_os_str() == "-" {
            if std::io::stdout().is_terminal() {
                bail!("an Automerge file is not for terminals; name a file, or see `tiebreak doc show`");
            }
            return output::bytes(&answer.body);
        }
        let written = File::create_new(&self.to).and_then(|mut file| {
            file.write_all(&answer.body)?;
            file.sync_all()
        });
        written.with_context(|| format!("could not write {to}"))?;
        let bytes = answer.body.len();
        if self.json {
            let etag = answer.headers.get("etag").and_then(|etag| etag.to_str().ok());
            return output::json(
                &json!({ "id": self.document.to_string(), "path": self.to, "bytes": bytes, "etag": etag }),
            );
        }
        output::line(&format!("wrote {to} ({bytes} bytes)"))
    }
}
