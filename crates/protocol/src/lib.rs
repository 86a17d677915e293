//! What crosses the wire: ids, frames, limits and refusal codes. Knows no CRDT and does no I/O.

mod account;
mod conflict;
mod extension;
mod frame;
mod hash;
mod id;
mod limits;
mod prefixed_id;
mod refusal;
mod secret;
pub mod strict_json;

pub use account::{
    AccountId, ActorId, DeviceId, InvalidAccountId, InvalidDeviceId, InvalidKeyId, InvalidRole, KeyId, Role,
};
pub use conflict::{
    ConflictId, ConflictState, ConflictType, InvalidConflictId, InvalidConflictState, InvalidConflictType,
};
pub use extension::{EXTENSION, ExtensionFrame};
pub use frame::{
    DecodeError, Ephemeral, Frame, Join, Peer, PeerMetadata, RemoteHead, RemoteHeadsChanged,
    RemoteSubscriptionChange, SyncFrame,
};
pub use hash::{ChangeHash, Heads, InvalidChangeHash};
pub use id::{DocumentId, EphemeralSessionId, InvalidDocumentId, InvalidName, PeerId, StorageId};
pub use limits::Limits;
pub use refusal::Refusal;
pub use secret::Secret;
