//! Random operations, to be done on a store and on the memory model, which must answer alike.

use super::{batch, change, compaction, document, heads};
use crate::{DocumentStore, QuarantinedChange};
use bytes::Bytes;
use std::fmt::Debug;
use tiebreak_protocol::{AccountId, ActorId, DocumentId, StorageId};

const DOCUMENTS: u64 = 6;

/// SplitMix64: the same seed gives the same run everywhere.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The run of this number.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below the bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn document(&mut self) -> DocumentId {
        document(&format!("random {}", self.below(DOCUMENTS)))
    }

    fn binding(&mut self) -> (ActorId, AccountId) {
        let (actor, account) = (self.below(20) as u8, self.below(3) as u8);
        (ActorId::from_bytes(&[actor]), AccountId::from_bytes([account; 16]))
    }

    fn peer(&mut self) -> StorageId {
        format!("peer {}", self.below(3)).parse().expect("a storage id")
    }
}

/// Does one operation on both and compares the answers.
pub async fn operate(
    random: &mut Random,
    model: &dyn DocumentStore,
    store: &dyn DocumentStore,
    context: &str,
) {
    let id = random.document();
    match random.below(20) {
        0..=7 => {
            let first = random.below(1_000_000);
            let mut append = batch(id, first..=first + random.below(5), random.below(1000) as i64);
            if random.below(10) == 0 {
                append.changes.clear();
            }
            append.actors = (0..random.below(4)).map(|_| random.binding()).collect();
            same(model.append(append.clone()).await, store.append(append).await, context);
        }
        8 | 9 => {
            let compaction = compaction(id, random.below(30));
            same(model.compact(compaction.clone()).await, store.compact(compaction).await, context);
        }
        10 | 11 => same(model.load(id).await, store.load(id).await, context),
        12 => {
            let (after, limit) = ((random.below(2) == 0).then_some(id), random.below(4) as usize);
            same(model.list(after, limit).await, store.list(after, limit).await, context);
        }
        13 if random.below(6) == 0 => same(model.delete(id).await, store.delete(id).await, context),
        13 | 14 => {
            let row = change(random.below(8));
            let bytes = if random.below(5) == 0 { Bytes::new() } else { row.bytes };
            let reason = "random".to_owned();
            let suspect =
                QuarantinedChange { document: id, hash: Some(row.hash), bytes, reason, received_ms: 3 };
            same(model.quarantine(suspect.clone()).await, store.quarantine(suspect).await, context);
        }
        15 => same(model.quarantined(id).await, store.quarantined(id).await, context),
        16 | 17 => {
            // Only for documents that live: of others a store may remember heads until the next commit.
            if model.load(id).await.is_ok_and(|stored| stored.is_some_and(|stored| !stored.deleted)) {
                let (peer, heads) = (random.peer(), heads(random.below(100)));
                let expected = model.remember_shared_heads(peer.clone(), id, heads.clone()).await;
                same(expected, store.remember_shared_heads(peer, id, heads).await, context);
            }
        }
        18 => {
            let peer = random.peer();
            same(model.shared_heads(peer.clone(), id).await, store.shared_heads(peer, id).await, context);
        }
        _ => same(model.probe().await, store.probe().await, context),
    }
}

/// Compares all that there is in the end.
pub async fn compare(model: &dyn DocumentStore, store: &dyn DocumentStore, context: &str) {
    for index in 0..DOCUMENTS {
        let id = document(&format!("random {index}"));
        same(model.load(id).await, store.load(id).await, context);
    }
}

#[track_caller]
fn same<T: Debug + PartialEq>(expected: T, found: T, context: &str) {
    assert_eq!(found, expected, "{context}");
}
