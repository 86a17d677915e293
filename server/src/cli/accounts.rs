//! `tiebreak accounts`: one file a subcommand.

mod create;
mod create_service;
mod delete;
mod list;
mod reset_password;
mod show;
mod sign_out;

use super::client::{self, Source};
use anyhow::bail;
use clap::Subcommand;
use std::io::Read;
use std::process::ExitCode;

/// Longest password that is read, bytes.
const PASSWORD_BYTES_MAX: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(super) enum Accounts {
    /// List accounts
    List(Box<list::List>),
    /// Print an account
    Show(Box<show::Show>),
    /// Make an account for a person
    Create(Box<create::Create>),
    /// Make an account for a program, which gets its keys from `tiebreak keys create`
    CreateService(Box<create_service::CreateService>),
    /// Set a password for who forgot theirs; signs all devices out
    ResetPassword(Box<reset_password::ResetPassword>),
    /// Sign all devices of an account out
    SignOut(Box<sign_out::SignOut>),
    /// Delete an account for good, with the documents that nobody else has
    Delete(Box<delete::Delete>),
}

pub(super) fn run(accounts: Accounts) -> anyhow::Result<ExitCode> {
    let source = accounts.source().clone();
    client::run(&source, async |client| {
        match accounts {
            Accounts::List(list) => list.run(client).await,
            Accounts::Show(show) => show.run(client).await,
            Accounts::Create(create) => create.run(client).await,
            Accounts::CreateService(create) => create.run(client).await,
            Accounts::ResetPassword(reset) => reset.run(client).await,
            Accounts::SignOut(sign_out) => sign_out.run(client).await,
            Accounts::Delete(delete) => delete.run(client).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })
}

impl Accounts {
    fn source(&self) -> &Source {
        match self {
            Self::List(list) => &list.source,
            Self::Show(show) => &show.source,
            Self::Create(create) => &create.source,
            Self::CreateService(create) => &create.source,
            Self::ResetPassword(reset) => &reset.source,
            Self::SignOut(sign_out) => &sign_out.source,
            Self::Delete(delete) => &delete.source,
        }
    }
}

/// The password on standard input, without the line's end. Arguments stand in the list of processes and in histories.
fn password_from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(PASSWORD_BYTES_MAX).read_to_string(&mut text)?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        bail!("there is no password on standard input");
    }
    Ok(password.to_owned())
}
