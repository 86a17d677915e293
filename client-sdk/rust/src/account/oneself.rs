//! What an account does with itself: its devices, its password, its end.

use super::{Account, AccountError};
use crate::network::Question;
use serde_json::{Value, json};
use tiebreak_protocol::DeviceId;

/// One device of an account.
///
/// ```no_run
/// # async fn example(account: tiebreak_client::Account) -> Result<(), tiebreak_client::AccountError> {
/// for device in account.devices().await?.iter().filter(|device| device.is_signed_in) {
///     println!("{}, last seen {}", device.name, device.seen_at);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// Its id.
    pub id: DeviceId,
    /// What it was called when it signed in.
    pub name: String,
    /// When it last signed in or got a new token: RFC 3339.
    pub seen_at: String,
    /// Whether it has not been signed out.
    pub is_signed_in: bool,
}

impl Account {
    /// The account's devices, the one seen last first.
    ///
    /// # Errors
    /// As everything that asks the server.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account) -> Result<(), tiebreak_client::AccountError> {
    /// let count = account.devices().await?.len();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn devices(&self) -> Result<Vec<DeviceInfo>, AccountError> {
        let answer = self.ask(Question::get("/v1/devices")).await?;
        let items = answer.get("items").and_then(Value::as_array).ok_or_else(AccountError::stranger)?;
        let device = |item: &Value| {
            let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
            Some(DeviceInfo {
                id: text("id")?.parse().ok()?,
                name: text("name")?,
                seen_at: text("seen_at").unwrap_or_default(),
                is_signed_in: text("ended_at").is_none(),
            })
        };
        items.iter().map(device).collect::<Option<_>>().ok_or_else(AccountError::stranger)
    }

    /// Signs one of the account's devices out, wherever it is: its connections end within seconds.
    ///
    /// # Errors
    /// [`NotFound`](AccountError::NotFound) for a device that is none, or signed out already.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account) -> Result<(), tiebreak_client::AccountError> {
    /// for device in account.devices().await? {
    ///     if device.name == "lost phone" && device.is_signed_in {
    ///         account.revoke_device(device.id).await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn revoke_device(&self, device: DeviceId) -> Result<(), AccountError> {
        self.ask(Question::delete(format!("/v1/devices/{device}"))).await.map(drop)
    }

    /// Changes the password, and signs all other devices out.
    ///
    /// # Errors
    /// [`WrongCredentials`](AccountError::WrongCredentials) for a wrong old one,
    /// [`InvalidPassword`](AccountError::InvalidPassword) for a new one that is not accepted.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account) -> Result<(), tiebreak_client::AccountError> {
    /// account.change_password("correct horse battery", "staple donkey lantern").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn change_password(&self, old: &str, new: &str) -> Result<(), AccountError> {
        self.ask(Question::put("/v1/account/password", json!({ "old": old, "new": new }))).await.map(drop)
    }

    /// Deletes the account and the documents that nobody else has, and forgets the credentials. What this device has
    /// stays on it.
    ///
    /// # Errors
    /// [`LastOwner`](AccountError::LastOwner) while others use documents that only this account owns.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account) -> Result<(), tiebreak_client::AccountError> {
    /// account.delete().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete(&self) -> Result<(), AccountError> {
        self.ask(Question::delete("/v1/account")).await?;
        self.forget().await
    }
}
