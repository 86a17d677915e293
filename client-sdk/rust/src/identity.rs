//! Who this device is: to the server, and in the history of documents.

use crate::error::OpenError;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tiebreak_protocol::{PeerId, StorageId};
use tiebreak_storage::SqliteStore;
use tiebreak_sync::link::ClientIdentity;

/// What a client is known by from its opening to its closing.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) client: ClientIdentity,
    /// The actor of every change made here until the client is closed.
    pub(crate) actor: Arc<[u8]>,
    /// For delays.
    pub(crate) seed: u64,
}

/// A new identity for each opening of the store. An actor must never make two different changes with one number,
/// and a copy of a store, or one that was rolled back, would do so if it kept its actor: so no actor outlives its
/// opening. The incarnation, which the store counts durably, comes first in it, so that even two openings with the
/// same random numbers (of a machine restored from a picture of itself) differ as long as one follows the other.
pub(crate) fn of(store: &SqliteStore) -> Result<Identity, OpenError> {
    let random: [u8; 32] = random()?;
    let mut actor = store.incarnation().to_be_bytes()[4..].to_vec();
    actor.extend_from_slice(&random[..12]);
    let peer: PeerId = format!("device-{}", hex(&random[12..24])).parse().map_err(|_| OpenError::Random)?;
    let mut seed = [0; 8];
    seed.copy_from_slice(&random[24..]);
    let seed = u64::from_be_bytes(seed);
    Ok(Identity { client: ClientIdentity { peer }, actor: actor.into(), seed })
}

/// The name under which it is remembered what the server at an address has: not the address, which may hold
/// secrets.
pub(crate) fn name_of_server(url: Option<&str>) -> Result<StorageId, OpenError> {
    let digest = Sha256::digest(url.unwrap_or_default());
    format!("server-{}", hex(&digest[..16])).parse().map_err(|_| OpenError::Random)
}

/// What marks a store as a device's: servers mark theirs otherwise.
const STORE_NAME_PREFIX: &str = "device-store-";

pub(crate) fn name_of_store() -> Result<StorageId, OpenError> {
    let random: [u8; 12] = random()?;
    format!("{STORE_NAME_PREFIX}{}", hex(&random)).parse().map_err(|_| OpenError::Random)
}

pub(crate) fn is_name_of_store(name: &StorageId) -> bool {
    name.as_str().starts_with(STORE_NAME_PREFIX)
}

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], OpenError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| OpenError::Random)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
