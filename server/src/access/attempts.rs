//! What was refused, for the audit log: counted within a minute and written as one row each, so that whoever tries a
//! thousand times does not write a thousand rows.

use crate::storage::refusal;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tiebreak_driver::unix_ms;
use tiebreak_storage::AuditEntry;
use tiebreak_storage::accounts::{AccountStore, ApiKey};
use tracing::warn;

/// How long attempts of one kind are counted together.
const COUNTED_FOR: Duration = Duration::from_secs(60);

/// Rows of one minute; attempts of further kinds share one more.
const ROWS_PER_MINUTE_MAX: usize = 60;

/// Who tries without having said who it is, and on what nobody knows.
pub(crate) const ANONYMOUS: &str = "anonymous";
pub(crate) const UNKNOWN: &str = "unknown";

/// An attempt that came to nothing. Never holds what was typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FailedAttempt {
    /// An account's id, or [`ANONYMOUS`].
    pub(crate) actor: String,
    pub(crate) action: &'static str,
    /// An id, an address of the server without ids, or [`UNKNOWN`].
    pub(crate) subject: String,
    pub(crate) why: &'static str,
    /// The network that it came from; a whole address names a household.
    pub(crate) from: Option<String>,
}

/// The attempts of this minute; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct FailedAttempts {
    minute: Arc<Mutex<Minute>>,
}

#[derive(Debug, Default)]
struct Minute {
    counts: BTreeMap<FailedAttempt, u64>,
    /// Attempts of more kinds than there are rows for.
    left_out: u64,
}

impl FailedAttempt {
    /// Somebody still has a key that holds no more.
    pub(super) fn with_ended_key(key: &ApiKey) -> Self {
        Self {
            actor: key.account.to_string(),
            action: "key.refused",
            subject: key.id.to_string(),
            why: if key.revoked_ms.is_some() { "revoked" } else { "expired" },
            from: None,
        }
    }
}

impl FailedAttempts {
    pub(crate) fn note(&self, attempt: FailedAttempt) {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.counts.len() >= ROWS_PER_MINUTE_MAX && !minute.counts.contains_key(&attempt) {
            minute.left_out += 1;
        } else {
            *minute.counts.entry(attempt).or_default() += 1;
        }
    }

    /// Writes what was counted, minute after minute, for as long as it is polled.
    pub(crate) async fn write_every_minute(&self, store: &AccountStore) {
        loop {
            tokio::time::sleep(COUNTED_FOR).await;
            self.write(store).await;
        }
    }

    /// Writes what was counted so far.
    pub(crate) async fn write(&self, store: &AccountStore) {
        for entry in self.take() {
            if let Err(error) = store.audit(entry, unix_ms()).await {
                warn!(refusal = %refusal(&error), "failed attempts are missing in the audit log");
            }
        }
    }

    fn take(&self) -> Vec<AuditEntry> {
        let minute = std::mem::take(&mut *self.minute.lock().unwrap_or_else(PoisonError::into_inner));
        let mut entries: Vec<_> = minute.counts.into_iter().map(entry).collect();
        if minute.left_out > 0 {
            entries.push(AuditEntry {
                actor: ANONYMOUS.to_owned(),
                action: "attempts.left_out",
                subject: UNKNOWN.to_owned(),
                detail: format!("{} times, of more kinds than a minute has rows", minute.left_out),
            });
        }
        entries
    }
}

fn entry((attempt, count): (FailedAttempt, u64)) -> AuditEntry {
    let FailedAttempt { actor, action, subject, why, from } = attempt;
    let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
    AuditEntry { actor, action, subject, detail: format!("{count} times{from}: {why}") }
}

/// The /24 or /64 that an address is in.
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(subject: &str) -> FailedAttempt {
        FailedAttempt {
            actor: ANONYMOUS.to_owned(),
            action: "login.failed",
            subject: subject.to_owned(),
            why: "invalid_credentials",
            from: Some(network("192.0.2.7".parse().unwrap())),
        }
    }

    #[test]
    fn attempts_of_one_kind_make_one_row_a_minute() {
        let attempts = FailedAttempts::default();
        for subject in ["ann", "bob", "ann", "ann"] {
            attempts.note(attempt(subject));
        }
        let written = attempts.take();
        assert_eq!((written.len(), written[0].subject.as_str()), (2, "ann"));
        assert_eq!(written[0].detail, "3 times from 192.0.2.0/24: invalid_credentials");
        assert!(attempts.take().is_empty(), "the next minute begins with nothing");
    }

    #[test]
    fn attempts_of_too_many_kinds_share_a_row() {
        let attempts = FailedAttempts::default();
        for number in 0..1000 {
            attempts.note(attempt(&number.to_string()));
        }
        attempts.note(attempt("0"));
        let written = attempts.take();
        assert_eq!(written.len(), ROWS_PER_MINUTE_MAX + 1);
        assert!(written[0].detail.starts_with("2 times"), "a kind that has its row goes on to be counted");
        let last = written.last().unwrap();
        let left_out = 1000 - ROWS_PER_MINUTE_MAX;
        assert!(last.action == "attempts.left_out" && last.detail.starts_with(&format!("{left_out} times")));
    }

    #[test]
    fn no_whole_address_is_kept() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("203.0.113.9"), "203.0.113.0/24");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.0/24");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    }
}
