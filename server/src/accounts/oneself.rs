//! What an account does with itself: its names, its password, its devices, its end.

use super::login::NO_NAME;
use super::passwords::Password;
use super::tickets::TICKET_PREFIX;
use super::{AccountError, AccountService, Username, text};
use crate::access::{Caller, new_secret};
use std::net::IpAddr;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{AccountId, DeviceId, DocumentId, Secret};
use tiebreak_storage::accounts::{Account, AccountDeletion, Device};

impl AccountService {
    /// # Errors
    /// When it was deleted.
    pub(crate) async fn account(&self, id: AccountId) -> Result<Account, AccountError> {
        let found = self.shared.store.account(id).await?.filter(Account::is_live);
        found.ok_or(AccountError::SessionOver)
    }

    pub(crate) async fn rename(&self, id: AccountId, display_name: &str) -> Result<(), AccountError> {
        let name = text("display name", display_name)?;
        let is_there = self.shared.store.set_display_name(id, name, unix_ms()).await?;
        if is_there { Ok(()) } else { Err(AccountError::SessionOver) }
    }

    /// Every other device is signed out.
    ///
    /// # Errors
    /// When the old one is not the account's, or the new one is not accepted.
    pub(crate) async fn change_password(
        &self,
        caller: &Caller,
        (old, new): (&Secret, &Secret),
        address: IpAddr,
    ) -> Result<(), AccountError> {
        let account = self.account(caller.account).await?;
        let username = account.username.unwrap_or_default();
        let username = Username::parse(&username).map_err(|_| AccountError::Internal)?;
        // Counted for the device alone: who guesses elsewhere keeps nobody from changing the password.
        let device = caller.device.ok_or(AccountError::DeviceNotFound)?;
        let counted_as = format!("{NO_NAME}{device}");
        let verified = self.guess(&counted_as, (username.key(), old), address).await?.hash;
        let password = Password::parse(new.expose().to_owned(), &username)?;
        let hash = self.shared.hasher.hash(password).await?;
        let passwords = (verified, hash);
        let ended =
            self.shared.store.set_password(caller.account, passwords, caller.device, unix_ms()).await?;
        self.ended(caller.account, ended.ok_or(AccountError::InvalidCredentials)?);
        Ok(())
    }

    pub(crate) async fn devices(&self, account: AccountId) -> Result<Vec<Device>, AccountError> {
        Ok(self.shared.store.devices(account).await?)
    }

    /// # Errors
    /// When the account has no such device, or it was ended before.
    pub(crate) async fn revoke_device(
        &self,
        account: AccountId,
        device: DeviceId,
    ) -> Result<(), AccountError> {
        if !self.shared.store.revoke_device(account, device, unix_ms()).await? {
            return Err(AccountError::DeviceNotFound);
        }
        self.ended(account, [device]);
        Ok(())
    }

    /// Deletes the account. Answers the documents that nobody else has, for the caller to delete.
    ///
    /// # Errors
    /// When others would be left with documents that nobody owns.
    pub(crate) async fn delete(&self, id: AccountId) -> Result<Vec<DocumentId>, AccountError> {
        match self.shared.store.delete_account(id, Some(id), unix_ms()).await? {
            AccountDeletion::Deleted { documents, devices } => {
                self.ended(id, devices);
                self.shared.live.others_signed_out(id, None);
                Ok(documents)
            }
            AccountDeletion::SoleOwnerOf(documents) => Err(AccountError::SoleOwner(documents)),
            AccountDeletion::NoSuchAccount => Err(AccountError::SessionOver),
        }
    }

    /// A ticket for one WebSocket, on behalf of who asks.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn ticket(&self, caller: &Caller) -> Result<Secret, AccountError> {
        let ticket = new_secret(TICKET_PREFIX)?;
        self.shared.tickets.add(&ticket, caller.clone(), unix_ms());
        Ok(Secret::new(ticket))
    }
}
