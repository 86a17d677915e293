//! What fuzzing does with an input. The fuzz target includes this file, and so do the tests, which run it
//! over the corpus: it compiles as long as they do.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tiebreak_document::{Budget, Document, SyncMessage, check_change, check_change_within, split_chunks};
use tiebreak_protocol::Limits;

const CHECKSUM: std::ops::Range<usize> = 4..8;
const TYPE_AT: usize = 8;

/// Chunks in a row, as they are and with fitting checksums; what is accepted reads and merges.
pub(crate) fn try_chunks(input: &[u8]) {
    let limits = Limits::default();
    let mut budget = Budget::for_message(&limits);
    let mut accepted = Vec::new();
    for chunk in split_chunks(Bytes::copy_from_slice(input)).unwrap_or_default() {
        drop(check_change(chunk.clone(), &limits));
        // Without a fitting checksum hardly any input would be read past its header.
        let mut repaired = chunk.to_vec();
        let checksum = Sha256::digest(&chunk[TYPE_AT..]);
        repaired[CHECKSUM].copy_from_slice(&checksum[..4]);
        if let Ok(change) = check_change_within(repaired.into(), &limits, &mut budget) {
            assert_eq!(change.operations_iter().count() as u64, change.operations());
            accepted.push(change);
        }
    }
    let mut document = Document::new();
    let admitted = document.admit(accepted, &limits).expect("an empty document opens");
    document.merge(&admitted.ready).expect("what was admitted merges");
    document.snapshot().expect("what was merged is saved and loaded");
    document.to_json().expect("what was merged is read");
}

/// A sync message, which is written again as it was read.
pub(crate) fn try_message(input: &[u8]) {
    let Ok(message) = SyncMessage::decode(&Bytes::copy_from_slice(input)) else { return };
    for run in &message.changes {
        drop(split_chunks(run.clone()));
    }
    let again = SyncMessage::decode(&message.encode()).expect("what we write is a message");
    assert_eq!(again.changes, message.changes);
    assert_eq!(again.need, message.need);
}
