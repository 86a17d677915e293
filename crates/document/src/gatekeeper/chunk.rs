//! The envelope of a change: magic, checksum, type and length, and deflate where the type says so.

use super::budget::Budget;
use super::reader::{Reader, write_unsigned};
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use sha2::{Digest, Sha256};
use tiebreak_protocol::{ChangeHash, Refusal};

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHECKSUM_LENGTH: u64 = 4;
pub(crate) const CHANGE: u8 = 1;
pub(crate) const DEFLATED_CHANGE: u8 = 2;

/// Where the type byte stands; what the hash covers begins there.
pub(crate) const TYPE_AT: usize = 8;

/// The parts of a chunk, as its header tells them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    pub(crate) checksum: &'a [u8],
    pub(crate) chunk_type: u8,
    pub(crate) body: &'a [u8],
    /// How many bytes stand before the body.
    pub(crate) length: usize,
}

impl<'a> Header<'a> {
    /// Reads the header of the chunk that `bytes` begin with, and tells what follows that chunk.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Refusal> {
        let mut reader = Reader::new(bytes);
        if reader.take(MAGIC.len() as u64)? != MAGIC {
            return Err(Refusal::MalformedChange);
        }
        let checksum = reader.take(CHECKSUM_LENGTH)?;
        let chunk_type = reader.byte()?;
        let body_length = reader.unsigned()?;
        let length = bytes.len() - reader.rest().len();
        let body = reader.take(body_length)?;
        Ok((Self { checksum, chunk_type, body, length }, reader.rest()))
    }
}

/// A change chunk whose body is inflated and matches its checksum.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) hash: ChangeHash,
    /// The chunk in its plain form.
    pub(crate) plain: Bytes,
    /// Where the body begins in it.
    pub(crate) body_at: usize,
}

/// Opens a chunk that must be exactly one change, plain or deflated.
pub(crate) fn open(chunk: &Bytes, body_bytes_max: usize, budget: &mut Budget) -> Result<Opened, Refusal> {
    let (header, rest) = Header::read(chunk)?;
    if !matches!(header.chunk_type, CHANGE | DEFLATED_CHANGE) {
        return Err(Refusal::NotAChange);
    }
    if !rest.is_empty() {
        return Err(Refusal::MalformedChange);
    }
    if header.body.len() > body_bytes_max {
        return Err(Refusal::ChangeTooLarge);
    }
    let (plain, body_at) = match header.chunk_type {
        DEFLATED_CHANGE => {
            plain_chunk(header.checksum, &inflate_within(header.body, body_bytes_max, budget)?)
        }
        _ => {
            budget.spend_on_body(header.body.len())?;
            (chunk.clone(), header.length)
        }
    };
    let hash = ChangeHash(Sha256::digest(&plain[TYPE_AT..]).into());
    if !hash.0.starts_with(header.checksum) {
        return Err(Refusal::ChecksumMismatch);
    }
    Ok(Opened { hash, plain, body_at })
}

fn plain_chunk(checksum: &[u8], body: &[u8]) -> (Bytes, usize) {
    let mut plain = Vec::with_capacity(TYPE_AT + 11 + body.len());
    plain.extend_from_slice(&MAGIC);
    plain.extend_from_slice(checksum);
    plain.push(CHANGE);
    write_unsigned(body.len() as u64, &mut plain);
    let body_at = plain.len();
    plain.extend_from_slice(body);
    (plain.into(), body_at)
}

fn inflate_within(deflated: &[u8], bytes_max: usize, budget: &mut Budget) -> Result<Vec<u8>, Refusal> {
    let room = bytes_max.min(budget.body_bytes_left());
    let mut inflated = Vec::new();
    let verdict = inflate(deflated, room, &mut inflated);
    budget.spend_on_body(inflated.len())?;
    match verdict {
        Ok(()) => Ok(inflated),
        Err(Refusal::ChangeTooLarge) if room < bytes_max => Err(Refusal::MessageTooLarge),
        Err(refusal) => Err(refusal),
    }
}

/// Inflates a raw deflate stream that must end where its input ends, into at most `bytes_max` bytes.
/// What came out before a refusal stays in `inflated`.
pub(crate) fn inflate(mut deflated: &[u8], bytes_max: usize, inflated: &mut Vec<u8>) -> Result<(), Refusal> {
    const RAW: bool = false;
    let mut inflater = Decompress::new(RAW);
    // One byte of room past the limit tells "exactly as large" from "larger".
    let room_max = bytes_max.saturating_add(1);
    inflated.reserve(deflated.len().saturating_mul(4).clamp(1024, room_max.max(1024)));
    loop {
        let (taken_before, given_before) = (inflater.total_in(), inflater.total_out());
        let status = inflater
            .decompress_vec(deflated, inflated, FlushDecompress::Finish)
            .map_err(|_| Refusal::MalformedChange)?;
        if inflated.len() > bytes_max {
            return Err(Refusal::ChangeTooLarge);
        }
        let taken =
            usize::try_from(inflater.total_in() - taken_before).map_err(|_| Refusal::MalformedChange)?;
        deflated = deflated.get(taken..).unwrap_or_default();
        if status == Status::StreamEnd {
            return if deflated.is_empty() { Ok(()) } else { Err(Refusal::MalformedChange) };
        }
        let stuck = taken == 0 && inflater.total_out() == given_before;
        if inflated.len() < inflated.capacity() && stuck {
            return Err(Refusal::MalformedChange);
        }
        let more = inflated.capacity().min(room_max.saturating_sub(inflated.len())).max(1);
        inflated.reserve(more);
    }
}

/// How long a deflated stream is inflated, as far as it is one. Nothing is kept of it.
pub(crate) fn inflated_length(mut deflated: &[u8]) -> u64 {
    const RAW: bool = false;
    let mut inflater = Decompress::new(RAW);
    let mut scratch = [0; 16 * 1024];
    loop {
        let before = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(deflated, &mut scratch, FlushDecompress::None);
        let after = (inflater.total_in(), inflater.total_out());
        if after == before || !matches!(status, Ok(Status::Ok | Status::BufError)) {
            return after.1;
        }
        let taken = usize::try_from(after.0 - before.0).unwrap_or(usize::MAX);
        deflated = deflated.get(taken..).unwrap_or_default();
    }
}
