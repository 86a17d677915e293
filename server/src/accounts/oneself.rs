//! What an account does with itself that takes its password or its device.

use super::login::NO_NAME;
use super::tickets::TICKET_PREFIX;
use super::{AccountError, AccountService, Username};
use crate::access::{Caller, new_secret};
use std::net::IpAddr;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::Secret;

impl AccountService {
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
        let directory = &self.shared.directory;
        let username = directory.account(caller.account).await?.username.unwrap_or_default();
        let username = Username::parse(&username).map_err(|_| AccountError::Internal)?;
        // Counted for the device alone: who guesses elsewhere keeps nobody from changing the password.
        let device = caller.device.ok_or(AccountError::DeviceNotFound)?;
        let counted_as = format!("{NO_NAME}{device}");
        let verified = self.guess(&counted_as, (username.key(), old), address).await?.hash;
        let passwords = (verified, directory.hash(new, username.shown()).await?);
        let ended = directory.store.set_password(caller.account, passwords, caller.device, unix_ms()).await?;
        directory.ended(caller.account, ended.ok_or(AccountError::InvalidCredentials)?);
        Ok(())
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
