//! What keeps a device signed in, and where it is kept.

mod file;

pub use file::CredentialFile;

use super::AccountError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use tiebreak_protocol::{AccountId, DeviceId, Secret};

/// A boxed future of a [`CredentialStore`].
///
/// ```
/// use tiebreak_client::{CredentialFuture, CredentialStore};
///
/// /// Signed in until the process ends.
/// #[derive(Default)]
/// struct InMemory(std::sync::Mutex<Option<String>>);
///
/// impl CredentialStore for InMemory {
///     fn load(&self) -> CredentialFuture<'_, Option<String>> {
///         Box::pin(async { Ok(self.0.lock().unwrap().clone()) })
///     }
///
///     fn save(&self, credentials: String) -> CredentialFuture<'_, ()> {
///         Box::pin(async move {
///             *self.0.lock().unwrap() = Some(credentials);
///             Ok(())
///         })
///     }
///
///     fn erase(&self) -> CredentialFuture<'_, ()> {
///         Box::pin(async {
///             *self.0.lock().unwrap() = None;
///             Ok(())
///         })
///     }
/// }
/// ```
pub type CredentialFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, CredentialError>> + Send + 'a>>;

/// The credentials could not be kept, or not be read.
///
/// ```
/// use tiebreak_client::CredentialError;
///
/// let locked = CredentialError::new("the keychain is locked");
/// assert_eq!(locked.to_string(), "the keychain is locked");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CredentialError {
    /// A sentence for a person.
    pub reason: String,
}

impl CredentialError {
    /// With what a person may read of the cause.
    ///
    /// ```
    /// # use tiebreak_client::CredentialError;
    /// assert_eq!(CredentialError::new("no space left").reason, "no space left");
    /// ```
    pub fn new(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// Keeps one opaque text: a Keychain, a Keystore, a [`CredentialFile`]. Whoever reads it is signed in as this device.
///
/// What [`save`](Self::save) has answered must survive a crash: the credentials before are not taken for long.
pub trait CredentialStore: Send + Sync + 'static {
    /// What was saved last, if anything is there.
    fn load(&self) -> CredentialFuture<'_, Option<String>>;

    /// Keeps this in place of what is there.
    fn save(&self, credentials: String) -> CredentialFuture<'_, ()>;

    /// Forgets what is there.
    fn erase(&self) -> CredentialFuture<'_, ()>;
}

impl fmt::Debug for dyn CredentialStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialStore")
    }
}

/// What signing in gave this device.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Credentials {
    /// Whose accounts: the tokens are worth nothing elsewhere, and must not be shown there.
    server: String,
    #[serde(with = "text")]
    pub(super) account: AccountId,
    #[serde(with = "text")]
    pub(super) device: DeviceId,
    pub(super) username: String,
    refresh_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device_key: Option<String>,
}

impl Credentials {
    pub(super) fn new(
        server: &str,
        (account, device, username): (AccountId, DeviceId, String),
        (refresh_token, device_key): (Secret, Option<Secret>),
    ) -> Self {
        Self {
            server: server.to_owned(),
            account,
            device,
            username,
            refresh_token: refresh_token.expose().to_owned(),
            device_key: device_key.map(|key| key.expose().to_owned()),
        }
    }

    /// As they were written for this server. `None`: those of another one.
    pub(super) fn read(text: &str, server: &str) -> Result<Option<Self>, AccountError> {
        let read: Self = serde_json::from_str(text).map_err(|_| AccountError::UnreadableCredentials)?;
        Ok(Some(read).filter(|read| read.server == server))
    }

    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    pub(super) fn device_key(&self) -> Option<&str> {
        self.device_key.as_deref()
    }

    /// The same with the next refresh token.
    pub(super) fn renewed(&self, refresh_token: &Secret) -> Self {
        Self { refresh_token: refresh_token.expose().to_owned(), ..self.clone() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("account", &self.account).finish_non_exhaustive()
    }
}

/// Ids as their text.
mod text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::fmt::Display;
    use std::str::FromStr;

    pub(super) fn serialize<T: Display, S: Serializer>(id: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_for_their_own_server_and_never_shown() {
        let ids = (AccountId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]), "ann".to_owned());
        let secret = || Secret::new("tbr_secret".to_owned());
        let credentials = Credentials::new("https://a.example", ids, (secret(), Some(secret())));
        let text = credentials.write();
        let read = Credentials::read(&text, "https://a.example").unwrap().unwrap();
        assert_eq!((read.refresh_token(), read.username.as_str()), ("tbr_secret", "ann"));
        assert!(Credentials::read(&text, "https://b.example").unwrap().is_none());
        for torn in ["", "{", &text[..text.len() / 2]] {
            let error = Credentials::read(torn, "https://a.example").unwrap_err();
            assert!(matches!(error, AccountError::UnreadableCredentials), "{torn}");
        }
        assert!(!format!("{read:?}").contains("secret"));
    }
}
