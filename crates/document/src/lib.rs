//! One CRDT document: the gatekeeper in front of it, the merge, its history. Nobody else names automerge.

mod admission;
mod causality;
mod conflicts;
mod document;
mod document_chunk;
mod engine;
mod from_json;
mod gatekeeper;
mod history;
mod import;
mod json;
mod kind_name;
mod operations;
mod path;
mod short_id;
mod sync_message;
mod transaction;

pub use admission::Admitted;
#[cfg(feature = "planted-mistakes")]
pub use conflicts::mistakes;
pub use conflicts::{
    Candidate, Choice, Conflict, ConflictDigest, Flags, REVIEWED_AT_ONCE_MAX, RegisterName, Resolved,
    Reviewed, SettleError, Settlement,
};
pub use document::{Document, MergeError, Missing, OpenError, SavedChange};
pub use from_json::ImportError;
pub use gatekeeper::kind::{Breach, WriteRules, Writer};
pub use gatekeeper::{
    Action, ActorBytes, Budget, CheckedChange, ElementOrder, Key, Make, Object, Operation, OperationId,
    Value, check_change, check_change_within, split_chunks,
};
pub use history::{HistoryEntry, Made, Touch, TouchAction};
pub use import::{FileChanges, FileError};
pub use kind_name::KIND_KEY;
pub use path::{IntoPath, PathStep, pointer};
pub use sync_message::{Have, InvalidSyncMessage, SyncMessage, Wants};
pub use transaction::{Author, Counter, EditError, NewValue, Timestamp, TransactError, Transaction};
