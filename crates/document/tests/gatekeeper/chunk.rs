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

/// A compressed chunk that inflates to this body. Its checksum is not that of the change.
pub(crate) fn deflated(body: &[u8]) -> Bytes {
    let mut deflater = DeflateEncoder::new(Vec::new(), Compression::fast());
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
