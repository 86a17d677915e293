//! Takes chunks apart and puts them together again, with the right length and checksum.

use bytes::Bytes;
use flate2::{Compression, write::DeflateEncoder};
use sha2::{Digest, Sha256};
use std::io::Write;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];

/// A change chunk around any body.
pub(crate) fn plain(body: &[u8]) -> Vec<u8> {
    let mut tail = vec![1];
    write_unsigned(body.len() as u64, &mut tail);
    tail.extend_from_slice(body);
    let checksum = Sha256::digest(&tail);
    [&MAGIC, &checksum[..4], &tail].concat()
}

/// The dependencies of a change, its author, sequence number and first counter.
pub(crate) struct Place<'a> {
    pub(crate) deps: &'a [[u8; 32]],
    pub(crate) actor: u16,
    pub(crate) seq: u64,
    pub(crate) start_op: u64,
}

/// A good change of about fifty bytes that makes as many maps, all under the same key.
pub(crate) fn change_of_makes(actor: u16, rows: u64) -> Bytes {
    change(&Place { deps: &[], actor, seq: 1, start_op: 1 }, 0, rows)
}

/// A good change that writes true to the key "a".
pub(crate) fn change_of_put(place: &Place<'_>) -> Bytes {
    change_of_puts(place, 1)
}

/// One that does so several times.
pub(crate) fn change_of_puts(place: &Place<'_>, rows: u64) -> Bytes {
    const SET: u8 = 1;
    change(place, SET, rows)
}

pub(crate) fn hash(plain: &[u8]) -> [u8; 32] {
    Sha256::digest(&plain[8..]).into()
}

fn change(place: &Place<'_>, action: u8, rows: u64) -> Bytes {
    let Place { deps, actor, seq, start_op } = place;
    let mut body = Vec::new();
    write_unsigned(deps.len() as u64, &mut body);
    let mut deps = deps.to_vec();
    deps.sort_unstable();
    body.extend(deps.concat());
    body.push(2);
    body.extend(actor.to_be_bytes());
    write_unsigned(*seq, &mut body);
    write_unsigned(*start_op, &mut body);
    // Neither time, message nor other actors.
    body.extend([0, 0, 0]);
    // A single row is a literal run.
    let run = |value: &[u8]| [&signed(if rows == 1 { -1 } else { rows as i64 }), value].concat();
    let mut unset = Vec::new();
    write_unsigned(rows, &mut unset);
    let value = if action == 0 { 0 } else { 2 };
    let columns = [
        (0x15, run(&[1, b'a'])),
        (0x34, unset),
        (0x42, run(&[action])),
        (0x56, run(&[value])),
        (0x70, run(&[0])),
    ];
    body.push(columns.len() as u8);
    for (specification, column) in &columns {
        body.extend([*specification, column.len() as u8]);
    }
    body.extend(columns.into_iter().flat_map(|(_, column)| column));
    plain(&body).into()
}

/// A compressed chunk that inflates to this body. Its checksum is not that of the change.
pub(crate) fn deflated(body: &[u8]) -> Bytes {
    let mut deflater = DeflateEncoder::new(Vec::new(), Compression::best());
    deflater.write_all(body).unwrap();
    let mut chunk = plain(&deflater.finish().unwrap());
    chunk[8] = 2;
    chunk.into()
}

/// The body of a chunk, as it stands.
pub(crate) fn body(chunk: &[u8]) -> &[u8] {
    let length = chunk[9..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    &chunk[9 + length..]
}

pub(crate) fn write_unsigned(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn signed(value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = value;
    while !(-0x40..0x40).contains(&rest) {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push((rest & 0x7f) as u8);
    out
}
