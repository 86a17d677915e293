//! Tickets: what a browser brings with the address of a WebSocket, where it can put no header. Each holds once, and
//! for a moment, so one that ends in a log is worth nothing.

use crate::access::{Caller, hash_of};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tiebreak_protocol::{AccountId, DeviceId};
use tiebreak_storage::accounts::SecretHash;

/// How long a ticket holds.
pub(crate) const TICKET_TIME: Duration = Duration::from_secs(30);

/// Tickets that are out at once; the one that is over first makes room.
const TICKETS_MAX: usize = 100_000;

/// Those of one device; its own oldest makes room, and nobody else's.
const TICKETS_PER_DEVICE_MAX: usize = 16;

/// What a ticket begins with.
pub(crate) const TICKET_PREFIX: &str = "tbt_";

/// The tickets that are out. A server that stops forgets them: who has one asks for another.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    out: Mutex<Out>,
}

#[derive(Debug, Default)]
struct Out {
    by_hash: BTreeMap<SecretHash, (i64, Caller)>,
    by_end: BTreeSet<(i64, SecretHash)>,
    by_holder: BTreeMap<Holder, VecDeque<SecretHash>>,
}

type Holder = (AccountId, Option<DeviceId>);

fn holder(caller: &Caller) -> Holder {
    (caller.account, caller.device)
}

impl Tickets {
    /// Notes a ticket that was given out.
    pub(crate) fn add(&self, ticket: &str, caller: Caller, now_ms: i64) {
        let (hash, end_ms) = (hash_of(ticket), now_ms + TICKET_TIME.as_millis() as i64);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.forget(now_ms);
        let held = out.by_holder.get(&holder(&caller)).filter(|held| held.len() >= TICKETS_PER_DEVICE_MAX);
        if let Some(oldest) = held.and_then(VecDeque::front).copied() {
            out.take(&oldest);
        }
        out.by_end.insert((end_ms, hash));
        out.by_holder.entry(holder(&caller)).or_default().push_back(hash);
        out.by_hash.insert(hash, (end_ms, caller));
    }

    /// Takes a ticket; it holds no more.
    pub(crate) fn redeem(&self, ticket: &str, now_ms: i64) -> Option<Caller> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let (end_ms, caller) = out.take(&hash_of(ticket))?;
        (now_ms < end_ms).then_some(caller)
    }
}

impl Out {
    fn take(&mut self, hash: &SecretHash) -> Option<(i64, Caller)> {
        let (end_ms, caller) = self.by_hash.remove(hash)?;
        self.by_end.remove(&(end_ms, *hash));
        let holder = holder(&caller);
        if let Some(held) = self.by_holder.get_mut(&holder) {
            held.retain(|other| other != hash);
            if held.is_empty() {
                self.by_holder.remove(&holder);
            }
        }
        Some((end_ms, caller))
    }

    fn forget(&mut self, now_ms: i64) {
        while let Some(&(end_ms, hash)) = self.by_end.first()
            && (end_ms <= now_ms || self.by_hash.len() >= TICKETS_MAX)
        {
            self.take(&hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scope;

    fn caller() -> Caller {
        caller_of(1)
    }

    fn caller_of(account: u128) -> Caller {
        let account = AccountId::from_bytes(account.to_be_bytes());
        Caller { account, device: None, scope: Scope::EVERYTHING, key: None, until_ms: None }
    }

    #[test]
    fn a_ticket_holds_once_and_for_half_a_minute() {
        let tickets = Tickets::default();
        tickets.add("a", caller(), 0);
        assert_eq!(tickets.redeem("a", 29_999), Some(caller()));
        assert_eq!(tickets.redeem("a", 29_999), None);
        tickets.add("b", caller(), 0);
        assert_eq!(tickets.redeem("b", 30_000), None);
        assert_eq!(tickets.redeem("c", 0), None);
    }

    #[test]
    fn with_too_many_out_the_oldest_makes_room() {
        let tickets = Tickets::default();
        for n in 0..=TICKETS_MAX {
            tickets.add(&n.to_string(), caller_of(n as u128), n as i64 / 10);
        }
        let left = |numbers: std::ops::Range<usize>| {
            numbers.filter(|n| tickets.redeem(&n.to_string(), 20_000).is_some()).count()
        };
        assert_eq!(left(0..10), 9, "one of those that are over first");
        assert_eq!(left(10..TICKETS_MAX + 1), TICKETS_MAX - 9);
    }

    #[test]
    fn who_asks_for_many_loses_its_own_and_nobody_elses() {
        let tickets = Tickets::default();
        tickets.add("theirs", caller_of(2), 0);
        for n in 0..=TICKETS_PER_DEVICE_MAX {
            tickets.add(&n.to_string(), caller(), 1);
        }
        assert_eq!(tickets.redeem("0", 2), None);
        assert!(tickets.redeem("1", 2).is_some() && tickets.redeem("theirs", 2).is_some());
        let out = tickets.out.lock().unwrap();
        assert_eq!(out.by_holder.len(), 1, "who holds none is forgotten");
        assert_eq!(out.by_hash.len(), out.by_end.len());
    }
}
