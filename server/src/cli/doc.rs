//! `tiebreak doc`: one file a subcommand.

mod delete;
mod export;
mod history;
mod import;
mod list;
mod show;

use super::client::{self, Source};
use clap::Subcommand;
use std::process::ExitCode;
use tiebreak_protocol::DocumentId;

#[derive(Debug, Subcommand)]
pub(super) enum Doc {
    /// List documents
    List(Box<list::List>),
    /// Print a document as JSON
    Show(Box<show::Show>),
    /// Print who changed what, and when
    History(Box<history::History>),
    /// Write a document to an Automerge file
    Export(Box<export::Export>),
    /// Make a document from a JSON or Automerge file, or merge an Automerge file into one
    Import(Box<import::Import>),
    /// Delete a document for good; devices keep their copies but cannot bring it back
    Delete(Box<delete::Delete>),
}

pub(super) fn run(doc: Doc) -> anyhow::Result<ExitCode> {
    let source = doc.source().clone();
    client::run(&source, async |client| {
        match doc {
            Doc::List(list) => list.run(client).await,
            Doc::Show(show) => show.run(client).await,
            Doc::History(history) => history.run(client).await,
            Doc::Export(export) => export.run(client).await,
            Doc::Import(import) => import.run(client).await,
            Doc::Delete(delete) => delete.run(client).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })
}

impl Doc {
    fn source(&self) -> &Source {
        match self {
            Self::List(list) => &list.source,
            Self::Show(show) => &show.source,
            Self::History(history) => &history.source,
            Self::Export(export) => &export.source,
            Self::Import(import) => &import.source,
            Self::Delete(delete) => &delete.source,
        }
    }
}

fn path_of(document: DocumentId) -> String {
    format!("/v1/documents/{document}")
}
