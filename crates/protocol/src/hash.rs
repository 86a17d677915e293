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

/// 36 bytes in base58 take 50 digits at most.
const BASE58_LENGTH_MAX: usize = 50;

/// A change hash is 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a change hash is 64 hexadecimal digits")]
pub struct InvalidChangeHash;

impl FromStr for ChangeHash {
    type Err = InvalidChangeHash;

    fn from_str(text: &str) -> Result<Self, InvalidChangeHash> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(InvalidChangeHash);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
        }
        Ok(Self(bytes))
    }
}

/// A digit only: what the standard library reads as a number may begin with a sign.
fn hex_digit(byte: u8) -> Result<u8, InvalidChangeHash> {
    let digit = char::from(byte).to_digit(16).ok_or(InvalidChangeHash)?;
    u8::try_from(digit).map_err(|_| InvalidChangeHash)
}

impl ChangeHash {
    /// The automerge-repo spelling of a head in URLs and remote-heads messages: base58check.
    pub fn to_base58(self) -> String {
        bs58::encode(self.0).with_check().into_string()
    }

    /// Reads the base58check spelling.
    ///
    /// # Errors
    /// When the text is too long, its check does not hold, or it is not 32 bytes.
    pub fn from_base58(text: &str) -> Result<Self, InvalidChangeHash> {
        // Decoding takes time quadratic in the length.
        if text.len() > BASE58_LENGTH_MAX {
            return Err(InvalidChangeHash);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_hexadecimal_digits_and_nothing_that_reads_as_a_number() {
        let hash = ChangeHash([0xaf; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
        for wrong in ["+f".repeat(32), "a".repeat(63), "a".repeat(66), "é".repeat(32), " f".repeat(32)] {
            assert_eq!(wrong.parse::<ChangeHash>(), Err(InvalidChangeHash), "{wrong}");
        }
    }

    #[test]
    fn the_longest_base58_spelling_is_read_and_none_that_is_longer() {
        for byte in [0, 1, 0xff] {
            let hash = ChangeHash([byte; 32]);
            assert!(hash.to_base58().len() <= BASE58_LENGTH_MAX);
            assert_eq!(ChangeHash::from_base58(&hash.to_base58()), Ok(hash));
        }
        assert_eq!(ChangeHash::from_base58(&"1".repeat(100_000)), Err(InvalidChangeHash));
    }
}
