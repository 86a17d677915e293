//! Signing up, in and out.

use super::credentials::Credentials;
use super::tokens::{Held, Session};
use super::{Account, AccountConfig, AccountError, error};
use crate::identity;
use crate::network::{HttpError, Question};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// How long signing out waits for the server.
const SIGN_OUT_TIME_MAX: Duration = Duration::from_secs(5);

/// Somebody that wants an account.
///
/// ```
/// use tiebreak_client::NewAccount;
///
/// let ann = NewAccount::new("ann", "correct horse battery", "Ann's phone").display_name("Ann");
/// ```
#[derive(Clone)]
pub struct NewAccount {
    username: String,
    password: String,
    device: String,
    display_name: Option<String>,
}

impl NewAccount {
    /// `device` is what people call this device in the list of devices.
    ///
    /// ```
    /// # use tiebreak_client::NewAccount;
    /// let bob = NewAccount::new("bob", "staple donkey lantern", "Bob's laptop");
    /// ```
    pub fn new(username: impl Into<String>, password: impl Into<String>, device: impl Into<String>) -> Self {
        let (username, password, device) = (username.into(), password.into(), device.into());
        Self { username, password, device, display_name: None }
    }

    /// What others see beside the username; the username unless told.
    ///
    /// ```
    /// # use tiebreak_client::NewAccount;
    /// let ann = NewAccount::new("ann", "correct horse battery", "phone").display_name("Ann of the hills");
    /// ```
    #[must_use]
    pub fn display_name(self, name: impl Into<String>) -> Self {
        Self { display_name: Some(name.into()), ..self }
    }
}

/// Without the password: what is printed ends in logs.
impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Account {
    /// Makes an account and signs this device in to it. When an answer is lost on the way, the request is repeated
    /// once, and is the same request.
    ///
    /// # Errors
    /// [`UsernameTaken`](AccountError::UsernameTaken), [`InvalidUsername`](AccountError::InvalidUsername),
    /// [`InvalidPassword`](AccountError::InvalidPassword), and what signing in may answer.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), tiebreak_client::AccountError> {
    /// use tiebreak_client::{Account, AccountConfig, CredentialFile, NewAccount};
    ///
    /// let config = AccountConfig::new("https://sync.example", CredentialFile::at("./credentials"));
    /// let new = NewAccount::new("ann", "correct horse battery", "Ann's phone");
    /// let account = Account::sign_up(config, new).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_up(config: AccountConfig, new: NewAccount) -> Result<Self, AccountError> {
        let server = config.endpoint()?;
        let key: [u8; 16] = identity::random().map_err(|_| AccountError::Random)?;
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let NewAccount { username, password, device, display_name } = new;
        let mut body = json!({ "username": username, "password": password });
        if let Some(name) = display_name {
            body["display_name"] = Value::from(name);
        }
        let question = Question::post("/v1/accounts", body).once(key);
        let mut answer = server.ask(&question).await;
        if matches!(answer, Err(HttpError::Broken(_) | HttpError::Late)) {
            answer = server.ask(&question).await;
        }
        error::read(answer)?;
        Self::sign_in(config, username, password, device).await
    }

    /// Signs this device in, as a new device of the account.
    ///
    /// # Errors
    /// [`WrongCredentials`](AccountError::WrongCredentials), [`TooManyAttempts`](AccountError::TooManyAttempts),
    /// [`Busy`](AccountError::Busy), [`Offline`](AccountError::Offline), or when the credentials cannot be kept.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), tiebreak_client::AccountError> {
    /// use tiebreak_client::{Account, AccountConfig, AccountError, CredentialFile};
    ///
    /// let config = AccountConfig::new("https://sync.example", CredentialFile::at("./credentials"));
    /// match Account::sign_in(config, "ann", "correct horse battery", "Ann's phone").await {
    ///     Ok(account) => println!("hello, {}", account.username()),
    ///     Err(AccountError::WrongCredentials) => println!("type the password again"),
    ///     Err(other) => return Err(other),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_in(
        config: AccountConfig,
        username: impl Into<String>,
        password: impl Into<String>,
        device: impl Into<String>,
    ) -> Result<Self, AccountError> {
        let (server, username) = (config.endpoint()?, username.into());
        let device = json!({ "name": device.into() });
        let body = json!({ "username": username, "password": password.into(), "device": device });
        let answer = error::read(server.ask(&Question::post("/v1/sessions", body)).await)?;
        let session = Session::read(&answer)?;
        let account = session.account.parse().map_err(|_| AccountError::stranger())?;
        let device = session.device.parse().map_err(|_| AccountError::stranger())?;
        let secrets = (session.refresh_token, session.device_key);
        let credentials = Credentials::new(server.url(), (account, device, username), secrets);
        config.store.save(credentials.write()).await?;
        let held = Held::new(credentials.clone(), Some(session.access));
        Ok(Self::of(server, config.store, credentials, held))
    }

    /// The account that is signed in on this device already, if one is at this server. Needs no network.
    ///
    /// Call it once in one process: two that refresh the same credentials look like a device and a thief, and are
    /// signed out. Clone what it answers.
    ///
    /// # Errors
    /// When the credentials cannot be read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("credentials");
    /// use tiebreak_client::{Account, AccountConfig, CredentialFile};
    ///
    /// let config = AccountConfig::new("https://sync.example", CredentialFile::at(path));
    /// assert!(Account::resume(config).await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn resume(config: AccountConfig) -> Result<Option<Self>, AccountError> {
        let server = config.endpoint()?;
        let Some(text) = config.store.load().await? else { return Ok(None) };
        let found = Credentials::read(&text, server.url())?;
        Ok(found.map(|credentials| {
            let held = Held::new(credentials.clone(), None);
            Self::of(server, config.store, credentials, held)
        }))
    }

    /// Signs this device out, also without a network: then the account still lists it as signed in, and nobody has its
    /// credentials any more. Documents stay; [`Tiebreak::sign_out`](crate::Tiebreak::sign_out) removes them too.
    ///
    /// # Errors
    /// When the credentials could not be erased.
    ///
    /// ```no_run
    /// # async fn example(account: tiebreak_client::Account) -> Result<(), tiebreak_client::AccountError> {
    /// account.sign_out().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_out(&self) -> Result<(), AccountError> {
        // Whether the server hears of it or not.
        timeout(SIGN_OUT_TIME_MAX, self.ask(Question::delete("/v1/sessions/current"))).await.ok();
        self.forget().await
    }

    pub(super) async fn forget(&self) -> Result<(), AccountError> {
        // Who is just asking for a token needs none any more; what it is keeping is erased behind it.
        self.shared.leaving.cancel();
        let mut held = self.shared.held.lock().await;
        *held = Held::NOTHING;
        Ok(self.shared.store.erase().await?)
    }
}
