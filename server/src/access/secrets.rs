//! Secrets that are given out once and kept as hashes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tiebreak_protocol::Refusal;
use tiebreak_storage::accounts::SecretHash;

/// A secret of 256 random bits behind a prefix that says what it is for, so that one that leaks is recognised.
///
/// # Errors
/// [`Refusal::Busy`] when the system has no randomness.
pub(crate) fn new_secret(prefix: &str) -> Result<String, Refusal> {
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random::<32>()?)))
}

/// What is kept of it. Its holder cannot be guessed at, so a fast hash is enough.
pub(crate) fn hash_of(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// # Errors
/// [`Refusal::Busy`] when the system has none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::Busy)?;
    Ok(bytes)
}
