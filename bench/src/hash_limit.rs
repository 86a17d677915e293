//! The limit of signing in: argon2id alone, with the parameters of a hash that the server has stored.

use anyhow::{Context, ensure};
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

/// Hashes per second with the parameters of `stored`, one thread for each processor that this process may use, as
/// the server has them.
pub(crate) fn hashes_per_second(stored: &str, time: Duration) -> anyhow::Result<f64> {
    let stored = PasswordHash::new(stored).context("this is no stored password hash")?;
    let params = Params::try_from(&stored).context("these are no argon2 parameters")?;
    let threads = std::thread::available_parallelism()?.get();
    let started = Instant::now();
    let hashes: u64 = std::thread::scope(|scope| {
        let each = (0..threads).map(|_| scope.spawn(|| count_hashes(&params, started + time)));
        let each: Vec<_> = each.collect();
        each.into_iter().map(|thread| thread.join().unwrap_or(Ok(0))).sum::<anyhow::Result<u64>>()
    })?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(hashes > 0, "no hash was made in {time:?}");
    Ok(hashes as f64 / seconds)
}

fn count_hashes(params: &Params, deadline: Instant) -> anyhow::Result<u64> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut blocks = vec![Block::new(); params.block_count()];
    let mut output = [0; OUTPUT_BYTES];
    let mut hashes: u64 = 0;
    while Instant::now() < deadline {
        let password = hashes.to_be_bytes();
        argon2.hash_password_into_with_memory(&password, SALT, &mut output, &mut blocks)?;
        hashes += 1;
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_goes_by_the_parameters_of_the_stored_hash() {
        let stored = |params: &str| {
            format!(
                "$argon2id$v=19${params}$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            )
        };
        let limit = |params: &str| hashes_per_second(&stored(params), Duration::from_millis(20));
        assert!(limit("m=64,t=1,p=1").unwrap() > 0.0);
        assert!(limit("m=64,t=0,p=1").is_err(), "no passes are no argon2");
        assert!(hashes_per_second("xk7-qq2p", Duration::ZERO).is_err());
    }
}
