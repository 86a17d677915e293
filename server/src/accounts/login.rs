//! Signing in, staying signed in, and signing out.

use super::passwords::{Password, Verdict};
use super::{AccountError, AccountService, Username, text};
use crate::access::{ANONYMOUS, Caller, FailedAttempt, UNKNOWN, hash_of, network, new_secret, random};
use std::net::IpAddr;
use std::time::Duration;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{AccountId, DeviceId, Secret};
use tiebreak_storage::AuditEntry;
use tiebreak_storage::accounts::{Account, DeviceAddition, NewDevice, NewRefresh, Rotation};
use tracing::warn;

/// How long a device that is not used stays signed in.
const REFRESH_TIME: Duration = Duration::from_secs(90 * 24 * 3600);

/// What a refresh token begins with.
const REFRESH_PREFIX: &str = "tbr_";
/// What a device's key begins with.
const DEVICE_PREFIX: &str = "tbd_";

/// Longest credential that is looked at, bytes.
const CREDENTIAL_BYTES_MAX: usize = 128;

/// What the audit log calls something, and why it happened.
type Event = (&'static str, &'static str);
const FAILED: Event = ("login.failed", "invalid_credentials");
const THROTTLED: Event = ("login.throttled", "too_many_attempts");

/// Somebody that wants in.
#[derive(Debug)]
pub(crate) enum Login {
    Password {
        username: String,
        password: Secret,
        device_name: String,
    },
    /// A device that was signed in before.
    DeviceKey(Secret),
}

/// A device that is signed in.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Secret,
    /// For a new device: with it, it comes back without a password.
    pub(crate) device_key: Option<Secret>,
}

/// What a password was worth.
enum Checked {
    Right(Account),
    /// With the account of the name, if there is one.
    Wrong(Option<AccountId>),
}

impl AccountService {
    /// # Errors
    /// [`AccountError::InvalidCredentials`] whatever is wrong with them, after the same time.
    pub(crate) async fn login(&self, login: Login, address: IpAddr) -> Result<SignedIn, AccountError> {
        match login {
            Login::Password { username, password, device_name } => {
                let device_name = text("device name", &device_name)?;
                let account = self.check_password(&username, &password, address).await?;
                self.add_device(account.id, device_name).await
            }
            Login::DeviceKey(key) => {
                let signed_in = self.login_device(&key).await;
                if signed_in.as_ref().is_err_and(|error| *error == AccountError::InvalidCredentials) {
                    self.note(FAILED, None, address);
                }
                signed_in
            }
        }
    }

    /// The account of this name, if the password is its.
    pub(super) async fn check_password(
        &self,
        username: &str,
        password: &Secret,
        address: IpAddr,
    ) -> Result<Account, AccountError> {
        // A name that nobody can have is tried like any other.
        let key = Username::parse(username).map_or_else(|_| "\u{0}".to_owned(), |name| name.key().to_owned());
        if let Err(wait) = self.allow(&key, address) {
            let account = self.shared.directory.store.account_by_name(&key).await?.map(|account| account.id);
            self.note(THROTTLED, account, address);
            return Err(wait);
        }
        let checked = self.verify(&key, password).await;
        let now = self.shared.clock.now().elapsed;
        match &checked {
            Ok(Checked::Right(_account)) => self.throttle().succeeded(now, &key, address),
            Ok(Checked::Wrong(account)) => {
                self.throttle().failed(now, &key);
                self.note(FAILED, *account, address);
            }
            Err(_unknown) => self.throttle().unchecked(now, &key, address),
        }
        match checked? {
            Checked::Right(account) => Ok(account),
            Checked::Wrong(_) => Err(AccountError::InvalidCredentials),
        }
    }

    /// For the audit log. What was typed as a name may be a password in the wrong field: it is not kept.
    fn note(&self, (action, why): Event, account: Option<AccountId>, address: IpAddr) {
        self.shared.attempts.note(FailedAttempt {
            actor: ANONYMOUS.to_owned(),
            action,
            subject: account.map_or_else(|| UNKNOWN.to_owned(), |account| account.to_string()),
            why,
            from: Some(network(address)),
        });
    }

    /// Whether the password is that of the account of this name key. Takes as long when there is no such account.
    async fn verify(&self, key: &str, password: &Secret) -> Result<Checked, AccountError> {
        let presented = || Password::presented(password.expose().to_owned());
        let Some(typed) = presented() else { return Ok(Checked::Wrong(None)) };
        let found = self.shared.directory.store.account_by_name(key).await?.filter(Account::is_live);
        let stored = found.as_ref().and_then(|account| account.password_hash.clone());
        let verdict = self.shared.directory.hasher.verify(typed, stored.clone()).await?;
        let Some(account) = found else { return Ok(Checked::Wrong(None)) };
        if verdict == Verdict::Wrong {
            return Ok(Checked::Wrong(Some(account.id)));
        }
        if let (Verdict::RightRehash, Some(old), Some(typed)) = (verdict, stored, presented()) {
            self.rehash(account.id, &old, typed).await;
        }
        Ok(Checked::Right(account))
    }

    /// Keeps the password in a newer form. When that fails, the next login will do as well.
    async fn rehash(&self, account: AccountId, old: &str, typed: Password) {
        if let Ok(hash) = self.shared.directory.hasher.hash(typed).await
            && let Err(error) = self.shared.directory.store.rehash_password(account, old, hash).await
        {
            warn!(%error, "a password was not kept in its newer form");
        }
    }

    async fn add_device(&self, account: AccountId, name: String) -> Result<SignedIn, AccountError> {
        let (id, now_ms) = (DeviceId::from_bytes(random()?), unix_ms());
        let (key, refresh) = (new_secret(DEVICE_PREFIX)?, new_secret(REFRESH_PREFIX)?);
        let device = NewDevice { id, account, name, key_hash: Some(hash_of(&key)) };
        let audit = AuditEntry {
            actor: account.to_string(),
            action: "session.started",
            subject: id.to_string(),
            detail: "with a password".to_owned(),
        };
        match self
            .shared
            .directory
            .store
            .add_device(device, new_refresh(&refresh, now_ms), audit, now_ms)
            .await?
        {
            DeviceAddition::Added => self.signed_in(account, id, refresh, Some(key)),
            DeviceAddition::AccountGone => Err(AccountError::InvalidCredentials),
        }
    }

    /// Nobody guesses a key, and looking at one costs little: who is kept waiting by somebody that guesses passwords
    /// still gets in this way.
    async fn login_device(&self, key: &Secret) -> Result<SignedIn, AccountError> {
        let (refresh, now_ms) = (new_secret(REFRESH_PREFIX)?, unix_ms());
        let hash = hash_of_credential(key, DEVICE_PREFIX)?;
        match self.shared.directory.store.login_device(hash, new_refresh(&refresh, now_ms), now_ms).await? {
            Some(device) => self.signed_in(device.account, device.id, refresh, None),
            None => Err(AccountError::InvalidCredentials),
        }
    }

    /// A refresh token for a new one, and an access token.
    ///
    /// # Errors
    /// [`AccountError::SessionOver`] when it is none, or was used by somebody else.
    pub(crate) async fn refresh(&self, token: &Secret) -> Result<SignedIn, AccountError> {
        let (next, now_ms) = (new_secret(REFRESH_PREFIX)?, unix_ms());
        let hash = hash_of_credential(token, REFRESH_PREFIX).map_err(|_| AccountError::SessionOver)?;
        match self.shared.directory.store.rotate_refresh(hash, new_refresh(&next, now_ms), now_ms).await? {
            Rotation::Rotated(device) => self.signed_in(device.account, device.id, next, None),
            Rotation::Reused(device) => {
                self.shared.directory.ended(device.account, [device.id]);
                Err(AccountError::SessionOver)
            }
            Rotation::Unknown => Err(AccountError::SessionOver),
        }
    }

    /// Ends the session of the device that asks.
    pub(crate) async fn logout(&self, caller: &Caller) -> Result<(), AccountError> {
        let device = caller.device.ok_or(AccountError::DeviceNotFound)?;
        self.shared.directory.store.end_session(device, unix_ms()).await?;
        self.shared.directory.ended(caller.account, [device]);
        Ok(())
    }

    fn signed_in(
        &self,
        account: AccountId,
        device: DeviceId,
        refresh_token: String,
        device_key: Option<String>,
    ) -> Result<SignedIn, AccountError> {
        let access_token = Secret::new(self.shared.tokens.issue(account, device, unix_ms())?);
        let refresh_token = Secret::new(refresh_token);
        Ok(SignedIn { account, device, access_token, refresh_token, device_key: device_key.map(Secret::new) })
    }
}

fn new_refresh(token: &str, now_ms: i64) -> NewRefresh {
    let lives_ms = i64::try_from(REFRESH_TIME.as_millis()).unwrap_or(i64::MAX);
    NewRefresh { hash: hash_of(token), expires_ms: now_ms.saturating_add(lives_ms) }
}

fn hash_of_credential(credential: &Secret, prefix: &str) -> Result<[u8; 32], AccountError> {
    let text = credential.expose();
    if text.len() > CREDENTIAL_BYTES_MAX || !text.starts_with(prefix) {
        return Err(AccountError::InvalidCredentials);
    }
    Ok(hash_of(text))
}
