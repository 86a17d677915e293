//! Run with `cargo +nightly fuzz run gatekeeper ../corpus/accepted ../corpus/malformed_change …`.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use tiebreak_document::{check_change, split_chunks};
use tiebreak_protocol::Limits;

const CHECKSUM: std::ops::Range<usize> = 4..8;
const TYPE_AT: usize = 8;

fuzz_target!(|input: &[u8]| {
    let limits = Limits::default();
    for chunk in split_chunks(Bytes::copy_from_slice(input)).unwrap_or_default() {
        drop(check_change(chunk.clone(), &limits));
        // Without a fitting checksum hardly any input would be read past its header.
        let mut repaired = chunk.to_vec();
        let checksum = Sha256::digest(&chunk[TYPE_AT..]);
        repaired[CHECKSUM].copy_from_slice(&checksum[..4]);
        if let Ok(change) = check_change(repaired.into(), &limits) {
            assert_eq!(change.operations_iter().count() as u64, change.operations());
        }
    }
});
