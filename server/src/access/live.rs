//! The connections that are there, by whose they are: so that a right that is taken away is taken away at once.

use futures_util::FutureExt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tiebreak_protocol::{AccountId, DeviceId, DocumentId};
use tiebreak_sync::SessionId;
use tokio::sync::mpsc;

/// Words that wait for one connection. One that does not take them in is ended: it comes back and asks anew.
const WORDS_MAX: usize = 256;

/// What a connection must hear of its own rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// What it may do with this document may be another now.
    Ask(DocumentId),
    /// Its device, its key or its account is no more.
    SignedOut,
}

/// All connections with an account; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    sessions: Arc<Mutex<BTreeMap<AccountId, BTreeMap<SessionId, Entry>>>>,
}

#[derive(Debug)]
struct Entry {
    device: Option<DeviceId>,
    words: mpsc::Sender<Word>,
}

/// A connection's place among them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    live: Live,
    account: AccountId,
    session: SessionId,
    words: mpsc::Receiver<Word>,
    /// Taken from there, and not heard yet.
    next: Option<Word>,
}

impl Live {
    /// From now on the connection hears what concerns it. Whoever asks what it may do asks after this, so that
    /// nothing falls in between.
    pub(crate) fn register(
        &self,
        account: AccountId,
        device: Option<DeviceId>,
        session: SessionId,
    ) -> Registration {
        let (sender, words) = mpsc::channel(WORDS_MAX);
        let entry = Entry { device, words: sender };
        self.lock().entry(account).or_default().insert(session, entry);
        Registration { live: self.clone(), account, session, words, next: None }
    }

    /// What an account may do with a document has changed.
    pub(crate) fn ask_again(&self, account: AccountId, document: DocumentId) {
        self.tell(account, Word::Ask(document), |_| true);
    }

    pub(crate) fn device_signed_out(&self, account: AccountId, device: DeviceId) {
        self.tell(account, Word::SignedOut, |entry| entry.device == Some(device));
    }

    /// All devices but one, or all.
    pub(crate) fn others_signed_out(&self, account: AccountId, but: Option<DeviceId>) {
        self.tell(account, Word::SignedOut, |entry| but.is_none() || entry.device != but);
    }

    /// A key has no device, and nobody remembers which connection came with which: all that came with one ask who
    /// they are again, by coming back.
    pub(crate) fn keys_changed(&self, account: AccountId) {
        self.tell(account, Word::SignedOut, |entry| entry.device.is_none());
    }

    fn tell(&self, account: AccountId, word: Word, concerns: impl Fn(&Entry) -> bool) {
        let mut sessions = self.lock();
        let Some(entries) = sessions.get_mut(&account) else { return };
        // Without its sender the connection ends.
        entries.retain(|_, entry| !concerns(entry) || entry.words.try_send(word).is_ok());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<AccountId, BTreeMap<SessionId, Entry>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    /// The next word. A connection that missed one is signed out, and comes back.
    pub(crate) async fn heard(&mut self) -> Word {
        self.word().await;
        self.next.take().unwrap_or(Word::SignedOut)
    }

    /// The next word, if it is there.
    pub(crate) fn heard_already(&mut self) -> Option<Word> {
        if self.has_word() { self.next.take() } else { None }
    }

    /// Resolves when there is a word, and leaves it there.
    pub(crate) async fn word(&mut self) {
        if self.next.is_none() {
            self.next = Some(self.words.recv().await.unwrap_or(Word::SignedOut));
        }
    }

    pub(crate) fn has_word(&mut self) -> bool {
        self.word().now_or_never().is_some()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut sessions = self.live.lock();
        if let Some(entries) = sessions.get_mut(&self.account) {
            entries.remove(&self.session);
            if entries.is_empty() {
                sessions.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: AccountId = AccountId::from_bytes([1; 16]);
    const BOB: AccountId = AccountId::from_bytes([2; 16]);
    const PHONE: DeviceId = DeviceId::from_bytes([3; 16]);
    const LAPTOP: DeviceId = DeviceId::from_bytes([4; 16]);
    const DOCUMENT: DocumentId = DocumentId::from_bytes([5; 16]);

    fn heard(registration: &mut Registration) -> Option<Word> {
        registration.heard().now_or_never()
    }

    #[test]
    fn a_word_reaches_the_account_it_is_about_and_nobody_else() {
        let live = Live::default();
        let mut phone = live.register(ANN, Some(PHONE), SessionId(1));
        let mut laptop = live.register(ANN, Some(LAPTOP), SessionId(2));
        let mut other = live.register(BOB, Some(PHONE), SessionId(3));
        live.ask_again(ANN, DOCUMENT);
        assert_eq!(heard(&mut phone), Some(Word::Ask(DOCUMENT)));
        assert_eq!(heard(&mut laptop), Some(Word::Ask(DOCUMENT)));
        live.device_signed_out(ANN, PHONE);
        live.others_signed_out(BOB, Some(PHONE));
        assert_eq!(heard(&mut phone), Some(Word::SignedOut));
        assert_eq!((heard(&mut laptop), heard(&mut other)), (None, None));
    }

    #[test]
    fn a_connection_that_missed_a_word_is_signed_out() {
        let live = Live::default();
        let mut phone = live.register(ANN, Some(PHONE), SessionId(1));
        for _ in 0..=WORDS_MAX {
            live.ask_again(ANN, DOCUMENT);
        }
        for _ in 0..WORDS_MAX {
            assert_eq!(heard(&mut phone), Some(Word::Ask(DOCUMENT)));
        }
        assert_eq!(heard(&mut phone), Some(Word::SignedOut));
    }

    #[test]
    fn a_word_that_was_seen_is_still_heard() {
        let live = Live::default();
        let mut phone = live.register(ANN, Some(PHONE), SessionId(1));
        assert!(!phone.has_word());
        live.ask_again(ANN, DOCUMENT);
        assert!(phone.has_word() && phone.word().now_or_never().is_some());
        assert_eq!(phone.heard_already(), Some(Word::Ask(DOCUMENT)));
        assert_eq!((phone.heard_already(), heard(&mut phone)), (None, None));
    }

    #[test]
    fn who_has_left_is_forgotten() {
        let live = Live::default();
        drop(live.register(ANN, None, SessionId(1)));
        assert!(live.lock().is_empty());
    }
}
