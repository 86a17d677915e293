//! Credentials of programs.

use super::control::KEY_PREFIX;
use super::secrets::{hash_of, new_secret, random};
use super::sharing::unstored;
use super::{AccessControl, Caller, Scope};
use crate::accounts::{AccountError, text};
use crate::http::problem::Fault;
use std::time::Duration;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::KeyId;
use tiebreak_storage::accounts::{ApiKey, KeyCreation, NewApiKey};

/// A key to be made.
#[derive(Debug)]
pub(crate) struct NewKey {
    pub(crate) name: String,
    pub(crate) scope: Scope,
    /// `None`: until it is revoked.
    pub(crate) lives: Option<Duration>,
}

impl AccessControl {
    /// Answers the key's name and its secret.
    pub(crate) async fn create_key(&self, caller: &Caller, key: NewKey) -> Result<(KeyId, String), Fault> {
        let (id, secret, now_ms) = (KeyId::from_bytes(random()?), new_secret(KEY_PREFIX)?, unix_ms());
        let lives_ms = key.lives.map(|lives| i64::try_from(lives.as_millis()).unwrap_or(i64::MAX));
        let new = NewApiKey {
            id,
            hash: hash_of(&secret),
            account: caller.account,
            name: text("key's name", &key.name)?,
            scope: key.scope.to_json(),
            expires_ms: lives_ms.map(|lives_ms| now_ms.saturating_add(lives_ms)),
        };
        let created = self.store()?.create_key(new, Some(caller.account), caller.device, now_ms).await;
        match created.map_err(unstored)? {
            KeyCreation::Created => Ok((id, secret)),
            KeyCreation::TooMany => Err(Fault::TooManyKeys),
            KeyCreation::NoSuchAccount | KeyCreation::SignedOut => Err(AccountError::SessionOver.into()),
        }
    }

    pub(crate) async fn keys(&self, caller: &Caller) -> Result<Vec<ApiKey>, Fault> {
        self.store()?.keys_of(caller.account).await.map_err(unstored)
    }

    pub(crate) async fn revoke_key(&self, caller: &Caller, id: KeyId) -> Result<(), Fault> {
        let revoked = self.store()?.revoke_key(id, Some(caller.account), unix_ms()).await;
        if !revoked.map_err(unstored)? {
            return Err(Fault::KeyNotFound);
        }
        self.live().keys_changed(caller.account);
        Ok(())
    }
}
