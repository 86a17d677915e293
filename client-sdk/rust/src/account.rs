//! Who is signed in on this device.

mod config;
mod credentials;
mod error;
mod oneself;
mod sharing;
mod signing_in;
mod tokens;

pub use config::AccountConfig;
pub use credentials::{CredentialError, CredentialFile, CredentialFuture, CredentialStore};
pub use error::AccountError;
pub use oneself::DeviceInfo;
pub use sharing::{Grant, Invitation, Whom};
pub use signing_in::NewAccount;

use crate::network::{Endpoint, Question};
use crate::token::{TokenError, TokenFuture, TokenProvider, TokenReason};
use credentials::Credentials;
use serde_json::Value;
use std::sync::Arc;
use tiebreak_protocol::{AccountId, DeviceId, Secret};
use tokens::{Freshness, Held};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// An account that is signed in on this device. Cheap to clone: all clones are one.
///
/// It keeps itself signed in: [`TiebreakConfig::account`](crate::TiebreakConfig::account) asks it for a token before
/// every connection, and everything here does.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tiebreak_client::{Account, AccountConfig, CredentialFile, Role, Tiebreak, TiebreakConfig};
///
/// let config = AccountConfig::new("https://sync.example", CredentialFile::at("./notes-credentials"));
/// let account = match Account::resume(config.clone()).await? {
///     Some(account) => account,
///     None => Account::sign_in(config, "ann", "correct horse battery", "Ann's phone").await?,
/// };
/// let notes = TiebreakConfig::new("./notes").url("wss://sync.example/automerge").account(account.clone());
/// let tiebreak = Tiebreak::open(notes).await?;
/// let list = tiebreak.create(&serde_json::json!({ "items": [] })).await?;
/// tiebreak.wait_for_upload(std::time::Duration::from_secs(10)).await?;
/// account.share(list.id(), "bob", Role::Editor).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Account {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Endpoint,
    store: Arc<dyn CredentialStore>,
    account: AccountId,
    device: DeviceId,
    username: String,
    /// Whoever holds it refreshes, and everybody else waits for that.
    held: Mutex<Held>,
    /// Signing out waits for nobody who waits for the server.
    leaving: CancellationToken,
}

impl Account {
    /// The account's id, as it stands in grants.
    ///
    /// ```no_run
    /// # fn show(account: tiebreak_client::Account) {
    /// println!("{} is {}", account.username(), account.id());
    /// # }
    /// ```
    pub fn id(&self) -> AccountId {
        self.shared.account
    }

    /// The id of this device.
    ///
    /// ```no_run
    /// # async fn show(account: tiebreak_client::Account) -> Result<(), tiebreak_client::AccountError> {
    /// let others = account.devices().await?.into_iter().filter(|device| device.id != account.device_id());
    /// # drop(others);
    /// # Ok(())
    /// # }
    /// ```
    pub fn device_id(&self) -> DeviceId {
        self.shared.device
    }

    /// The username, as the server spells it.
    ///
    /// ```no_run
    /// # fn show(account: tiebreak_client::Account) {
    /// println!("signed in as {}", account.username());
    /// # }
    /// ```
    pub fn username(&self) -> &str {
        &self.shared.username
    }

    fn of(server: Endpoint, store: Arc<dyn CredentialStore>, credentials: Credentials, held: Held) -> Self {
        let Credentials { account, device, username, .. } = credentials;
        let (held, leaving) = (Mutex::new(held), CancellationToken::new());
        Self { shared: Arc::new(Shared { server, store, account, device, username, held, leaving }) }
    }

    /// Asks the server on behalf of the account, and once more with a fresh token if the one at hand is not taken.
    async fn ask(&self, question: Question) -> Result<Value, AccountError> {
        let answer = self.ask_with(&question, Freshness::Any).await;
        match answer {
            Err(AccountError::SignedOut) => self.ask_with(&question, Freshness::Fresh).await,
            Ok(_) | Err(_) => answer,
        }
    }

    async fn ask_with(&self, question: &Question, freshness: Freshness) -> Result<Value, AccountError> {
        let token = self.shared.token(freshness).await?.ok_or(AccountError::SignedOut)?;
        error::read(self.shared.server.ask(&question.with_token(token)).await)
    }
}

impl TokenProvider for Account {
    fn fetch_token(&self, reason: TokenReason) -> TokenFuture<'_> {
        let freshness = if reason == TokenReason::Expired { Freshness::Fresh } else { Freshness::Any };
        Box::pin(async move {
            let token = self.shared.token(freshness).await.map_err(TokenError::new)?;
            Ok(token.as_ref().map(Secret::expose).map(str::to_owned))
        })
    }
}
