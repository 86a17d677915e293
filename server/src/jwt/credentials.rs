//! The identity provider, as the doors ask it.

use super::provider::IdentityProvider;
use super::token::TokenError;
use crate::access::{Caller, Credentials, Scope};
use crate::storage::refusal;
use futures_util::future::BoxFuture;
use tiebreak_driver::Clock;
use tiebreak_protocol::Refusal;

/// Lets in whom the provider vouches for. Its tokens name no device of ours.
#[derive(Debug)]
pub(crate) struct Vouched {
    pub(crate) provider: IdentityProvider,
    pub(crate) clock: Clock,
}

impl Credentials for Vouched {
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, Refusal>> {
        Box::pin(async move {
            let bearer = self.provider.identify(token, self.clock.now()).await;
            let bearer = bearer.map_err(|error| match error {
                TokenError::Over => Refusal::TokenExpired,
                TokenError::Refused | TokenError::UnknownKey | TokenError::AccountDeleted => {
                    Refusal::Unauthorized
                }
                TokenError::Storage(error) => refusal(&error),
            })?;
            let until_ms = Some(bearer.until_ms);
            let account = bearer.account;
            Ok(Caller { account, device: None, scope: Scope::EVERYTHING, key: None, until_ms })
        })
    }

    /// Until its token is over: the provider tells of nothing else.
    fn is_signed_in(&self, _caller: &Caller) -> bool {
        true
    }

    /// Nobody has one: tickets are for those who sign in here.
    fn redeem_ticket(&self, _ticket: &str, _now_ms: i64) -> Option<Caller> {
        None
    }
}
