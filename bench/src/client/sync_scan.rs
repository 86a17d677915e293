//! Reads just enough of a sync message to know which changes it brings: their hashes, actors and numbers.

use anyhow::Context;
use automerge::{Automerge, Change};
use sha2::{Digest, Sha256};

pub(crate) type Hash = [u8; 32];

const CHANGE_MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHUNK_IS_CHANGE: u8 = 1;
const CHUNK_IS_COMPRESSED_CHANGE: u8 = 2;

/// The heads of a sync message and the chunks of changes that it carries.
pub(crate) struct SyncScan<'a> {
    pub(crate) heads: &'a [Hash],
    pub(crate) chunks: Vec<&'a [u8]>,
}

impl<'a> SyncScan<'a> {
    pub(crate) fn scan(message: &'a [u8]) -> anyhow::Result<Self> {
        let mut input = Input(message);
        input.take(1)?; // the version
        let heads = input.hashes()?;
        input.hashes()?; // need
        for _have in 0..input.number()? {
            input.hashes()?;
            input.prefixed()?; // the Bloom filter
        }
        let chunks = (0..input.number()?).map(|_| input.prefixed()).collect::<anyhow::Result<_>>()?;
        Ok(Self { heads, chunks })
    }
}

/// One change, as far as a light client looks.
pub(crate) struct ScannedChange<'a> {
    pub(crate) hash: Hash,
    pub(crate) dependencies: &'a [Hash],
    pub(crate) actor: &'a [u8],
    pub(crate) sequence: u64,
}

/// Calls `visit` for every change in the chunks that `bytes` consist of.
pub(crate) fn visit_changes(bytes: &[u8], visit: &mut impl FnMut(&ScannedChange<'_>)) -> anyhow::Result<()> {
    let mut input = Input(bytes);
    while !input.0.is_empty() {
        let chunk = input.0;
        anyhow::ensure!(input.take(4)? == CHANGE_MAGIC, "a chunk starts with the wrong bytes");
        input.take(4)?; // the checksum
        let hashed = input.0;
        let kind = input.take(1)?[0];
        let body = input.prefixed()?;
        let hashed = &hashed[..hashed.len() - input.0.len()];
        match kind {
            CHUNK_IS_CHANGE => {
                let mut body = Input(body);
                let dependencies = body.hashes()?;
                let actor = body.prefixed()?;
                let sequence = body.number()?;
                let hash = Sha256::digest(hashed).into();
                visit(&ScannedChange { hash, dependencies, actor, sequence });
            }
            CHUNK_IS_COMPRESSED_CHANGE => {
                let chunk = &chunk[..chunk.len() - input.0.len()];
                visit_decoded(&[Change::from_bytes(chunk.to_vec())?], visit);
            }
            _document => {
                let chunk = &chunk[..chunk.len() - input.0.len()];
                visit_decoded(&Automerge::load(chunk)?.get_changes(&[]), visit);
            }
        }
    }
    Ok(())
}

fn visit_decoded(changes: &[Change], visit: &mut impl FnMut(&ScannedChange<'_>)) {
    for change in changes {
        let dependencies: Vec<Hash> = change.deps().iter().map(|hash| hash.0).collect();
        visit(&ScannedChange {
            hash: change.hash().0,
            dependencies: &dependencies,
            actor: change.actor_id().to_bytes(),
            sequence: change.seq(),
        });
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).context("the message is truncated")?;
        self.0 = rest;
        Ok(taken)
    }

    /// An unsigned LEB128 number.
    fn number(&mut self) -> anyhow::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        anyhow::bail!("a number is too long")
    }

    fn prefixed(&mut self) -> anyhow::Result<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length)?)
    }

    fn hashes(&mut self) -> anyhow::Result<&'a [Hash]> {
        let count = usize::try_from(self.number()?)?;
        let bytes = self.take(count.checked_mul(32).context("the message is truncated")?)?;
        Ok(bytes.as_chunks().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use automerge::sync::{State, SyncDoc};
    use automerge::transaction::Transactable;
    use automerge::{AutoCommit, ROOT};

    #[test]
    fn a_scan_sees_the_changes_that_the_library_sees() {
        let mut document = AutoCommit::new();
        for (key, value) in [("short", "a".to_owned()), ("long", "lorem ipsum ".repeat(100))] {
            document.put(ROOT, key, value).unwrap();
            document.commit();
        }
        let changes = document.get_changes(&[]);
        let saved = document.save();
        let singles: Vec<u8> =
            changes.iter().flat_map(|change| change.clone().bytes().into_owned()).collect();
        for bytes in [saved, singles] {
            let mut seen = Vec::new();
            visit_changes(&bytes, &mut |change| {
                seen.push((
                    change.hash,
                    change.dependencies.to_vec(),
                    change.actor.to_vec(),
                    change.sequence,
                ));
            })
            .unwrap();
            let expected: Vec<_> = changes
                .iter()
                .map(|change| {
                    let dependencies = change.deps().iter().map(|hash| hash.0).collect();
                    (change.hash().0, dependencies, change.actor_id().to_bytes().to_vec(), change.seq())
                })
                .collect();
            assert_eq!(seen, expected);
        }
        let message = document.sync().generate_sync_message(&mut State::new()).unwrap();
        let heads: Vec<Hash> = message.heads.iter().map(|hash| hash.0).collect();
        assert_eq!(SyncScan::scan(&message.encode()).unwrap().heads, heads);
    }
}
