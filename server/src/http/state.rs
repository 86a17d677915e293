//! What handlers may use: each takes only what it needs.

use super::documents::Documents;
use crate::access::AccessControl;
use crate::accounts::{AccountDirectory, AccountService};
use crate::conflicts::ConflictRecords;
use crate::doors::automerge::Door;
use crate::server::Health;
use axum::extract::FromRef;
use tiebreak_kinds::Kinds;

/// What handlers of a server may use.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) door: Door,
    pub(crate) documents: Documents,
    pub(crate) kinds: Kinds,
    pub(crate) conflicts: ConflictRecords,
    pub(crate) health: Health,
    pub(crate) access: AccessControl,
    /// `None`: nobody is asked who they are, or somebody else keeps the accounts.
    pub(crate) accounts: Option<AccountService>,
    pub(crate) directory: AccountDirectory,
}

/// What handlers may use that answer the command line without a server.
#[derive(Debug, Clone)]
pub(crate) struct LocalApp {
    pub(crate) documents: Documents,
    pub(crate) conflicts: ConflictRecords,
    pub(crate) access: AccessControl,
    /// `None`: nobody signs up.
    pub(crate) accounts: Option<AccountService>,
    pub(crate) directory: AccountDirectory,
}

macro_rules! parts {
    ($($app:ty { $($field:ident: $part:ty),+ $(,)? })+) => {$($(
        impl FromRef<$app> for $part {
            fn from_ref(app: &$app) -> Self {
                app.$field.clone()
            }
        }
    )+)+};
}

parts! {
    App {
        door: Door,
        documents: Documents,
        kinds: Kinds,
        conflicts: ConflictRecords,
        health: Health,
        access: AccessControl,
        accounts: Option<AccountService>,
        directory: AccountDirectory,
    }
    LocalApp {
        documents: Documents,
        conflicts: ConflictRecords,
        access: AccessControl,
        accounts: Option<AccountService>,
        directory: AccountDirectory,
    }
}
