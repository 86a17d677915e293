//! The limit of signing in: argon2id alone, with the parameters of a hash that the server has stored.

use crate::machine::cpu_seconds;
use anyhow::{Context, bail, ensure};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::{Duration, Instant};

const DATABASE_FILE: &str = "tiebreak.sqlite";
const SALT: &[u8] = b"the same for all";
const OUTPUT_BYTES: usize = 32;

/// A hash as the server on this data directory stores it: whatever its parameters are, they stand in it.
pub(crate) fn stored_hash(data: &Path) -> anyhow::Result<String> {
    let path = data.join(DATABASE_FILE);
    let database = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let any = "SELECT password_hash FROM accounts WHERE password_hash IS NOT NULL LIMIT 1";
    database.query_row(any, (), |row| row.get(0)).context("no account has a password")
}

/// Hashes per second of processor time, on all processors that this process may use at once, as the server does it.
/// What else runs on the machine makes the limit no lower.
pub(crate) fn hashes_per_cpu_second(stored: &str, time: Duration) -> anyhow::Result<f64> {
    let threads = std::thread::available_parallelism()?.get();
    let before = cpu_seconds(std::process::id());
    let hashes = hash_for(stored, time, threads)?;
    let seconds = cpu_seconds(std::process::id()) - before;
    ensure!(seconds > 0.0, "{time:?} are too short to tell");
    Ok(hashes as f64 / seconds)
}

/// How many hashes with the parameters of `stored` are made in the time; at least one a thread.
fn hash_for(stored: &str, time: Duration, threads: usize) -> anyhow::Result<u64> {
    let stored = PasswordHash::new(stored).context("this is no stored password hash")?;
    let params = Params::try_from(&stored).context("these are no argon2 parameters")?;
    let deadline = Instant::now() + time;
    std::thread::scope(|scope| {
        let each: Vec<_> = (0..threads).map(|_| scope.spawn(|| hash_until(deadline, &params))).collect();
        each.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked"))).sum()
    })
}

fn hash_until(deadline: Instant, params: &Params) -> anyhow::Result<u64> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut blocks = vec![Block::new(); params.block_count()];
    let mut output = [0; OUTPUT_BYTES];
    let mut hashes: u64 = 0;
    loop {
        let password = hashes.to_be_bytes();
        argon2.hash_password_into_with_memory(&password, SALT, &mut output, &mut blocks)?;
        hashes += 1;
        if Instant::now() >= deadline {
            return Ok(hashes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_made_with_the_parameters_of_the_stored_one_and_no_others() {
        let stored = |params: &str| {
            format!(
                "$argon2id$v=19${params}$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            )
        };
        let hash_with = |params: &str| hash_for(&stored(params), Duration::ZERO, 2).ok();
        assert_eq!(hash_with("m=64,t=1,p=1"), Some(2), "one of each thread");
        assert_eq!(hash_with("m=64,t=0,p=1"), None, "no passes are no argon2");
        assert!(hash_for("xk7-qq2p", Duration::ZERO, 1).is_err());
    }
}
