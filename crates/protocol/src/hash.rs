//! The hash that names one change, and the set of hashes that names a state of a document.

use std::fmt;
use std::str::FromStr;

/// SHA-256 of a change's chunk (without magic and checksum), the name of that change everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeHash(pub [u8; 32]);

impl fmt::Display for ChangeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChangeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A change hash is 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a change hash is 64 hexadecimal digits")]
pub struct InvalidChangeHash;

impl FromStr for ChangeHash {
    type Err = InvalidChangeHash;

    fn from_str(text: &str) -> Result<Self, InvalidChangeHash> {
        if text.len() != 64 || !text.is_ascii() {
            return Err(InvalidChangeHash);
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| InvalidChangeHash)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidChangeHash)?;
        }
        Ok(Self(bytes))
    }
}

impl ChangeHash {
    /// The automerge-repo spelling of a head in URLs and remote-heads messages: base58check.
    pub fn to_base58(self) -> String {
        bs58::encode(self.0).with_check().into_string()
    }

    /// Reads the base58check spelling.
    pub fn from_base58(text: &str) -> Result<Self, InvalidChangeHash> {
        let bytes = bs58::decode(text).with_check(None).into_vec().map_err(|_| InvalidChangeHash)?;
        Ok(Self(bytes.try_into().map_err(|_| InvalidChangeHash)?))
    }
}

/// The changes of a document that no other change depends on: sorted, without repetition.
/// Two replicas with equal heads hold the same history. Empty means: nothing at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Heads(Vec<ChangeHash>);

impl Heads {
    /// Sorts and de-duplicates.
    pub fn new(mut hashes: Vec<ChangeHash>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes)
    }

    pub fn as_slice(&self) -> &[ChangeHash] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &ChangeHash> {
        self.0.iter()
    }

    pub fn contains(&self, hash: &ChangeHash) -> bool {
        self.0.binary_search(hash).is_ok()
    }

    /// All hashes one after the other, 32 bytes each: how stores keep heads.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.0).collect()
    }

    /// Reads what [`Heads::to_bytes`] wrote; `None` when the length is no multiple of 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        rest.is_empty().then(|| Self::new(hashes.iter().map(|hash| ChangeHash(*hash)).collect()))
    }
}

impl FromIterator<ChangeHash> for Heads {
    fn from_iter<T: IntoIterator<Item = ChangeHash>>(hashes: T) -> Self {
        Self::new(hashes.into_iter().collect())
    }
}
