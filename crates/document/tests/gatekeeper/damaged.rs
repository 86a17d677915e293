//! Good changes, cut and flipped at every place.

use crate::{chunk, corpus};
use automerge::Change;
use bytes::Bytes;
use tiebreak_document::{check_change, split_chunks};
use tiebreak_protocol::{Limits, Refusal};

fn good_changes() -> Vec<Bytes> {
    let accepted = corpus::files().into_iter().filter(|(code, ..)| code == "accepted");
    let chunks = accepted.flat_map(|(_, _, bytes)| split_chunks(bytes).unwrap());
    chunks.filter(|chunk| chunk.len() < 400).collect()
}

#[test]
fn a_change_that_is_cut_off_anywhere_is_malformed() {
    for good in good_changes() {
        for length in 0..good.len() {
            let verdict = check_change(good.slice(..length), &Limits::default());
            assert_eq!(verdict.err(), Some(Refusal::MalformedChange), "{length} of {}", crate::hex(&good));
        }
    }
}

#[test]
fn a_body_that_is_cut_off_anywhere_is_refused_though_its_checksum_fits() {
    for good in good_changes().into_iter().filter(|good| good[8] == 1) {
        let body = chunk::body(&good);
        for length in 0..body.len() {
            let bytes = Bytes::from(chunk::plain(&body[..length]));
            // Bytes after the columns are free, so cutting those off leaves another good change.
            if let Ok(checked) = check_change(bytes.clone(), &Limits::default()) {
                assert_eq!(checked.operations(), Change::from_bytes(bytes.to_vec()).unwrap().len() as u64);
                assert!(!Change::from_bytes(good.to_vec()).unwrap().extra_bytes().is_empty());
            }
        }
    }
}

#[test]
fn one_flipped_bit_anywhere_is_refused_or_means_nothing() {
    for good in good_changes() {
        let plain = check_change(good.clone(), &Limits::default()).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Ok(checked) = check_change(bytes.into(), &Limits::default()) else { continue };
            // The same bytes can be deflated in several ways; what they inflate to is what counts.
            assert_eq!(good[8], 2, "bit {bit} of {}", crate::hex(&good));
            assert_eq!(checked.plain_bytes(), plain.plain_bytes());
        }
    }
}

#[test]
fn one_flipped_bit_in_the_body_with_a_fitting_checksum_is_read_as_the_library_reads_it() {
    for good in good_changes().into_iter().filter(|good| good[8] == 1) {
        for bit in 0..chunk::body(&good).len() * 8 {
            let mut body = chunk::body(&good).to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            let bytes = Bytes::from(chunk::plain(&body));
            let Ok(checked) = check_change(bytes.clone(), &Limits::default()) else { continue };
            let change = Change::from_bytes(bytes.to_vec()).unwrap();
            assert_eq!(change.len() as u64, checked.operations());
            assert_eq!(Change::from(change.decode()).raw_bytes(), bytes);
        }
    }
}
