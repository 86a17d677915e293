//! Names of documents, peers and stores, parsed once at the edge.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest accepted peer, storage or session id, bytes. Stock clients use 10 to 50.
const NAME_BYTES_MAX: usize = 256;

/// The automerge-repo document id: 16 bytes, written in base58 with a 4-byte double SHA-256 check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId([u8; 16]);

impl DocumentId {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.0).with_check().into_string())
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a document id is 16 bytes in base58check, as in automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu")]
pub struct InvalidDocumentId;

impl FromStr for DocumentId {
    type Err = InvalidDocumentId;

    /// Accepts the bare id and the URL form `automerge:<id>`; heads behind `#` are ignored.
    fn from_str(text: &str) -> Result<Self, InvalidDocumentId> {
        let text = text.strip_prefix("automerge:").unwrap_or(text);
        let text = text.split_once('#').map_or(text, |(id, _heads)| id);
        if text.len() > 64 {
            return Err(InvalidDocumentId);
        }
        let bytes = bs58::decode(text).with_check(None).into_vec().map_err(|_| InvalidDocumentId)?;
        Ok(Self(bytes.try_into().map_err(|_| InvalidDocumentId)?))
    }
}

/// A text that cannot be a peer, storage or session id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a peer, storage or session id is 1 to {NAME_BYTES_MAX} bytes of text without control characters")]
pub struct InvalidName;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
                    return Err(InvalidName);
                }
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// What a peer calls itself for the life of one connection or process; chosen by the peer.
    PeerId
}

name! {
    /// What a peer calls its durable storage; equal over reconnects and restarts of that peer.
    StorageId
}

name! {
    /// What a peer calls one run of itself in the messages that it has relayed: with its own id and a
    /// rising count it tells copies apart.
    EphemeralSessionId
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "4NMNnkMhL8jXrdJ9jamS58PAVdXu";

    #[test]
    fn a_document_id_reads_bare_and_as_url_and_prints_bare() {
        let id: DocumentId = TEXT.parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(format!("automerge:{TEXT}").parse(), Ok(id));
        assert_eq!(format!("automerge:{TEXT}#abc|def").parse(), Ok(id));
    }

    #[test]
    fn a_document_id_with_a_wrong_check_length_or_alphabet_is_refused() {
        for text in ["", "4NMNnkMhL8jXrdJ9jamS58PAVdXv", "0OIl", "../../etc/passwd", &"1".repeat(5000)] {
            assert_eq!(text.parse::<DocumentId>(), Err(InvalidDocumentId), "{text}");
        }
        let short = bs58::encode([1; 15]).with_check().into_string();
        assert_eq!(short.parse::<DocumentId>(), Err(InvalidDocumentId));
    }

    #[test]
    fn an_empty_endless_or_control_character_name_is_refused() {
        assert_eq!("".parse::<PeerId>(), Err(InvalidName));
        assert_eq!("a\u{0}".parse::<PeerId>(), Err(InvalidName));
        assert_eq!("x".repeat(257).parse::<StorageId>(), Err(InvalidName));
        assert_eq!("x".repeat(257).parse::<EphemeralSessionId>(), Err(InvalidName));
        assert!("x".repeat(256).parse::<StorageId>().is_ok());
    }
}
