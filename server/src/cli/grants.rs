//! `tiebreak grants`: one file a subcommand.

mod give;
mod list;
mod take;

use super::account_name::AccountName;
use super::client::{self, Source};
use clap::Subcommand;
use std::process::ExitCode;
use tiebreak_protocol::DocumentId;

#[derive(Debug, Subcommand)]
pub(super) enum Grants {
    /// List who has which role on a document
    List(Box<list::List>),
    /// Give an account a role on a document, in place of the one it has
    Give(Box<give::Give>),
    /// Take an account's role on a document
    Take(Box<take::Take>),
}

pub(super) fn run(grants: Grants) -> anyhow::Result<ExitCode> {
    let source = grants.source().clone();
    client::run(&source, async |client| {
        match grants {
            Grants::List(list) => list.run(client).await,
            Grants::Give(give) => give.run(client).await,
            Grants::Take(take) => take.run(client).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })
}

impl Grants {
    fn source(&self) -> &Source {
        match self {
            Self::List(list) => &list.source,
            Self::Give(give) => &give.source,
            Self::Take(take) => &take.source,
        }
    }
}

fn path_of(document: DocumentId, account: &AccountName) -> String {
    format!("/v1/documents/{document}/grants/{}", account.segment())
}
