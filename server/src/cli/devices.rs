//! `tiebreak devices`: one file a subcommand.

mod list;
mod revoke;

use super::client::{self, Source};
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Devices {
    /// List where an account is signed in
    List(Box<list::List>),
    /// Sign a device out, and close its connections
    Revoke(Box<revoke::Revoke>),
}

pub(super) fn run(devices: Devices) -> anyhow::Result<ExitCode> {
    let source = devices.source().clone();
    client::run(&source, async |client| {
        match devices {
            Devices::List(list) => list.run(client).await,
            Devices::Revoke(revoke) => revoke.run(client).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })
}

impl Devices {
    fn source(&self) -> &Source {
        match self {
            Self::List(list) => &list.source,
            Self::Revoke(revoke) => &revoke.source,
        }
    }
}
