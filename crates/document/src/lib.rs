//! One CRDT document: the gatekeeper in front of it, the merge, its history. Nobody else names automerge.

mod admission;
mod document;
mod gatekeeper;
mod history;
mod json;
mod sync_message;

pub use admission::Admitted;
pub use document::{Document, MergeError, OpenError, SavedChange};
pub use gatekeeper::{
    Action, ActorBytes, CheckedChange, ElementOrder, Key, Make, Object, Operation, OperationId, Value, check_change, split_chunks,
};
pub use history::HistoryEntry;
pub use json::ImportError;
pub use sync_message::{Have, InvalidSyncMessage, SyncMessage};
