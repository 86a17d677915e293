//! Credentials of programs.

use super::control::KEY_PREFIX;
use super::secrets::{hash_of, new_secret, random};
use super::{AccessControl, AccessError, Principal, Scope};
use crate::accounts::{AccountError, text};
use std::time::Duration;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{AccountId, KeyId};
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
    pub(crate) async fn create_key(
        &self,
        by: &Principal,
        account: AccountId,
        key: NewKey,
    ) -> Result<(KeyId, String), AccessError> {
        let (id, secret, now_ms) = (KeyId::from_bytes(random()?), new_secret(KEY_PREFIX)?, unix_ms());
        let lives_ms = key.lives.map(|lives| i64::try_from(lives.as_millis()).unwrap_or(i64::MAX));
        let new = NewApiKey {
            id,
            hash: hash_of(&secret),
            account,
            name: text("key's name", &key.name)?,
            scope: key.scope.to_json(),
            expires_ms: lives_ms.map(|lives_ms| now_ms.saturating_add(lives_ms)),
        };
        let maker = by.caller();
        let (actor, device) = (maker.map(|maker| maker.account), maker.and_then(|maker| maker.device));
        match self.accounts(by)?.create_key(new, actor, device, now_ms).await? {
            KeyCreation::Created => Ok((id, secret)),
            KeyCreation::TooMany => Err(AccessError::TooManyKeys),
            KeyCreation::NoSuchAccount => Err(AccessError::AccountNotFound),
            KeyCreation::SignedOut => Err(AccountError::SessionOver.into()),
        }
    }

    pub(crate) async fn keys(&self, by: &Principal, account: AccountId) -> Result<Vec<ApiKey>, AccessError> {
        Ok(self.accounts(by)?.keys_of(account).await?)
    }

    pub(crate) async fn revoke_key(
        &self,
        by: &Principal,
        account: AccountId,
        id: KeyId,
    ) -> Result<(), AccessError> {
        let actor = by.caller().map(|caller| caller.account);
        if !self.accounts(by)?.revoke_key(id, actor, unix_ms()).await? {
            return Err(AccessError::KeyNotFound);
        }
        self.live().keys_changed(account);
        Ok(())
    }
}
