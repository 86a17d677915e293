//! How often anybody may guess a password, and how often one place may sign people up: a machine without a clock of its
//! own.
//!
//! An attempt is charged when it is allowed, not when it has failed: of ten thousand guesses at once, most
//! would be on their way before the first came back wrong. An attempt that was cut off stays charged.
//!
//! Nothing here locks an account for good, or an attacker could lock out its owner. Guesses from one place make that
//! place wait; guesses from many places make all wait, but for those from where the owner has signed in before. And a
//! device that was signed in comes back with its key, which nobody can guess.

mod recent;

use crate::network::Network;
use recent::Recent;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::time::Duration;

/// Attempts on one account from one place that need not wait: people mistype, and have several devices.
const FREE_ATTEMPTS: u32 = 8;
/// The same from all places together.
const FREE_ATTEMPTS_OF_ALL: u32 = 32;
/// The wait after the first attempt that is not free; it doubles with each further one …
const DELAY_FIRST: Duration = Duration::from_secs(1);
/// … up to this: what an owner under attack waits at most.
const DELAY_MAX: Duration = Duration::from_mins(15);
/// An account that nobody has tried for so long starts afresh.
const FORGET_AFTER: Duration = Duration::from_hours(24);

/// How long it is remembered from where an account was signed in.
const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// Failures of one address on whatever accounts before it has to wait, and accounts that it may make: many people may
/// share an address …
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
    places: Recent<(AccountHash, Network), Attempts>,
    /// From where an account was signed in.
    known: Recent<(AccountHash, Network), ()>,
    addresses: Recent<Network, Budget>,
    sign_ups: Recent<Network, Budget>,
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
            places: Recent::new(ACCOUNTS_MAX, FORGET_AFTER),
            known: Recent::new(ACCOUNTS_MAX, KNOWN_FOR),
            addresses: Recent::new(ADDRESSES_MAX, ADDRESS_PERIOD * (ADDRESS_BURST + 1)),
            sign_ups: Recent::new(ADDRESSES_MAX, ADDRESS_PERIOD * (ADDRESS_BURST + 1)),
        }
    }
}

impl Throttle {
    /// Charges an attempt, or says how long to wait. Follow it with exactly one of the others.
    pub(crate) fn allow(&mut self, now: Duration, account_key: &str, address: IpAddr) -> Result<(), Wait> {
        let place = place(account_key, address);
        let (account, network) = place;
        let mut budget = self.addresses.get(&network, now).unwrap_or_default();
        let mut here = self.places.get(&place, now).unwrap_or_default();
        let mut in_all = self.accounts.get(&account, now).unwrap_or_default();
        let is_known = self.known.get(&place, now).is_some();
        let wait_of_all = if is_known { Duration::ZERO } else { in_all.wait(now) };
        let wait = budget.wait(now).max(here.wait(now)).max(wait_of_all);
        if !wait.is_zero() {
            return Err(Wait(wait));
        }
        budget.charge(now);
        here.charge(now, FREE_ATTEMPTS);
        self.addresses.put(network, budget, now);
        self.places.put(place, here, now);
        if !is_known {
            in_all.charge(now, FREE_ATTEMPTS_OF_ALL);
            self.accounts.put(account, in_all, now);
        }
        Ok(())
    }

    /// The password was wrong: the wait begins now, not when the attempt began.
    pub(crate) fn failed(&mut self, now: Duration, account_key: &str, address: IpAddr) {
        let place = place(account_key, address);
        let mut here = self.places.get(&place, now).unwrap_or_default();
        here.begin_to_wait(now, FREE_ATTEMPTS);
        self.places.put(place, here, now);
        if self.known.get(&place, now).is_none() {
            let mut in_all = self.accounts.get(&place.0, now).unwrap_or_default();
            in_all.begin_to_wait(now, FREE_ATTEMPTS_OF_ALL);
            self.accounts.put(place.0, in_all, now);
        }
    }

    /// The password was right: the account starts afresh here, and the address has this attempt back. Its other
    /// failures stay, or one account of one's own would pay for guesses on all others.
    pub(crate) fn succeeded(&mut self, now: Duration, account_key: &str, address: IpAddr) {
        let place = place(account_key, address);
        self.places.remove(&place);
        if self.known.get(&place, now).is_none() {
            // What others have tried stays counted, and so does the wait; this attempt was no guess.
            if let Some(mut in_all) = self.accounts.get(&place.0, now) {
                in_all.count = in_all.count.saturating_sub(1);
                self.accounts.put(place.0, in_all, now);
            }
        }
        self.known.put(place, (), now);
        self.refund(now, address);
    }

    /// The password was not looked at, since the server was busy.
    pub(crate) fn unchecked(&mut self, now: Duration, account_key: &str, address: IpAddr) {
        let place = place(account_key, address);
        if let Some(mut here) = self.places.get(&place, now) {
            here.give_back(now);
            self.places.put(place, here, now);
        }
        if self.known.get(&place, now).is_none()
            && let Some(mut in_all) = self.accounts.get(&place.0, now)
        {
            in_all.give_back(now);
            self.accounts.put(place.0, in_all, now);
        }
        self.refund(now, address);
    }

    /// Charges an account that is about to be made, or says how long to wait.
    pub(crate) fn allow_sign_up(&mut self, now: Duration, address: IpAddr) -> Result<(), Wait> {
        let network = Network::of(address);
        let mut budget = self.sign_ups.get(&network, now).unwrap_or_default();
        let wait = budget.wait(now);
        if !wait.is_zero() {
            return Err(Wait(wait));
        }
        budget.charge(now);
        self.sign_ups.put(network, budget, now);
        Ok(())
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
    fn wait(self, now: Duration) -> Duration {
        self.next_at.saturating_sub(now)
    }

    fn charge(&mut self, now: Duration, free: u32) {
        self.count = self.count.saturating_add(1);
        self.next_at = now + self.delay(free);
    }

    fn begin_to_wait(&mut self, now: Duration, free: u32) {
        self.count = self.count.max(1);
        self.next_at = now + self.delay(free);
    }

    fn give_back(&mut self, now: Duration) {
        self.count = self.count.saturating_sub(1);
        self.next_at = now;
    }

    fn delay(self, free: u32) -> Duration {
        let Some(doublings) = self.count.checked_sub(free) else { return Duration::ZERO };
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

fn place(account_key: &str, address: IpAddr) -> (AccountHash, Network) {
    (hash(account_key), Network::of(address))
}

fn hash(account_key: &str) -> AccountHash {
    let digest = Sha256::digest(account_key);
    std::array::from_fn(|index| digest[index])
}

#[cfg(test)]
mod tests;
