//! Credentials of programs.

use super::control::KEY_PREFIX;
use super::secrets::{hash_of, new_secret, random};
use super::{AccessControl, AccessError, Principal, Scope};
use crate::accounts::text;
use std::time::Duration;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{AccountId, KeyId};
use tiebreak_storage::accounts::{ApiKey, NewApiKey};

/// Keys of one account that hold; more are refused.
const KEYS_PER_ACCOUNT_MAX: usize = 100;

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
        let held = self.keys(by, account).await?.iter().filter(|key| key.revoked_ms.is_none()).count();
        if held >= KEYS_PER_ACCOUNT_MAX {
            return Err(AccessError::TooManyKeys);
        }
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
        let actor = by.caller().map(|caller| caller.account);
        let is_there = self.accounts(by)?.create_key(new, actor, now_ms).await?;
        if is_there { Ok((id, secret)) } else { Err(AccessError::AccountNotFound) }
    }

    pub(crate) async fn keys(&self, by: &Principal, account: AccountId) -> Result<Vec<ApiKey>, AccessError> {
        Ok(self.accounts(by)?.keys(Some(account)).await?)
    }

    pub(crate) async fn revoke_key(
        &self,
        by: &Principal,
        account: AccountId,
        id: KeyId,
    ) -> Result<(), AccessError> {
        let is_its = self.keys(by, account).await?.iter().any(|key| key.id == id);
        let actor = by.caller().map(|caller| caller.account);
        if !is_its || !self.accounts(by)?.revoke_key(id, actor, unix_ms()).await? {
            return Err(AccessError::KeyNotFound);
        }
        self.live().keys_changed(account);
        Ok(())
    }
}
