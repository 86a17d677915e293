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

/// What no name key begins with.
pub(super) const NO_NAME: char = '\u{0}';

/// Longest credential that is looked at, bytes.
const CREDENTIAL_BYTES_MAX: usize = 128;

/// How often a login looks at a password that others keep in a newer form at the same moment.
const VERIFIED_AT_MOST: usize = 3;
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

/// An account whose password was presented, and the hash that says so: whatever is done for it is done only while the
/// account still has that one.
pub(super) struct Verified {
    account: AccountId,
    pub(super) hash: String,
}

/// What a password was worth.
enum Checked {
    Right(Verified),
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
                let verified = self.check_password(&username, &password, address).await?;
                self.add_device(verified, device_name).await
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
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`] when it is not.
    pub(super) async fn check_password(
        &self,
        username: &str,
        password: &Secret,
        address: IpAddr,
    ) -> Result<Verified, AccountError> {
        // A name that nobody can have is tried like any other, and each such name for itself.
        let key = Username::parse(username)
            .map_or_else(|_| format!("{NO_NAME}{username}"), |name| name.key().to_owned());
        self.guess(&key, (&key, password), address).await
    }

    /// The same, with attempts counted under `counted_as`.
    pub(super) async fn guess(
        &self,
        counted_as: &str,
        (key, password): (&str, &Secret),
        address: IpAddr,
    ) -> Result<Verified, AccountError> {
        if let Err(wait) = self.allow(counted_as, address) {
            let account = self.shared.directory.store.account_by_name(key).await?.map(|account| account.id);
            self.note(THROTTLED, account, address);
            return Err(wait);
        }
        let checked = self.verify(key, password).await;
        let now = self.shared.clock.now().elapsed;
        match &checked {
            Ok(Checked::Right(_verified)) => self.throttle().succeeded(now, counted_as, address),
            Ok(Checked::Wrong(account)) => {
                self.throttle().failed(now, counted_as, address);
                self.note(FAILED, *account, address);
            }
            Err(_unknown) => self.throttle().unchecked(now, counted_as, address),
        }
        match checked? {
            Checked::Right(verified) => Ok(verified),
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
        let directory = &self.shared.directory;
        let mut whose = None;
        for _ in 0..VERIFIED_AT_MOST {
            let Some(typed) = Password::presented(password.expose().to_owned()) else { break };
            let found = directory.store.account_by_name(key).await?.filter(Account::is_live);
            whose = found.as_ref().map(|account| account.id);
            let stored = found.and_then(|account| account.password_hash);
            let verdict = directory.hasher.verify(typed, stored.clone()).await?;
            let (Some(account), Some(hash)) = (whose, stored) else { break };
            let verified = match verdict {
                Verdict::Wrong => break,
                Verdict::Right => Some(Verified { account, hash }),
                Verdict::RightRehash => self.rehash(Verified { account, hash }, password).await,
            };
            if let Some(verified) = verified {
                return Ok(Checked::Right(verified));
            }
        }
        Ok(Checked::Wrong(whose))
    }

    /// Keeps the password in a newer form; when that fails, the next login will do as well. `None` when another form
    /// or another password is in its place by now.
    async fn rehash(&self, verified: Verified, password: &Secret) -> Option<Verified> {
        let directory = &self.shared.directory;
        let Some(typed) = Password::presented(password.expose().to_owned()) else { return Some(verified) };
        let Ok(hash) = directory.hasher.hash(typed).await else { return Some(verified) };
        let Verified { account, hash: old } = &verified;
        match directory.store.rehash_password(*account, old, hash.clone()).await {
            Ok(true) => Some(Verified { hash, ..verified }),
            Ok(false) => None,
            Err(error) => {
                warn!(%error, "a password was not kept in its newer form");
                Some(verified)
            }
        }
    }

    async fn add_device(&self, verified: Verified, name: String) -> Result<SignedIn, AccountError> {
        let Verified { account, hash: password_hash } = verified;
        let (id, now_ms) = (DeviceId::from_bytes(random()?), unix_ms());
        let (key, refresh) = (new_secret(DEVICE_PREFIX)?, new_secret(REFRESH_PREFIX)?);
        let device = NewDevice { id, account, password_hash, name, key_hash: Some(hash_of(&key)) };
        let audit = AuditEntry {
            actor: account.to_string(),
            action: "session.started",
            subject: id.to_string(),
            detail: "with a password".to_owned(),
        };
        let directory = &self.shared.directory;
        match directory.store.add_device(device, new_refresh(&refresh, now_ms), audit, now_ms).await? {
            DeviceAddition::Added { ended } => {
                directory.ended(account, ended);
                self.signed_in(account, id, refresh, Some(key))
            }
            DeviceAddition::CredentialsOver => Err(AccountError::InvalidCredentials),
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
