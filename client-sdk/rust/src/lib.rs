//! Offline-first documents for apps, in step with a [Tiebreak](https://github.com/tiebreak) server when there is one.
//!
//! Open a [`Tiebreak`] on a directory, [`create`](Tiebreak::create) or [`find`](Tiebreak::find) documents,
//! [`change`](Doc::change) them and [`watch`](Doc::watch) them. Every change is on the device's disk before it
//! returns; whether there is a network makes no difference. What several devices write at the same time is merged.
//! [`SyncStatus`] says at any moment what has not reached the server's disk yet.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use serde_json::json;
//! use std::time::Duration;
//! use tiebreak_client::{Tiebreak, TiebreakConfig};
//!
//! let config = TiebreakConfig::new("./notes").url("ws://127.0.0.1:7070/automerge");
//! let tiebreak = Tiebreak::open(config).await?;
//! let note = tiebreak.create(&json!({ "title": "hello" })).await?;
//! note.change(|edit| edit.put("title", "hello, world")).await?;
//! tiebreak.wait_for_upload(Duration::from_secs(10)).await?;
//! println!("{} is on the server's disk", note.url());
//! # Ok(())
//! # }
//! ```
//!
//! Logs go to [`tracing`](https://docs.rs/tracing) and nowhere else: without a subscriber there are none.

#![warn(missing_docs)]

mod account;
mod client;
mod config;
mod doc;
mod error;
mod hub;
mod identity;
mod last_synced;
mod network;
mod open_document;
mod opening;
mod registry;
mod status;
mod token;
mod updates;
mod websocket;

pub use account::{
    Account, AccountConfig, AccountError, CredentialError, CredentialFile, CredentialFuture, CredentialStore,
    DeviceInfo, Grant, Invitation, NewAccount, Whom,
};
pub use client::{Cleared, SyncReport, Tiebreak};
pub use config::TiebreakConfig;
pub use doc::{Doc, DocSnapshot};
pub use error::{
    ChangeError, ClearError, CreateError, FindError, OpenError, ReadError, ResolveError, SignOutError,
    StoreError, WaitError,
};
pub use status::{SyncError, SyncStatus};
pub use tiebreak_document::{
    Candidate, Choice as Resolution, Conflict, Counter, EditError, HistoryEntry, ImportError, IntoPath,
    NewValue, PathStep, Timestamp, Transaction,
};
pub use tiebreak_kinds::{KindError, Kinds};
pub use tiebreak_protocol::{
    AccountId, ActorId, ChangeHash, ConflictId, ConflictType, DeviceId, DocumentId, Heads, InvalidDocumentId,
    Limits, Role,
};
pub use tiebreak_sync::link::ConnectionState;
pub use tiebreak_sync::replica::{RefusedBy, RefusedChange};
pub use token::{TokenError, TokenFuture, TokenProvider, TokenReason};
pub use updates::Updates;

/// A path of keys and positions: `path!["events", 3, "title"]`. Made in one piece it is never mistaken for one key.
///
/// ```
/// use tiebreak_client::{PathStep, path};
///
/// assert_eq!(path!["events", 3], [PathStep::from("events"), PathStep::from(3)]);
/// ```
#[macro_export]
macro_rules! path {
    ($($step:expr),* $(,)?) => {{
        let steps: ::std::vec::Vec<$crate::PathStep> = ::std::vec![$($crate::PathStep::from($step)),*];
        steps
    }};
}
