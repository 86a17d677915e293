//! The accounts themselves, whether or not anybody is asked who they are: made, looked at, changed, ended.

use super::passwords::{Hasher, Password, QUEUE_MAX};
use super::signed_out::SignedOut;
use super::turns::Turns;
use super::{AccountError, Username, text};
use crate::access::{Live, random};
use std::sync::Arc;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{AccountId, DeviceId, DocumentId, Secret};
use tiebreak_storage::accounts::{
    Account, AccountDeletion, AccountKind, AccountPage, AccountStore, Device, Maker, NewAccount, Registration,
};

/// Cheap to clone. `by` is the account that acts, or `None` for the operator.
#[derive(Debug, Clone)]
pub(crate) struct AccountDirectory {
    pub(super) store: AccountStore,
    pub(super) hasher: Hasher,
    pub(super) signed_out: Arc<SignedOut>,
    pub(super) turns: Turns,
    live: Live,
}

impl AccountDirectory {
    pub(crate) fn new(store: AccountStore, live: Live) -> Self {
        let hasher = Hasher::new(hashes_at_once());
        Self { store, hasher, signed_out: Arc::default(), turns: Turns::default(), live }
    }

    /// # Errors
    /// When it was deleted.
    pub(crate) async fn account(&self, id: AccountId) -> Result<Account, AccountError> {
        let found = self.store.account(id).await?.filter(Account::is_live);
        found.ok_or(AccountError::SessionOver)
    }

    /// One page of the live accounts, in the order of their ids.
    pub(crate) async fn page(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<AccountPage, AccountError> {
        Ok(self.store.accounts(after, limit).await?)
    }

    pub(crate) async fn rename(&self, id: AccountId, display_name: &str) -> Result<(), AccountError> {
        let name = text("display name", display_name)?;
        let is_there = self.store.set_display_name(id, name, unix_ms()).await?;
        if is_there { Ok(()) } else { Err(AccountError::SessionOver) }
    }

    pub(crate) async fn devices(&self, account: AccountId) -> Result<Vec<Device>, AccountError> {
        Ok(self.store.devices(account).await?)
    }

    /// # Errors
    /// When the account has no such device, or it was ended before.
    pub(crate) async fn revoke_device(
        &self,
        account: AccountId,
        device: DeviceId,
        by: Option<AccountId>,
    ) -> Result<(), AccountError> {
        if !self.store.revoke_device(account, device, by, unix_ms()).await? {
            return Err(AccountError::DeviceNotFound);
        }
        self.ended(account, [device]);
        Ok(())
    }

    /// The operator signs every device out.
    pub(crate) async fn sign_out(&self, id: AccountId) -> Result<(), AccountError> {
        let ended = self.store.sign_out(id, unix_ms()).await?;
        self.ended(id, ended.ok_or(AccountError::SessionOver)?);
        Ok(())
    }

    /// The operator sets a password, and signs every device out.
    ///
    /// # Errors
    /// When the account signs in without one, or the password is not accepted.
    pub(crate) async fn reset_password(&self, id: AccountId, new: &Secret) -> Result<(), AccountError> {
        let username = self.account(id).await?.username.ok_or(AccountError::NoPassword)?;
        let hash = self.hash(new, &username).await?;
        let ended = self.store.reset_password(id, hash, unix_ms()).await?;
        self.ended(id, ended.ok_or(AccountError::SessionOver)?);
        Ok(())
    }

    /// Makes an account for a program: nobody signs in to it, keys act for it.
    pub(crate) async fn create_service(&self, name: &str) -> Result<AccountId, AccountError> {
        let id = AccountId::from_bytes(random()?);
        let account = NewAccount {
            id,
            kind: AccountKind::Service,
            username: None,
            name_key: None,
            display_name: text("service account's name", name)?,
            password_hash: None,
            idempotency: None,
            made_by: Maker::Operator,
        };
        match self.store.create_account(account, unix_ms()).await? {
            Registration::Created => Ok(id),
            Registration::NameTaken
            | Registration::IdTaken
            | Registration::Replayed(_)
            | Registration::KeyReused => Err(AccountError::Internal),
        }
    }

    /// Deletes the account. Answers the documents that nobody else has, for the caller to delete.
    ///
    /// # Errors
    /// When others would be left with documents that nobody owns.
    pub(crate) async fn delete(
        &self,
        id: AccountId,
        by: Option<AccountId>,
    ) -> Result<Vec<DocumentId>, AccountError> {
        match self.store.delete_account(id, by, unix_ms()).await? {
            AccountDeletion::Deleted { documents, devices } => {
                self.ended(id, devices);
                self.live.others_signed_out(id, None);
                Ok(documents)
            }
            AccountDeletion::SoleOwnerOf(documents) => Err(AccountError::SoleOwner(documents)),
            AccountDeletion::NoSuchAccount => Err(AccountError::SessionOver),
        }
    }

    /// What is kept of a new password of the account of this name.
    pub(super) async fn hash(&self, new: &Secret, username: &str) -> Result<String, AccountError> {
        let username = Username::parse(username).map_err(|_| AccountError::Internal)?;
        let password = Password::parse(new.expose().to_owned(), &username)?;
        Ok(self.hasher.hash(password).await?)
    }

    /// Tokens of these devices hold no more, and their connections end.
    pub(super) fn ended(&self, account: AccountId, devices: impl IntoIterator<Item = DeviceId>) {
        let devices: Vec<_> = devices.into_iter().collect();
        self.signed_out.add(devices.iter().copied(), unix_ms());
        for device in devices {
            self.live.device_signed_out(account, device);
        }
    }
}

/// Passwords that are hashed or wait for it at once.
pub(crate) fn passwords_in_hand_max() -> usize {
    hashes_at_once() + QUEUE_MAX
}

/// As many as there are cores: they give way to everything else.
fn hashes_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
