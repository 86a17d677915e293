//! `tiebreak keys`: one file a subcommand.

mod create;
mod list;
mod revoke;

use super::client::{self, Source};
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// List an account's keys
    List(Box<list::List>),
    /// Make a key for a program that acts for an account; its secret is printed this once
    Create(Box<create::Create>),
    /// Take a key back
    Revoke(Box<revoke::Revoke>),
}

pub(super) fn run(keys: Keys) -> anyhow::Result<ExitCode> {
    let source = keys.source().clone();
    client::run(&source, async |client| {
        match keys {
            Keys::List(list) => list.run(client).await,
            Keys::Create(create) => create.run(client).await,
            Keys::Revoke(revoke) => revoke.run(client).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })
}

impl Keys {
    fn source(&self) -> &Source {
        match self {
            Self::List(list) => &list.source,
            Self::Create(create) => &create.source,
            Self::Revoke(revoke) => &revoke.source,
        }
    }
}
