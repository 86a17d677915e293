//! Why something that a peer sent was not taken: stable codes with words a person can act on.

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $detail:literal;)+) => {
        /// Why a change, a message or a whole connection was not taken. The code is stable: clients branch on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
        pub enum Refusal {
            $($(#[$doc])* #[error($detail)] $name,)+
        }

        impl Refusal {
            /// Every refusal there is, for metrics, documents and tests.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable spelling on the wire, in metrics and in logs.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

refusals! {
    // The shape of a change.
    /// Truncated, wrong magic, columns out of order, numbers that do not fit.
    MalformedChange = "malformed_change", "the change is not well-formed";
    /// A whole-document or bundle chunk where a change is expected.
    NotAChange = "not_a_change", "only change chunks are accepted here";
    ChecksumMismatch = "checksum_mismatch", "the change does not match its checksum";
    ChangeTooLarge = "change_too_large", "the change is larger than the limit; split it into several";
    TooManyOperations = "too_many_operations", "the change holds more operations than the limit; split it";
    /// The same content has another, canonical encoding: saving and loading would alter its hash.
    NotCanonical = "not_canonical", "the change is not in its canonical encoding";

    // The change against the history it joins.
    /// `start_op` is not one past the greatest operation of the dependencies, or near the counter's end.
    OperationCounterOutOfRange = "operation_counter_out_of_range", "the change's start_op does not follow from its dependencies";
    /// `seq` skips ahead of what is known of its actor.
    SequenceGap = "sequence_gap", "an earlier change by the same actor is missing";
    /// A second, different change for one (actor, seq).
    Equivocation = "equivocation", "the actor already made a different change with this sequence number";
    /// Dependencies did not arrive within the time or space given to wait for them.
    MissingDependencies = "missing_dependencies", "the change depends on changes that never arrived";
    UnknownActor = "unknown_actor", "the change refers to an actor that this document does not know";
    /// An object that does not exist in this document.
    UnknownObject = "unknown_object", "the change writes into an object that does not exist";
    /// An element or a value that does not exist where the change looks for it.
    UnknownOperation = "unknown_operation", "the change refers to an element or a value that does not exist";
    DepthExceeded = "depth_exceeded", "objects are nested deeper than the limit";
    TooManyActors = "too_many_actors", "too many actors have written to this document";
    /// The actor belongs to another account: it was the first to write with it.
    ActorTaken = "actor_taken", "the change was made under another account's actor";
    TooManyHeads = "too_many_heads", "too many concurrent changes; merge some of them first";
    DocumentTooLarge = "document_too_large", "the document has reached its size limit; split it";
    DocumentDeleted = "document_deleted", "the document was deleted";
    /// The document's kind lets only the server write there: roles, members, prices, outcomes.
    ProtectedPath = "protected_path", "the change writes where only the server writes; ask for it with a request instead";
    /// The document's kind lets only owners write there.
    OwnerOnly = "owner_only", "the change writes where only an owner of the document writes; ask one of them";
    /// A value that the document's kind does not allow there, or a name of a kind that is no short text.
    WrongType = "wrong_type", "the change writes a value of a type that the document's kind does not take there";
    /// `@kind` is written by the change that begins the document, once.
    KindFixed = "kind_fixed", "the kind of a document is named in its first change and never changes; begin another document";
    /// The CRDT library failed on this change; it is kept apart for inspection.
    Quarantined = "quarantined", "the change makes the document unreadable and was set aside";

    // The conversation.
    MalformedMessage = "malformed_message", "the message is not well-formed";
    MessageTooLarge = "message_too_large", "the message is larger than the limit";
    UnsupportedVersion = "unsupported_version", "no common protocol version";
    HandshakeExpected = "handshake_expected", "the first message must be a join";
    HandshakeTimedOut = "handshake_timed_out", "no join arrived in time";
    HandshakeRepeated = "handshake_repeated", "this connection has already joined";
    TooManyDocuments = "too_many_documents", "too many documents are open on this connection";
    RateExceeded = "rate_exceeded", "messages arrive faster than allowed";
    /// The peer does not read what is sent to it.
    TooSlow = "too_slow", "the peer did not keep up; reconnect to catch up";

    // Who asks, and may they.
    /// No token, or none that is taken.
    Unauthorized = "unauthorized", "sign in: the connection brought no token that is accepted";
    TokenExpired = "token_expired", "the token is over; come back with a fresh one";
    /// The account, the device or its session was ended.
    SignedOut = "signed_out", "this device was signed out; sign in again";
    AccessDenied = "access_denied", "this account may not do that with this document; ask an owner of it";
    ReadOnly = "read_only", "this account may read the document and not write to it; ask an owner of it";

    // The server.
    Busy = "busy", "the server is at its limit; try again later";
    StorageFull = "storage_full", "the server's storage is full; nothing was lost, try again later";
    StorageUnavailable = "storage_unavailable", "the server cannot reach its storage; try again later";
    ShuttingDown = "shutting_down", "the server is stopping; reconnect shortly";
}

impl Refusal {
    /// The WebSocket close code when the refusal ends the connection: 44xx means do not come back
    /// unchanged, 45xx and the standard codes mean come back later.
    pub const fn close_code(self) -> u16 {
        match self {
            Self::ShuttingDown => 1012,
            Self::Unauthorized | Self::TokenExpired | Self::SignedOut => 4401,
            Self::AccessDenied | Self::ReadOnly | Self::ProtectedPath | Self::OwnerOnly => 4403,
            Self::MessageTooLarge => 4413,
            Self::TooManyDocuments | Self::RateExceeded => 4429,
            Self::Busy | Self::StorageUnavailable => 4503,
            Self::StorageFull => 4507,
            Self::HandshakeTimedOut | Self::TooSlow => 4508,
            Self::MalformedChange
            | Self::NotAChange
            | Self::ChecksumMismatch
            | Self::ChangeTooLarge
            | Self::TooManyOperations
            | Self::NotCanonical
            | Self::OperationCounterOutOfRange
            | Self::SequenceGap
            | Self::Equivocation
            | Self::MissingDependencies
            | Self::UnknownActor
            | Self::UnknownObject
            | Self::UnknownOperation
            | Self::DepthExceeded
            | Self::TooManyActors
            | Self::ActorTaken
            | Self::TooManyHeads
            | Self::DocumentTooLarge
            | Self::DocumentDeleted
            | Self::WrongType
            | Self::KindFixed
            | Self::Quarantined
            | Self::MalformedMessage
            | Self::UnsupportedVersion
            | Self::HandshakeExpected
            | Self::HandshakeRepeated => 4400,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_in_snake_case() {
        let codes: BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
        assert!(codes.iter().all(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }
}
