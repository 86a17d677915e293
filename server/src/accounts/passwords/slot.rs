//! One argon2id at a time, in memory that is used again for the next.

use super::{Password, Verdict};
use anyhow::{Context, ensure};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::try_generate_salt;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};

/// The parameters of new hashes: what OWASP's cheat sheet on password storage asks for.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;
/// A stored hash that asks for more is damaged: it would stop a hashing thread for seconds.
const STORED_MEMORY_KIB_MAX: u32 = 8 * MEMORY_KIB;
const STORED_PASSES_MAX: u32 = 16;

/// The salt of the hash that nobody has.
const DUMMY_SALT: [u8; 16] = [0; 16];

#[derive(Debug, Default)]
pub(super) struct Slot {
    blocks: Vec<Block>,
}

impl Slot {
    pub(super) fn hash(&mut self, password: &Password) -> anyhow::Result<String> {
        let params = params_of_today()?;
        let salt = try_generate_salt()?;
        let hash = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params)?,
            salt: Some(Salt::new(&salt)?),
            hash: Some(self.compute(password, &salt, &argon2id(params))?),
        };
        Ok(hash.to_string())
    }

    /// Fails for a stored hash that this server cannot have written.
    pub(super) fn verify(&mut self, password: &Password, stored: Option<&str>) -> anyhow::Result<Verdict> {
        let Some(stored) = stored else {
            self.compute(password, &DUMMY_SALT, &argon2id(params_of_today()?))?;
            return Ok(Verdict::Wrong);
        };
        let stored = PasswordHash::new(stored)?;
        let salt = stored.salt.context("no salt")?;
        let expected = stored.hash.context("no hash")?;
        let algorithm = Algorithm::try_from(stored.algorithm.as_str())?;
        let version = stored.version.map(Version::try_from).transpose()?.unwrap_or_default();
        let params = Params::try_from(&stored)?;
        ensure!(params.m_cost() <= STORED_MEMORY_KIB_MAX, "{} KiB of memory", params.m_cost());
        ensure!(params.t_cost() <= STORED_PASSES_MAX, "{} passes", params.t_cost());

        let is_of_today =
            algorithm == Algorithm::Argon2id && version == Version::V0x13 && params == params_of_today()?;
        let output = self.compute(password, &salt, &Argon2::new(algorithm, version, params))?;
        // `Output` compares in constant time.
        Ok(match output == expected {
            false => Verdict::Wrong,
            true if is_of_today => Verdict::Right,
            true => Verdict::RightRehash,
        })
    }

    #[cfg(test)]
    pub(super) fn has_worked(&self) -> bool {
        !self.blocks.is_empty()
    }

    fn compute(&mut self, password: &Password, salt: &[u8], argon2: &Argon2<'_>) -> anyhow::Result<Output> {
        let params = argon2.params();
        if self.blocks.len() != params.block_count() {
            self.blocks = vec![Block::new(); params.block_count()];
        }
        let mut output = [0; Output::MAX_LENGTH];
        let output = &mut output[..params.output_len().unwrap_or(OUTPUT_BYTES)];
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, &mut self.blocks)?;
        Ok(Output::new(output)?)
    }
}

fn params_of_today() -> argon2::Result<Params> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES))
}

fn argon2id(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests;
