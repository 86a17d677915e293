use super::*;
use crate::gatekeeper::reader::write_unsigned;
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjType, ROOT};

fn edited(changes: usize) -> AutoCommit {
    let mut automerge = AutoCommit::new().with_actor(ActorId::from([7; 16].as_slice()));
    let text = automerge.put_object(ROOT, "text", ObjType::Text).unwrap();
    for number in 0..changes {
        automerge.put(ROOT, "number", number as i64).unwrap();
        automerge.splice_text(&text, 0, 0, "hello, long enough to be deflated ").unwrap();
        automerge.commit();
    }
    automerge
}

fn read(file: Vec<u8>, limits: &Limits) -> Result<FileChanges, FileError> {
    Document::changes_from_file(file.into(), limits)
}

/// A chunk around this body, with a checksum that holds.
fn chunk(chunk_type: u8, body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![chunk_type];
    write_unsigned(body.len() as u64, &mut hashed);
    hashed.extend_from_slice(body);
    let mut chunk = b"\x85\x6f\x4a\x83".to_vec();
    chunk.extend_from_slice(&Sha256::digest(&hashed)[..4]);
    chunk.extend(hashed);
    chunk
}

#[test]
fn a_saved_document_comes_apart_into_the_changes_it_was_made_of() {
    let mut automerge = edited(50);
    let saved = automerge.save();
    assert_eq!(saved[TYPE_AT], DOCUMENT);
    let found = read(saved, &Limits::default()).unwrap();
    assert!(found.refused.is_empty());
    let hashes: Vec<_> = found.changes.iter().map(|change| change.hash().0).collect();
    let expected: Vec<_> = automerge.get_changes(&[]).iter().map(|change| change.hash().0).collect();
    assert_eq!(hashes, expected);
}

#[test]
fn a_file_may_hold_a_document_and_changes_after_it() {
    let mut automerge = edited(5);
    let mut file = automerge.save();
    automerge.put(ROOT, "after", true).unwrap();
    file.extend(automerge.save_incremental());
    assert_eq!(read(file, &Limits::default()).unwrap().changes.len(), 6);
}

#[test]
fn an_empty_document_has_no_changes() {
    let found = read(AutoCommit::new().save(), &Limits::default()).unwrap();
    assert!(found.changes.is_empty() && found.refused.is_empty());
}

#[test]
fn a_change_past_the_limits_is_refused_by_name_and_alone() {
    let mut automerge = edited(3);
    automerge.put(ROOT, "large", "x".repeat(3_000)).unwrap();
    let large = automerge.get_last_local_change().unwrap().hash();
    let limits = Limits { change_bytes_max: 2_000, ..Limits::default() };
    let found = read(automerge.save(), &limits).unwrap();
    assert_eq!(found.changes.len(), 3);
    assert_eq!(found.refused, [(Some(ChangeHash(large.0)), Refusal::ChangeTooLarge)]);
}

#[test]
fn what_is_no_file_or_a_damaged_one_is_told_apart() {
    assert!(matches!(read(b"{}".to_vec(), &Limits::default()), Err(FileError::NotAFile)));
    assert!(matches!(read(Vec::new(), &Limits::default()), Err(FileError::NotAFile)));
    let saved = edited(20).save();
    let cut = saved[..saved.len() - 3].to_vec();
    assert!(matches!(read(cut, &Limits::default()), Err(FileError::Malformed)));
    let mut flipped = saved;
    *flipped.last_mut().unwrap() ^= 1;
    assert!(matches!(read(flipped, &Limits::default()), Err(FileError::ChecksumMismatch)));
}

#[test]
fn a_document_that_unfolds_past_the_budget_is_refused_before_the_library_reads_it() {
    let mut automerge = AutoCommit::new();
    let list = automerge.put_object(ROOT, "list", ObjType::List).unwrap();
    for index in 0..2_000 {
        automerge.insert(&list, index, true).unwrap();
    }
    let file = automerge.save();
    assert!(file.len() < 1_000, "{} bytes say two thousand operations", file.len());
    assert_eq!(read(file.clone(), &Limits::default()).unwrap().changes.len(), 1);
    let narrow = Limits { change_operations_max: 2_000, ..Limits::default() };
    assert!(matches!(read(file, &narrow), Err(FileError::TooLarge)));
}

#[test]
fn a_message_that_repeats_endlessly_is_refused() {
    let mut automerge = AutoCommit::new();
    for number in 0..2_000_i64 {
        automerge.put(ROOT, "number", number).unwrap();
        automerge
            .commit_with(automerge::transaction::CommitOptions::default().with_message("m".repeat(1_000)));
    }
    let file = automerge.save();
    let narrow = Limits { document_bytes_max: 1 << 20, ..Limits::default() };
    assert!(file.len() < 10_000);
    assert!(matches!(read(file, &narrow), Err(FileError::TooLarge)));
}

#[test]
fn a_deflated_column_is_inflated_within_the_budget() {
    let mut automerge = edited(1);
    automerge.put(ROOT, "zeros", "0".repeat(200_000)).unwrap();
    let file = automerge.save();
    assert!(file.len() < 5_000);
    let narrow = Limits { document_bytes_max: 100_000, ..Limits::default() };
    assert!(matches!(read(file, &narrow), Err(FileError::TooLarge)));
}

#[test]
fn runs_that_claim_billions_of_rows_are_refused() {
    let mut body = Vec::new();
    write_unsigned(1, &mut body);
    body.extend([1, 7]);
    write_unsigned(0, &mut body);
    // One column of changes, one of operations: the actor and the action, a run of 2^40 each.
    let run = [0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0];
    for specification in [0x01, 0x42] {
        write_unsigned(1, &mut body);
        write_unsigned(specification, &mut body);
        write_unsigned(run.len() as u64, &mut body);
    }
    body.extend(run);
    body.extend(run);
    assert!(matches!(read(chunk(DOCUMENT, &body), &Limits::default()), Err(FileError::TooLarge)));
}

#[test]
fn a_damaged_document_with_a_valid_checksum_never_gets_through_as_something_else() {
    let saved = edited(20).save_nocompress();
    let (header, _) = Header::read(&saved).unwrap();
    let body = header.body.to_vec();
    // A walk over all places with a few values each, from a fixed sequence.
    let mut state = 7_u32;
    for at in 0..body.len() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut damaged = body.clone();
        damaged[at] ^= (state >> 24) as u8 | 1;
        let Ok(found) = read(chunk(DOCUMENT, &damaged), &Limits::default()) else { continue };
        for change in &found.changes {
            assert!(change.operations() <= 10_000);
        }
    }
}
