//! New accounts.

use super::passwords::Password;
use super::{AccountDirectory, AccountError, AccountService, KEY_CHARS_MAX, Username, text};
use crate::access::{hash_of, random};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::AccountId;
use tiebreak_storage::accounts::{AccountKind, Idempotency, Maker, NewAccount, Registration};

/// A person that wants an account.
#[derive(Debug)]
pub(crate) struct SignUp {
    pub(crate) username: String,
    pub(crate) password: tiebreak_protocol::Secret,
    /// The username, if there is none.
    pub(crate) display_name: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) made_by: Maker,
}

impl AccountService {
    /// Somebody makes an account for itself; one place makes so many and then waits.
    ///
    /// # Errors
    /// As [`AccountDirectory::register`].
    pub(crate) async fn sign_up(&self, sign_up: SignUp, address: IpAddr) -> Result<AccountId, AccountError> {
        let charge = || {
            let now = self.shared.clock.now().elapsed;
            let allowed = self.throttle().allow_sign_up(now, address);
            allowed.map_err(|wait| AccountError::TooManyAttempts(wait.0))
        };
        self.shared.directory.register(sign_up, charge).await
    }
}

impl AccountDirectory {
    /// Makes an account. Of all who want one name, or names that look the same, one gets it. `charge` is asked when
    /// nothing but the work is left to be done.
    ///
    /// # Errors
    /// When the name is taken, or what was given is not accepted.
    pub(crate) async fn register(
        &self,
        sign_up: SignUp,
        charge: impl FnOnce() -> Result<(), AccountError> + Send,
    ) -> Result<AccountId, AccountError> {
        let username = Username::parse(&sign_up.username)?;
        let password = Password::parse(sign_up.password.expose().to_owned(), &username)?;
        let display_name = text("display name", sign_up.display_name.as_deref().unwrap_or(username.shown()))?;
        let idempotency =
            sign_up.idempotency_key.as_deref().map(|key| idempotency(key, &username, &display_name));
        let idempotency = idempotency.transpose()?;
        // One of many who want the same name works for it; a hash costs as much as a thousand of anything else.
        let turn = self.turns.at(username.key()).await;
        let store = &self.store;
        if let Some(idempotency) = idempotency
            && let Some(known) = store.registered(idempotency, unix_ms()).await?
        {
            return outcome(known, None);
        }
        if store.account_by_name(username.key()).await?.is_some() {
            return Err(AccountError::NameTaken);
        }
        charge()?;
        let password_hash = Some(self.hasher.hash(password).await?);
        let id = AccountId::from_bytes(random()?);
        let account = NewAccount {
            id,
            kind: AccountKind::Person,
            username: Some(username.shown().to_owned()),
            name_key: Some(username.key().to_owned()),
            display_name,
            password_hash,
            idempotency,
            made_by: sign_up.made_by,
        };
        let registration = store.create_account(account, unix_ms()).await?;
        drop(turn);
        outcome(registration, Some(id))
    }
}

fn outcome(registration: Registration, new: Option<AccountId>) -> Result<AccountId, AccountError> {
    match registration {
        Registration::Created => new.ok_or(AccountError::Internal),
        Registration::Replayed(id) => Ok(id),
        Registration::NameTaken => Err(AccountError::NameTaken),
        Registration::KeyReused => Err(AccountError::IdempotencyKeyReused),
        Registration::IdTaken => Err(AccountError::Internal),
    }
}

/// Tells a repeated request from another one. The password is left out: a fast hash of it must not be kept.
fn idempotency(key: &str, username: &Username, display_name: &str) -> Result<Idempotency, AccountError> {
    let is_good = (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_good {
        return Err(AccountError::InvalidIdempotencyKey);
    }
    let mut request = Sha256::new();
    for part in [username.shown(), display_name] {
        request.update((part.len() as u64).to_be_bytes());
        request.update(part.as_bytes());
    }
    Ok(Idempotency { key_hash: hash_of(key), request: request.finalize().into() })
}
