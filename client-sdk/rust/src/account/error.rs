//! Why something about accounts was not done.

use super::CredentialError;
use crate::network::{Answer, HttpError};
use serde_json::Value;
use std::time::Duration;

/// Why something was not done, each with a sentence that can be shown.
///
/// ```
/// use tiebreak_client::AccountError;
///
/// fn what_to_do(error: AccountError) -> String {
///     match error {
///         AccountError::UsernameTaken => "choose another name".to_owned(),
///         AccountError::WrongCredentials => "type the password again".to_owned(),
///         AccountError::SignedOut => "sign in again".to_owned(),
///         AccountError::Offline { .. } => "come back with a network".to_owned(),
///         other => other.to_string(),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Somebody has this name, or one that looks the same.
    #[error("this name, or one that looks the same, belongs to another account; choose another")]
    UsernameTaken,
    /// Not a username.
    #[error("{detail}")]
    InvalidUsername {
        /// What is wrong with it.
        detail: String,
    },
    /// Too short, too long, or too easy to guess.
    #[error("{detail}")]
    InvalidPassword {
        /// What is wrong with it.
        detail: String,
    },
    /// Something else that was given is not accepted: the name of a device, a role, how long an invitation lives.
    #[error("{detail}")]
    InvalidArgument {
        /// What is wrong with it.
        detail: String,
    },
    /// No account has this name and this password.
    #[error("no account has this name and this password")]
    WrongCredentials,
    /// Too many wrong passwords, or too many new accounts from one place.
    #[error("too many attempts; try again in {} seconds", .retry_after.as_secs())]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// This device is signed out: by the account elsewhere, by an operator, or because somebody else used its
    /// credentials. Sign in again.
    #[error("this device is signed out; sign in again")]
    SignedOut,
    /// A document would be left without an owner: make somebody else one first.
    #[error("{detail}")]
    LastOwner {
        /// Which documents, where there are several.
        detail: String,
    },
    /// No account has this name.
    #[error("there is no such account")]
    NoSuchAccount,
    /// As far as this account is to know, there is no such document, device or role.
    #[error("{detail}")]
    NotFound {
        /// What there is not.
        detail: String,
    },
    /// The account's role on the document does not allow it.
    #[error("this account may not do this")]
    NotAllowed,
    /// The invitation is over, used up or was taken back.
    #[error("the invitation is over, used up or was taken back; ask for another")]
    InvitationOver,
    /// The server has too much to do.
    #[error("the server is busy; try again in {} seconds", .retry_after.as_secs())]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The server could not be asked.
    #[error("the server cannot be reached: {reason}")]
    Offline {
        /// For a person.
        reason: String,
    },
    /// The server keeps no accounts: it asks nobody, or an identity provider does.
    #[error("this server keeps no accounts")]
    NoAccounts,
    /// Not an address like `https://host`.
    #[error("{url:?} is not the address of a server, as in https://sync.example: {reason}")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate given by [`trust_root`](crate::AccountConfig::trust_root) cannot be read.
    #[error("a trusted certificate is not readable: {reason}")]
    Certificate {
        /// What is wrong with it.
        reason: String,
    },
    /// Passwords would travel where everybody can read them: use `https://`, or
    /// [`allow_exposed_token`](crate::AccountConfig::allow_exposed_token) where that is meant.
    #[error("a password for {url:?} could be read on the way: use https://")]
    Exposed {
        /// As it was given.
        url: String,
    },
    /// The device could not keep or read its credentials.
    #[error("this device cannot keep its credentials: {0}")]
    Credentials(#[from] CredentialError),
    /// What is kept as credentials is none. Signing in replaces it.
    #[error("what is kept as credentials is not readable; sign in again")]
    UnreadableCredentials,
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    Random,
    /// The server says something that this version does not know.
    #[error("{detail} ({code})")]
    Server {
        /// Stable: branch on it.
        code: String,
        /// A sentence for a person.
        detail: String,
    },
}

impl AccountError {
    /// What answers speaks another language.
    pub(super) fn stranger() -> Self {
        Self::Offline { reason: HttpError::Stranger.to_string() }
    }
}

/// When to come back, where the server does not say.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What an answer says, or why not.
pub(super) fn read(answer: Result<Answer, HttpError>) -> Result<Value, AccountError> {
    let answer = answer.map_err(|error| AccountError::Offline { reason: error.to_string() })?;
    if (200..300).contains(&answer.status) { Ok(answer.json) } else { Err(problem(&answer)) }
}

fn problem(answer: &Answer) -> AccountError {
    let text = |name: &str| answer.json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, detail) = (text("code"), text("detail"));
    let retry_after = answer.retry_after.unwrap_or(RETRY_AFTER);
    match code.as_str() {
        "" => AccountError::stranger(),
        "username_taken" => AccountError::UsernameTaken,
        "invalid_username" => AccountError::InvalidUsername { detail },
        "invalid_password" => AccountError::InvalidPassword { detail },
        "invalid_name" | "invalid_parameter" => AccountError::InvalidArgument { detail },
        "invalid_credentials" => AccountError::WrongCredentials,
        "too_many_attempts" => AccountError::TooManyAttempts { retry_after },
        "session_over" | "signed_out" | "token_expired" | "unauthorized" => AccountError::SignedOut,
        "last_owner" | "sole_owner" => AccountError::LastOwner { detail },
        "account_not_found" => AccountError::NoSuchAccount,
        "document_not_found" | "document_deleted" | "grant_not_found" | "device_not_found" => {
            AccountError::NotFound { detail }
        }
        "access_denied" => AccountError::NotAllowed,
        "invitation_invalid" => AccountError::InvitationOver,
        "accounts_off" => AccountError::NoAccounts,
        "busy" | "storage_unavailable" | "shutting_down" => AccountError::Busy { retry_after },
        _other => AccountError::Server { code, detail },
    }
}
