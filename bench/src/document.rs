//! Which document is edited and by whom: all of it follows from a seed, so any client can tell writers apart.

use automerge::ActorId;
use std::hash::{BuildHasher, Hasher, RandomState};
use tiebreak_protocol::DocumentId;

/// Writers are numbered from 0; an actor id with a greater number is not one of ours.
const WRITERS_MAX: u32 = 4096;

/// One benchmark document with the actor ids of its writers.
#[derive(Clone)]
pub(crate) struct BenchDocument {
    pub(crate) id: DocumentId,
    actor_prefix: [u8; 8],
}

impl BenchDocument {
    pub(crate) fn new(seed: u64, index: u64) -> Self {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&mix(seed, index).to_be_bytes());
        id[8..].copy_from_slice(&mix(!seed, index).to_be_bytes());
        // automerge-repo takes only ids that are version-4 UUIDs.
        id[6] = (id[6] & 0x0f) | 0x40;
        id[8] = (id[8] & 0x3f) | 0x80;
        Self { id: DocumentId::from_bytes(id), actor_prefix: mix(seed.rotate_left(32), index).to_be_bytes() }
    }

    pub(crate) fn actor(&self, writer: u32) -> ActorId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.actor_prefix);
        bytes[12..].copy_from_slice(&writer.to_be_bytes());
        ActorId::from(bytes)
    }

    /// The number of the writer with this actor id; `None` for the creator of the document.
    pub(crate) fn writer_of(&self, actor: &[u8]) -> Option<u32> {
        let rest = actor.strip_prefix(&self.actor_prefix)?.strip_prefix(&[0; 4])?;
        let writer = u32::from_be_bytes(rest.try_into().ok()?);
        (writer < WRITERS_MAX).then_some(writer)
    }
}

/// A new seed for every call; documents of different runs never meet.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn mix(a: u64, b: u64) -> u64 {
    let mut mixed = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_add(0xD1B5_4A32_D192_ED03);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_recognised_by_its_actor_in_its_own_document_only() {
        let document = BenchDocument::new(7, 0);
        assert_eq!(document.writer_of(document.actor(3).to_bytes()), Some(3));
        assert_eq!(BenchDocument::new(7, 1).writer_of(document.actor(3).to_bytes()), None);
        assert_eq!(document.writer_of(&[1; 16]), None);
    }
}
