//! How often anybody may guess a password: a machine without a clock of its own.
//!
//! An attempt is charged when it is allowed, not when it has failed: of ten thousand guesses at once, most
//! would be on their way before the first came back wrong. An attempt that was cut off stays charged.
//! Nothing here locks an account for good, or an attacker could lock out its owner.

mod recent;

use crate::network::Network;
use recent::Recent;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::time::Duration;

/// Attempts on one account that need not wait: people mistype, and have several devices.
const FREE_ATTEMPTS: u32 = 8;
/// The wait after the first attempt that is not free; it doubles with each further one …
const DELAY_FIRST: Duration = Duration::from_secs(1);
/// … up to this: what an owner under attack waits at most.
const DELAY_MAX: Duration = Duration::from_mins(15);
/// An account that nobody has tried for so long starts afresh.
const FORGET_AFTER: Duration = Duration::from_hours(24);

/// Failures of one address on whatever accounts before it has to wait: many people may share an address …
const ADDRESS_BURST: u32 = 200;
/// … and how long one of them counts.
const ADDRESS_PERIOD: Duration = Duration::from_secs(6);

/// Accounts and addresses that are remembered; beyond, the ones tried longest ago are forgotten.
const ACCOUNTS_MAX: usize = 1 << 16;
const ADDRESSES_MAX: usize = 1 << 16;

/// Come back after this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

/// Every `now` is the time since some fixed moment, the same for all calls.
#[derive(Debug)]
pub(crate) struct Throttle {
    accounts: Recent<AccountHash, Attempts>,
    addresses: Recent<Network, Budget>,
}

/// Names have many lengths, hashes have one.
type AccountHash = [u8; 16];

#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    count: u32,
    next_at: Duration,
}

/// A leaky bucket as the moment when it is empty again.
#[derive(Debug, Clone, Copy, Default)]
struct Budget {
    empty_at: Duration,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            accounts: Recent::new(ACCOUNTS_MAX, FORGET_AFTER),
            addresses: Recent::new(ADDRESSES_MAX, ADDRESS_PERIOD * (ADDRESS_BURST + 1)),
        }
    }
}

impl Throttle {
    /// Charges an attempt, or says how long to wait. Follow it with exactly one of the others.
    pub(crate) fn allow(&mut self, now: Duration, account_key: &str, address: IpAddr) -> Result<(), Wait> {
        let (account, network) = (hash(account_key), Network::of(address));
        let mut budget = self.addresses.get(&network, now).unwrap_or_default();
        let mut attempts = self.accounts.get(&account, now).unwrap_or_default();
        let wait = budget.wait(now).max(attempts.next_at.saturating_sub(now));
        if !wait.is_zero() {
            return Err(Wait(wait));
        }
        budget.charge(now);
        attempts.charge(now);
        self.addresses.put(network, budget, now);
        self.accounts.put(account, attempts, now);
        Ok(())
    }

    /// The password was wrong: the wait begins now, not when the attempt began.
    pub(crate) fn failed(&mut self, now: Duration, account_key: &str) {
        let account = hash(account_key);
        let mut attempts = self.accounts.get(&account, now).unwrap_or_default();
        attempts.count = attempts.count.max(1);
        attempts.next_at = now + attempts.delay();
        self.accounts.put(account, attempts, now);
    }

    /// The password was right: the account starts afresh, the address has this attempt back. Its other
    /// failures stay, or one account of one's own would pay for guesses on all others.
    pub(crate) fn succeeded(&mut self, now: Duration, account_key: &str, address: IpAddr) {
        self.accounts.remove(&hash(account_key));
        self.refund(now, address);
    }

    /// The password was not looked at, since the server was busy.
    pub(crate) fn unchecked(&mut self, now: Duration, account_key: &str, address: IpAddr) {
        let account = hash(account_key);
        if let Some(mut attempts) = self.accounts.get(&account, now) {
            attempts.count = attempts.count.saturating_sub(1);
            attempts.next_at = now;
            self.accounts.put(account, attempts, now);
        }
        self.refund(now, address);
    }

    fn refund(&mut self, now: Duration, address: IpAddr) {
        let network = Network::of(address);
        if let Some(mut budget) = self.addresses.get(&network, now) {
            budget.empty_at = budget.empty_at.saturating_sub(ADDRESS_PERIOD);
            self.addresses.put(network, budget, now);
        }
    }
}

impl Attempts {
    fn charge(&mut self, now: Duration) {
        self.count = self.count.saturating_add(1);
        self.next_at = now + self.delay();
    }

    fn delay(self) -> Duration {
        let Some(doublings) = self.count.checked_sub(FREE_ATTEMPTS) else { return Duration::ZERO };
        DELAY_FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(DELAY_MAX)
    }
}

impl Budget {
    fn wait(self, now: Duration) -> Duration {
        let full = now + ADDRESS_PERIOD * (ADDRESS_BURST - 1);
        self.empty_at.saturating_sub(full)
    }

    fn charge(&mut self, now: Duration) {
        self.empty_at = self.empty_at.max(now) + ADDRESS_PERIOD;
    }
}

fn hash(account_key: &str) -> AccountHash {
    let digest = Sha256::digest(account_key);
    std::array::from_fn(|index| digest[index])
}

#[cfg(test)]
mod tests;
