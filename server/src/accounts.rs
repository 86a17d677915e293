//! Accounts, their devices and sessions: `--auth accounts`.

mod directory;
mod login;
mod names;
mod oneself;
mod passwords;
mod registration;
mod signed_out;
mod throttle;
mod tickets;
mod tokens;
mod turns;

pub(crate) use directory::{AccountDirectory, passwords_in_hand_max};
pub(crate) use login::{Login, SignedIn};
pub(crate) use names::{InvalidUsername, Username};
pub(crate) use passwords::InvalidPassword;
pub(crate) use registration::SignUp;
pub(crate) use tickets::TICKET_TIME;
pub(crate) use tokens::ACCESS_TIME;

use crate::access::{Caller, Credentials, FailedAttempts};
use crate::storage::refusal;
use futures_util::future::BoxFuture;
use passwords::Busy;
use std::future::ready;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use throttle::Throttle;
use tickets::Tickets;
use tiebreak_driver::{Clock, unix_ms};
use tiebreak_protocol::{DocumentId, Refusal, StorageId};
use tiebreak_storage::StorageError;
use tokens::Tokens;
use tracing::warn;

/// How often keys are looked after.
const LOOK_AFTER_EVERY: Duration = Duration::from_secs(3600);

/// Why somebody did not get what it asked of an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccountError {
    #[error("this name, or one that looks the same, belongs to another account; choose another")]
    NameTaken,
    #[error("this is no username: {0}")]
    InvalidUsername(#[from] InvalidUsername),
    #[error("this password is not accepted: {0}")]
    InvalidPassword(#[from] InvalidPassword),
    #[error("a {0} has 1 to {TEXT_CHARS_MAX} characters, none of them control characters")]
    InvalidText(&'static str),
    /// Which of them it is nobody is told.
    #[error("no account has this name and this password")]
    InvalidCredentials,
    #[error("this session is over; sign in again")]
    SessionOver,
    #[error("too many attempts; try again in {} seconds", .0.as_secs().max(1))]
    TooManyAttempts(Duration),
    #[error("an Idempotency-Key is 1 to {KEY_CHARS_MAX} printable characters")]
    InvalidIdempotencyKey,
    #[error("another request came with this Idempotency-Key; use a new key for a new request")]
    IdempotencyKeyReused,
    #[error("others use documents that only this account owns: give them another owner first, or delete them: {}", list(.0))]
    SoleOwner(Vec<DocumentId>),
    #[error("this account signs in without a password; for programs, make a key")]
    NoPassword,
    #[error("this account has no such device")]
    DeviceNotFound,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the server made a mistake; its log tells more")]
    Internal,
}

/// Longest name of a person or a device, characters.
pub(crate) const TEXT_CHARS_MAX: usize = 64;

/// Longest idempotency key, characters.
pub(crate) const KEY_CHARS_MAX: usize = 255;

impl From<Busy> for AccountError {
    fn from(_busy: Busy) -> Self {
        Self::Refused(Refusal::Busy)
    }
}

impl From<StorageError> for AccountError {
    fn from(error: StorageError) -> Self {
        Self::Refused(refusal(&error))
    }
}

/// Signing in to accounts, and staying signed in; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AccountService {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    directory: AccountDirectory,
    tokens: Tokens,
    throttle: Mutex<Throttle>,
    tickets: Tickets,
    attempts: FailedAttempts,
    clock: Clock,
}

impl AccountService {
    /// # Errors
    /// When the store cannot be used.
    pub(crate) async fn open(
        directory: AccountDirectory,
        storage: &StorageId,
        attempts: FailedAttempts,
        clock: Clock,
    ) -> Result<Self, AccountError> {
        let (now_ms, store) = (unix_ms(), &directory.store);
        let tokens = Tokens::open(store, format!("tiebreak:{}", storage.as_str()), now_ms).await?;
        let since_ms = now_ms - ACCESS_TIME.as_millis() as i64;
        directory.signed_out.add(store.revoked_since(since_ms).await?, now_ms);
        let (throttle, tickets) = (Mutex::default(), Tickets::default());
        let shared = Shared { directory, tokens, throttle, tickets, attempts, clock };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(crate) fn directory(&self) -> &AccountDirectory {
        &self.shared.directory
    }

    /// Looks after the keys, for as long as it is polled.
    pub(crate) async fn look_after(&self) {
        loop {
            tokio::time::sleep(LOOK_AFTER_EVERY).await;
            if let Err(error) = self.shared.tokens.renew(&self.shared.directory.store, unix_ms()).await {
                warn!(%error, "the signing keys were not looked after");
            }
        }
    }

    /// The keys that verify access tokens.
    pub(crate) fn jwks(&self) -> serde_json::Value {
        self.shared.tokens.jwks()
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, Throttle> {
        self.shared.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody try who has not failed too often.
    fn allow(&self, account: &str, address: IpAddr) -> Result<(), AccountError> {
        let now = self.shared.clock.now().elapsed;
        self.throttle().allow(now, account, address).map_err(|wait| AccountError::TooManyAttempts(wait.0))
    }
}

impl Credentials for AccountService {
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, Refusal>> {
        Box::pin(ready(self.shared.tokens.verify(token).and_then(|caller| {
            if self.is_signed_in(&caller) { Ok(caller) } else { Err(Refusal::SignedOut) }
        })))
    }

    fn is_signed_in(&self, caller: &Caller) -> bool {
        caller.device.is_none_or(|device| !self.shared.directory.signed_out.has(device))
    }

    fn redeem_ticket(&self, ticket: &str, now_ms: i64) -> Option<Caller> {
        let caller = self.shared.tickets.redeem(ticket, now_ms)?;
        let is_over = caller.until_ms.is_some_and(|until_ms| until_ms <= now_ms);
        (!is_over && self.is_signed_in(&caller)).then_some(caller)
    }
}

/// A name for people, as it is kept.
pub(crate) fn text(what: &'static str, text: &str) -> Result<String, AccountError> {
    let text = text.trim();
    let is_good = (1..=TEXT_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if is_good { Ok(text.to_owned()) } else { Err(AccountError::InvalidText(what)) }
}

fn list(documents: &[DocumentId]) -> String {
    documents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
