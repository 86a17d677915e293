//! The event streams that are open: how many there may be, and who wakes them. A stream reads what concerns its account
//! from the store; a word that comes here only says that there may be something to read.

use crate::config::HttpArgs;
use crate::metrics;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tiebreak_protocol::AccountId;
use tiebreak_storage::conflicts::Concerned;
use tiebreak_storage::{ConflictStore, StorageError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// How often the process looks for what others have written into the same database: nobody sends word of that.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(2);

/// All open event streams; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct EventStreams {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    most_of_an_account: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    /// No entry counts nothing.
    by_account: BTreeMap<AccountId, usize>,
    /// Those that wait for the same.
    waiting: BTreeMap<Interest, Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    streams: usize,
    news: watch::Sender<()>,
}

/// What a stream is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interest {
    /// Conflicts that concern this account.
    Of(AccountId),
    /// All conflicts.
    All,
}

/// Why there is no place for one more stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// This account has as many as it may.
    OfAccount,
    InAll,
}

/// A stream's place among them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    account: Option<AccountId>,
    interest: Interest,
    news: watch::Receiver<()>,
}

impl Interest {
    /// Whose conflicts to read. `None`: everybody's.
    pub(crate) const fn account(self) -> Option<AccountId> {
        match self {
            Self::Of(account) => Some(account),
            Self::All => None,
        }
    }
}

impl EventStreams {
    pub(crate) fn new(limits: &HttpArgs) -> Self {
        Self::bounded(limits.event_streams_max(), limits.event_streams_per_account_max())
    }

    fn bounded(most: usize, most_of_an_account: usize) -> Self {
        Self { shared: Arc::new(Shared { most, most_of_an_account, open: Mutex::default() }) }
    }

    /// A place for one more stream of an account. Whoever reads after this, and waits then, misses nothing.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub(crate) fn enter(&self, account: Option<AccountId>, interest: Interest) -> Result<Place, NoPlace> {
        let mut open = self.shared.open();
        if open.total >= self.shared.most {
            return Err(NoPlace::InAll);
        }
        if let Some(account) = account {
            let own = open.by_account.get(&account).copied().unwrap_or_default();
            if own >= self.shared.most_of_an_account {
                return Err(NoPlace::OfAccount);
            }
            open.by_account.insert(account, own + 1);
        }
        open.total += 1;
        let waiting = open.waiting.entry(interest).or_default();
        waiting.streams += 1;
        let news = waiting.news.subscribe();
        metrics::event_streams(open.total);
        drop(open);
        Ok(Place { shared: Arc::clone(&self.shared), account, interest, news })
    }

    /// Wakes those whom something concerns that can be read from now on.
    pub(crate) fn wake(&self, concerned: &Concerned) {
        let open = self.shared.open();
        match concerned {
            Concerned::Accounts(accounts) => {
                let interests = accounts.iter().map(|account| Interest::Of(*account)).chain([Interest::All]);
                for waiting in interests.filter_map(|interest| open.waiting.get(&interest)) {
                    waiting.news.send_replace(());
                }
            }
            Concerned::Anybody => open.waiting.values().for_each(|waiting| waiting.news.send_replace(())),
        }
    }

    /// Looks in the store for what others wrote, until the server closes. While nobody waits it rests.
    pub(crate) async fn watch(self, store: ConflictStore, closing: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK_AGAIN_EVERY);
        let mut seen = None;
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                _ = tick.tick() => {}
            }
            seen = match self.look(&store, seen).await {
                Ok(seen) => seen,
                Err(error) => {
                    debug!(%error, "could not look for conflicts that others wrote");
                    None
                }
            };
        }
    }

    /// `seen` is up to where it has looked. `None`: it does not know.
    async fn look(&self, store: &ConflictStore, seen: Option<i64>) -> Result<Option<i64>, StorageError> {
        if self.shared.open().total == 0 {
            return Ok(None);
        }
        let last = store.last().await?;
        match seen {
            Some(seen) if seen == last => {}
            Some(seen) => self.wake(&store.concerned(seen).await?),
            None => self.wake(&Concerned::Anybody),
        }
        Ok(Some(last))
    }
}

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(crate) const fn interest(&self) -> Interest {
        self.interest
    }

    /// Resolves when there may be something to read that came since it last resolved.
    pub(crate) async fn woken(&mut self) {
        if self.news.changed().await.is_err() {
            // Whoever sends is there for as long as this place is.
            std::future::pending().await
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.shared.open();
        open.total -= 1;
        metrics::event_streams(open.total);
        if let Some(account) = self.account {
            match open.by_account.get_mut(&account) {
                Some(own) if *own > 1 => *own -= 1,
                Some(_) | None => drop(open.by_account.remove(&account)),
            }
        }
        match open.waiting.get_mut(&self.interest) {
            Some(waiting) if waiting.streams > 1 => waiting.streams -= 1,
            Some(_) | None => drop(open.waiting.remove(&self.interest)),
        }
    }
}

impl Default for EventStreams {
    /// Without any: where nobody listens.
    fn default() -> Self {
        Self::bounded(0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::collections::BTreeSet;
    use tiebreak_protocol::DocumentId;
    use tiebreak_storage::conflicts::ConflictRow;
    use tiebreak_storage::conformance::conflicts::conflict;
    use tiebreak_storage::relational::{Expect, RelationalStore, Step};
    use tiebreak_storage::{SqliteOptions, SqliteStore};

    const ANN: AccountId = AccountId::from_bytes([1; 16]);
    const BOB: AccountId = AccountId::from_bytes([2; 16]);

    fn concerns(accounts: &[AccountId]) -> Concerned {
        Concerned::Accounts(accounts.iter().copied().collect::<BTreeSet<_>>())
    }

    fn is_woken(place: &mut Place) -> bool {
        place.woken().now_or_never().is_some()
    }

    #[test]
    fn those_are_woken_whom_it_concerns_and_those_who_read_everything() {
        let streams = EventStreams::bounded(10, 10);
        let enter = |account| streams.enter(Some(account), Interest::Of(account)).unwrap();
        let (mut ann, mut her_other, mut bob) = (enter(ANN), enter(ANN), enter(BOB));
        let mut all = streams.enter(None, Interest::All).unwrap();
        streams.wake(&concerns(&[ANN]));
        streams.wake(&concerns(&[ANN]));
        assert!([&mut ann, &mut her_other, &mut all].into_iter().all(is_woken));
        assert!(!is_woken(&mut bob) && !is_woken(&mut ann), "once for all that came meanwhile");
        streams.wake(&concerns(&[]));
        assert!(is_woken(&mut all) && !is_woken(&mut ann));
        streams.wake(&Concerned::Anybody);
        assert!([&mut ann, &mut her_other, &mut bob, &mut all].into_iter().all(is_woken));
    }

    #[test]
    fn an_account_has_so_many_and_all_together_so_many_and_who_leaves_makes_room() {
        let streams = EventStreams::bounded(3, 2);
        let enter = |account| streams.enter(Some(account), Interest::Of(account));
        let (first, _second) = (enter(ANN).unwrap(), enter(ANN).unwrap());
        assert_eq!(enter(ANN).unwrap_err(), NoPlace::OfAccount);
        let _bob = enter(BOB).unwrap();
        assert_eq!(enter(BOB).unwrap_err(), NoPlace::InAll);
        drop(first);
        let mut again = enter(ANN).unwrap();
        streams.wake(&concerns(&[ANN]));
        assert!(is_woken(&mut again));
    }

    #[tokio::test]
    async fn what_others_write_into_the_same_database_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let rows = Arc::new(SqliteStore::open(directory.path(), &SqliteOptions::default()).unwrap());
        let store = ConflictStore::new(Arc::<SqliteStore>::clone(&rows));
        let write = async |name| {
            let row = conflict(DocumentId::from_bytes([3; 16]), name);
            let row = ConflictRow { people: vec![ANN], ..row };
            let steps = store.statements(&row).into_iter();
            rows.transact(steps.map(|step| Step::Do(step, Expect::Anything)).collect()).await.unwrap();
        };
        let streams = EventStreams::bounded(10, 10);
        write("before anybody listens").await;
        assert_eq!(streams.look(&store, Some(0)).await, Ok(None));
        let enter = |account| streams.enter(Some(account), Interest::Of(account)).unwrap();
        let (mut ann, mut bob) = (enter(ANN), enter(BOB));
        let seen = streams.look(&store, None).await;
        assert_eq!(seen, Ok(Some(1)));
        assert!(is_woken(&mut ann) && is_woken(&mut bob), "what came before is not known");
        assert_eq!(streams.look(&store, Some(1)).await, Ok(Some(1)));
        assert!(!is_woken(&mut ann) && !is_woken(&mut bob));
        write("after it").await;
        assert_eq!(streams.look(&store, Some(1)).await, Ok(Some(2)));
        assert!(is_woken(&mut ann) && !is_woken(&mut bob));
    }

    #[test]
    fn who_has_left_is_forgotten() {
        let streams = EventStreams::bounded(1, 1);
        drop(streams.enter(Some(ANN), Interest::Of(ANN)));
        let open = streams.shared.open();
        assert!(open.by_account.is_empty() && open.waiting.is_empty() && open.total == 0);
    }
}
