//! The sync message of the Automerge sync protocol: read with bounds, written without copies beyond one.
//!
//! Source: `automerge::sync` 0.12, the paper arXiv:2012.00472. We neither announce nor require the
//! capability flags: a peer then sends single changes instead of whole documents, which is what the
//! gatekeeper can judge one by one.

use crate::engine::{library_hash, our_hash};
use crate::gatekeeper::reader::write_unsigned;
use automerge::sync::BloomFilter;
use bytes::Bytes;
use tiebreak_protocol::ChangeHash;

const TYPE_V1: u8 = 0x42;
const TYPE_V2: u8 = 0x43;
/// Lists of hashes in a message: heads, needs, what was seen last.
const HASHES_MAX: u64 = 100_000;
/// Changes asked for by name that are answered; a peer names the others again in its next message.
const NEED_MAX: usize = 10_000;
const HAVES_MAX: u64 = 16;
/// Runs of chunks in a message: as many as there are smallest changes in one of 16 MiB.
const RUNS_MAX: u64 = 1 << 18;
/// The library writes 10 bits and 7 probes per entry.
const BITS_PER_ENTRY_MAX: u64 = 64;
const PROBES_MAX: u64 = 32;
const FLAG_BITFIELD: u8 = 0x80;
const FLAG_SYNC_RESET: u8 = 1;
const FLAG_READ_ONLY: u8 = 1 << 1;

/// Bytes that are not a sync message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed sync message")]
pub struct InvalidSyncMessage;

/// One message about one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncMessage {
    /// The sender's heads.
    pub heads: Vec<ChangeHash>,
    /// Changes that the sender asks for by name, each once.
    pub need: Vec<ChangeHash>,
    /// What the sender has.
    pub have: Vec<Have>,
    /// Chunks for the recipient, each one change or (second version) several chunks in a row.
    pub changes: Vec<Bytes>,
    /// The sender can read whole documents in `changes`.
    pub reads_documents: bool,
    pub wants: Wants,
}

/// What the sender of a message wants of our changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wants {
    /// What it lacks and was not sent yet.
    #[default]
    News,
    /// All that it lacks, whatever was sent before.
    Everything,
    /// Nothing: it takes no changes.
    Nothing,
}

/// All changes up to `last_sync` and those in the filter, which errs on the side of having.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Have {
    pub last_sync: Vec<ChangeHash>,
    filter: Option<BloomFilter>,
}

impl Have {
    /// Everything up to these heads and nothing else.
    pub fn everything_up_to(last_sync: &[ChangeHash]) -> Self {
        Self { last_sync: last_sync.to_vec(), filter: None }
    }

    /// Everything up to `last_sync`, and `hashes` beyond it.
    pub fn beyond(last_sync: &[ChangeHash], hashes: &[ChangeHash]) -> Self {
        let library: Vec<_> = hashes.iter().map(|hash| library_hash(*hash)).collect();
        let filter = (!hashes.is_empty()).then(|| BloomFilter::from_hashes(library.iter()));
        Self { last_sync: last_sync.to_vec(), filter }
    }

    /// Whether the sender probably has this change, beyond `last_sync`.
    pub fn may_contain(&self, hash: &ChangeHash) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.contains_hash(&library_hash(*hash)))
    }

    /// Whether there is more than `last_sync`.
    pub fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    /// Nothing at all: what a peer says that has lost its memory of us.
    pub fn is_nothing(&self) -> bool {
        self.last_sync.is_empty() && self.filter.is_none()
    }
}

impl SyncMessage {
    /// Reads one message; time and memory are linear in its length.
    ///
    /// # Errors
    /// Anything truncated, over long, or with a filter that could not have come from the library.
    pub fn decode(bytes: &Bytes) -> Result<Self, InvalidSyncMessage> {
        let mut reader = Reader { bytes: bytes.clone(), at: 0 };
        if !matches!(reader.byte()?, TYPE_V1 | TYPE_V2) {
            return Err(InvalidSyncMessage);
        }
        let heads = reader.hashes()?;
        let mut need = reader.hashes()?;
        need.sort_unstable();
        need.dedup();
        need.truncate(NEED_MAX);
        let have = (0..reader.length(HAVES_MAX)?).map(|_| reader.have()).collect::<Result<_, _>>()?;
        let changes: Vec<_> =
            (0..reader.length(RUNS_MAX)?).map(|_| reader.run()).collect::<Result<_, _>>()?;
        // Nobody sends empty runs, which take no space in a message and some in memory.
        if changes.iter().any(Bytes::is_empty) {
            return Err(InvalidSyncMessage);
        }
        let mut message = Self { heads, need, have, changes, ..Self::default() };
        if reader.at < bytes.len() {
            // Old peers append nothing; what newer ones append beyond the flags is theirs to add.
            message.reads_documents = true;
            let flags = reader.run()?;
            let bits = flags.iter().filter(|byte| *byte & FLAG_BITFIELD != 0).fold(0, |all, byte| all | byte);
            if bits & FLAG_READ_ONLY != 0 {
                message.wants = Wants::Nothing;
            } else if bits & FLAG_SYNC_RESET != 0 {
                message.wants = Wants::Everything;
            }
        }
        Ok(message)
    }

    /// The bytes of the message, without capability flags.
    pub fn encode(&self) -> Bytes {
        let changes_bytes: usize = self.changes.iter().map(|change| change.len() + 5).sum();
        let mut out = Vec::with_capacity(changes_bytes + 32 * (self.heads.len() + self.need.len() + 2) + 16);
        out.push(TYPE_V1);
        write_hashes(&mut out, &self.heads);
        write_hashes(&mut out, &self.need);
        write_unsigned(self.have.len() as u64, &mut out);
        for have in &self.have {
            write_hashes(&mut out, &have.last_sync);
            let filter = have.filter.as_ref().map(BloomFilter::to_bytes).unwrap_or_default();
            write_unsigned(filter.len() as u64, &mut out);
            out.extend(filter);
        }
        write_unsigned(self.changes.len() as u64, &mut out);
        for change in &self.changes {
            write_unsigned(change.len() as u64, &mut out);
            out.extend_from_slice(change);
        }
        out.into()
    }
}

/// Hashes are written sorted, as the library asserts.
fn write_hashes(out: &mut Vec<u8>, hashes: &[ChangeHash]) {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    write_unsigned(sorted.len() as u64, out);
    for hash in sorted {
        out.extend(hash.0);
    }
}

struct Reader {
    bytes: Bytes,
    at: usize,
}

impl Reader {
    fn byte(&mut self) -> Result<u8, InvalidSyncMessage> {
        let byte = *self.bytes.get(self.at).ok_or(InvalidSyncMessage)?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, length: usize) -> Result<Bytes, InvalidSyncMessage> {
        let end =
            self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(InvalidSyncMessage)?;
        let taken = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(taken)
    }

    /// A LEB128 number up to `max`.
    fn length(&mut self, max: u64) -> Result<u64, InvalidSyncMessage> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return if value <= max { Ok(value) } else { Err(InvalidSyncMessage) };
            }
        }
        Err(InvalidSyncMessage)
    }

    /// Length-prefixed bytes.
    fn run(&mut self) -> Result<Bytes, InvalidSyncMessage> {
        let length = self.length(self.bytes.len() as u64)?;
        self.take(usize::try_from(length).map_err(|_| InvalidSyncMessage)?)
    }

    fn hashes(&mut self) -> Result<Vec<ChangeHash>, InvalidSyncMessage> {
        let count = self.length(HASHES_MAX)?;
        let bytes = self.take(usize::try_from(count * 32).map_err(|_| InvalidSyncMessage)?)?;
        let (hashes, _none) = bytes.as_chunks::<32>();
        Ok(hashes.iter().map(|hash| our_hash(automerge::ChangeHash(*hash))).collect())
    }

    fn have(&mut self) -> Result<Have, InvalidSyncMessage> {
        let last_sync = self.hashes()?;
        let filter = self.run()?;
        if filter.is_empty() {
            return Ok(Have { last_sync, filter: None });
        }
        // The library divides by the number of bits and allocates by the number of probes, both unchecked.
        let mut header = Self { bytes: filter.clone(), at: 0 };
        let entries = header.length(u64::from(u32::MAX))?;
        let bits_per_entry = header.length(BITS_PER_ENTRY_MAX)?;
        let probes = header.length(PROBES_MAX)?;
        let bits = (filter.len() - header.at) as u64;
        if entries == 0
            || bits_per_entry == 0
            || probes == 0
            || bits != (entries * bits_per_entry).div_ceil(8)
        {
            return Err(InvalidSyncMessage);
        }
        let filter = BloomFilter::try_from(filter.as_ref()).map_err(|_| InvalidSyncMessage)?;
        Ok(Have { last_sync, filter: Some(filter) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use automerge::sync::{Message, State, SyncDoc};
    use automerge::transaction::Transactable;
    use automerge::{AutoCommit, ROOT};
    use proptest::prelude::*;

    fn hash(byte: u8) -> ChangeHash {
        ChangeHash([byte; 32])
    }

    fn message() -> SyncMessage {
        SyncMessage {
            heads: vec![hash(1), hash(2)],
            need: vec![hash(3)],
            have: vec![Have::beyond(&[hash(1)], &[hash(4), hash(5)])],
            changes: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")],
            ..SyncMessage::default()
        }
    }

    #[test]
    fn what_we_write_the_library_reads_and_we_read() {
        let bytes = message().encode();
        assert_eq!(SyncMessage::decode(&bytes), Ok(message()));
        let theirs = Message::decode(&bytes).unwrap();
        assert_eq!(theirs.heads, vec![library_hash(hash(1)), library_hash(hash(2))]);
        assert_eq!(theirs.changes.iter().collect::<Vec<_>>(), [b"one", b"two"]);
        assert!(theirs.have[0].bloom.contains_hash(&library_hash(hash(4))));
        assert_eq!(theirs.flags, None);
    }

    #[test]
    fn what_the_library_writes_we_read_with_its_flags() {
        let mut doc = AutoCommit::new();
        doc.put(ROOT, "key", "value").unwrap();
        let message = doc.sync().generate_sync_message(&mut State::new()).unwrap();
        let read = SyncMessage::decode(&Bytes::from(message.clone().encode())).unwrap();
        assert_eq!(read.heads, message.heads.iter().map(|head| our_hash(*head)).collect::<Vec<_>>());
        assert!(read.reads_documents && read.wants == Wants::News);
        assert!(read.have[0].may_contain(&read.heads[0]));
    }

    #[test]
    fn a_filter_that_would_divide_by_zero_or_reserve_gigabytes_is_refused() {
        for header in
            [&[1, 0, 7][..], &[1, 10, 0, 0, 0], &[1, 10, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], &[0, 10, 7]]
        {
            let mut bytes = vec![TYPE_V1, 0, 0, 1, 0, u8::try_from(header.len()).unwrap()];
            bytes.extend(header);
            bytes.push(0);
            assert_eq!(SyncMessage::decode(&bytes.into()), Err(InvalidSyncMessage), "{header:?}");
        }
    }

    #[test]
    fn a_change_that_is_asked_for_twice_is_asked_for_once_and_a_long_list_is_cut() {
        let read = |need: Vec<ChangeHash>| {
            SyncMessage::decode(&SyncMessage { need, ..SyncMessage::default() }.encode()).unwrap().need
        };
        assert_eq!(read(vec![hash(1), hash(2), hash(1), hash(1)]), [hash(1), hash(2)]);
        let numbered = |number: u32| {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&number.to_be_bytes());
            ChangeHash(hash)
        };
        assert_eq!(read((0..10_001).map(numbered).collect()).len(), 10_000);
    }

    #[test]
    fn empty_runs_and_more_runs_than_a_message_has_changes_are_refused() {
        let with = |runs: &[&[u8]]| {
            let changes = runs.iter().map(|run| Bytes::copy_from_slice(run)).collect();
            SyncMessage::decode(&SyncMessage { changes, ..SyncMessage::default() }.encode())
        };
        assert_eq!(with(&[b"one", b""]), Err(InvalidSyncMessage));
        let most = vec![&b"x"[..]; 1 << 18];
        assert_eq!(with(&most).unwrap().changes.len(), 1 << 18);
        assert_eq!(with(&[&most[..], &most[..1]].concat()), Err(InvalidSyncMessage));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _verdict = SyncMessage::decode(&bytes.into());
        }

        #[test]
        fn a_message_cut_anywhere_is_refused(cut in 0_usize..200) {
            let bytes = message().encode();
            prop_assume!(cut < bytes.len());
            prop_assert_eq!(SyncMessage::decode(&bytes.slice(..cut)), Err(InvalidSyncMessage));
        }
    }
}
