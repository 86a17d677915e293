//! Where tokens come from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use tiebreak_sync::link::TokenReason;

/// A boxed future of a token.
///
/// ```
/// use tiebreak_client::{TokenFuture, TokenProvider, TokenReason};
///
/// /// Signs in once, and stays so.
/// struct Fixed(String);
///
/// impl TokenProvider for Fixed {
///     fn fetch_token(&self, _reason: TokenReason) -> TokenFuture<'_> {
///         Box::pin(async { Ok(Some(self.0.clone())) })
///     }
/// }
/// ```
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<String>, TokenError>> + Send + 'a>>;

/// No token could be had just now, for instance because the network is away; the client tries again later.
///
/// ```
/// use tiebreak_client::TokenError;
///
/// let offline = std::io::Error::other("no route to the sign-in service");
/// assert_eq!(TokenError::new(offline).reason, "no route to the sign-in service");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TokenError {
    /// A sentence for a person.
    pub reason: String,
}

impl TokenError {
    /// With what a person may read of the cause.
    ///
    /// ```
    /// # use tiebreak_client::TokenError;
    /// let error = TokenError::new("the sign-in service is down");
    /// assert_eq!(error.to_string(), "the sign-in service is down");
    /// ```
    pub fn new(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// Brings the token that the server wants to see. Asked afresh before every connection; never for anything else.
///
/// `Ok(None)` says that nobody is signed in: the client stops, and [`status`](crate::Tiebreak::status) says
/// `Unauthorized`. After [`TokenReason::Expired`] do not answer from a cache.
///
/// Asynchronous closures are providers too:
///
/// ```
/// # use tiebreak_client::{TiebreakConfig, TokenReason};
/// let config = TiebreakConfig::new("./data")
///     .url("wss://sync.example/automerge")
///     .token_provider(|reason: TokenReason| async move {
///         let fresh = reason == TokenReason::Expired;
///         Ok(Some(format!("a token from our own backend, cached: {}", !fresh)))
///     });
/// ```
pub trait TokenProvider: Send + Sync + 'static {
    /// Brings a token. Dropped when the app disconnects meanwhile.
    fn fetch_token(&self, reason: TokenReason) -> TokenFuture<'_>;
}

impl<F, A> TokenProvider for F
where
    F: Fn(TokenReason) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Option<String>, TokenError>> + Send + 'static,
{
    fn fetch_token(&self, reason: TokenReason) -> TokenFuture<'_> {
        Box::pin(self(reason))
    }
}

impl fmt::Debug for dyn TokenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenProvider")
    }
}
