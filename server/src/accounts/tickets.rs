//! Tickets: what a browser brings with the address of a WebSocket, where it can put no header. Each holds once, and
//! for a moment, so one that ends in a log is worth nothing.

use crate::access::{Caller, hash_of};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tiebreak_storage::accounts::SecretHash;

/// How long a ticket holds.
pub(crate) const TICKET_TIME: Duration = Duration::from_secs(30);

/// Tickets that are out at once; the one that is over first makes room.
const TICKETS_MAX: usize = 100_000;

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
    by_end: BTreeMap<(i64, SecretHash), ()>,
}

impl Tickets {
    /// Notes a ticket that was given out.
    pub(crate) fn add(&self, ticket: &str, caller: Caller, now_ms: i64) {
        let (hash, end_ms) = (hash_of(ticket), now_ms + TICKET_TIME.as_millis() as i64);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.forget(now_ms);
        out.by_hash.insert(hash, (end_ms, caller));
        out.by_end.insert((end_ms, hash), ());
    }

    /// Takes a ticket; it holds no more.
    pub(crate) fn redeem(&self, ticket: &str, now_ms: i64) -> Option<Caller> {
        let hash = hash_of(ticket);
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let (end_ms, caller) = out.by_hash.remove(&hash)?;
        out.by_end.remove(&(end_ms, hash));
        (now_ms < end_ms).then_some(caller)
    }
}

impl Out {
    fn forget(&mut self, now_ms: i64) {
        while let Some((&(end_ms, hash), ())) = self.by_end.first_key_value()
            && (end_ms <= now_ms || self.by_hash.len() >= TICKETS_MAX)
        {
            self.by_end.pop_first();
            self.by_hash.remove(&hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Scope;
    use tiebreak_protocol::AccountId;

    fn caller() -> Caller {
        let account = AccountId::from_bytes([1; 16]);
        Caller { account, device: None, scope: Scope::EVERYTHING, until_ms: None }
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
            tickets.add(&n.to_string(), caller(), n as i64 / 10);
        }
        let left = |numbers: std::ops::Range<usize>| {
            numbers.filter(|n| tickets.redeem(&n.to_string(), 20_000).is_some()).count()
        };
        assert_eq!(left(0..10), 9, "one of those that are over first");
        assert_eq!(left(10..TICKETS_MAX + 1), TICKETS_MAX - 9);
    }
}
