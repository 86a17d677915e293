//! Checksums of everything a store keeps, so that a flipped bit is seen before it is served.
//!
//! The first 16 bytes of SHA-256. A CRC or xxh3 would be a few times faster, but one 150-byte change costs a
//! fraction of a microsecond here, against some microseconds for its row; SHA-256 is in the build already, and
//! a collision-resistant sum also tells a swapped row from a damaged one. Each sum covers what kind of chunk it
//! is and whose, so that an intact chunk in the wrong place fails too.

use sha2::{Digest, Sha256};
use tiebreak_protocol::{DocumentId, StorageId};

/// Bytes of one checksum.
pub const CHECKSUM_BYTES: usize = 16;

/// A checksum as it is stored.
pub type Checksum = [u8; CHECKSUM_BYTES];

/// Covers one change: where it stands, its hash and its bytes.
pub fn of_change(document: &DocumentId, sequence: i64, hash: &[u8], bytes: &[u8]) -> Checksum {
    digest(b"change", document, &[sequence], &[hash, bytes])
}

/// Covers one snapshot and how far it goes.
pub fn of_snapshot(document: &DocumentId, through: i64, bytes: &[u8]) -> Checksum {
    digest(b"snapshot", document, &[through], &[bytes])
}

/// Covers a chunk kept apart; also its key, so that the same bytes are kept once.
pub fn of_quarantined(document: &DocumentId, bytes: &[u8]) -> Checksum {
    digest(b"quarantine", document, &[], &[bytes])
}

/// Covers the heads shared with a peer.
pub fn of_shared_heads(peer: &StorageId, document: &DocumentId, heads: &[u8]) -> Checksum {
    digest(b"sync state", document, &[], &[peer.as_str().as_bytes(), heads])
}

/// Covers a document's own row.
pub(crate) fn of_document(document: &DocumentId, numbers: &[i64], heads: &[u8]) -> Checksum {
    digest(b"document", document, numbers, &[heads])
}

// Every variable part is preceded by its length: no two different inputs feed the same bytes.
fn digest(kind: &[u8], document: &DocumentId, numbers: &[i64], parts: &[&[u8]]) -> Checksum {
    let mut sha = Sha256::new();
    let lengths = [kind.len(), numbers.len(), parts.len()].map(|length| length as u8);
    sha.update(lengths);
    sha.update(kind);
    sha.update(document.as_bytes());
    for number in numbers {
        sha.update(number.to_le_bytes());
    }
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part);
    }
    let sum = sha.finalize();
    let mut checksum = Checksum::default();
    checksum.copy_from_slice(&sum[..CHECKSUM_BYTES]);
    checksum
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: DocumentId = DocumentId::from_bytes([7; 16]);

    #[test]
    fn a_sum_changes_with_every_part_of_a_change() {
        let sum = of_change(&DOCUMENT, 1, b"hash", b"bytes");
        assert_eq!(sum, of_change(&DOCUMENT, 1, b"hash", b"bytes"));
        assert_ne!(sum, of_change(&DocumentId::from_bytes([8; 16]), 1, b"hash", b"bytes"));
        assert_ne!(sum, of_change(&DOCUMENT, 2, b"hash", b"bytes"));
        assert_ne!(sum, of_change(&DOCUMENT, 1, b"hasi", b"bytes"));
        assert_ne!(sum, of_change(&DOCUMENT, 1, b"hash", b"bytet"));
        assert_ne!(sum, of_change(&DOCUMENT, 1, b"hashb", b"ytes"));
    }

    #[test]
    fn the_sum_of_a_change_is_frozen() {
        let sum = of_change(&DOCUMENT, 1, &[1; 32], b"bytes");
        assert_eq!(sum, FROZEN, "stored data carries this sum: changing it needs a migration");
    }

    const FROZEN: Checksum = [221, 255, 244, 105, 231, 117, 204, 37, 57, 213, 20, 101, 228, 21, 193, 194];
}
