//! Who a credential belongs to, and how that account stands to a document.

use super::{
    ANONYMOUS, AccessError, Action, Caller, FailedAttempt, FailedAttempts, Live, Principal, Scope, Standing,
};
use crate::storage::refusal;
use axum::http::Uri;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use futures_util::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{DocumentId, Refusal, Secret};
use tiebreak_storage::accounts::AccountStore;

/// What an API key begins with.
pub(crate) const KEY_PREFIX: &str = "tbk_";
/// What the secret of the command line on this machine begins with.
pub(crate) const OPERATOR_PREFIX: &str = "tbo_";

/// Longest credential that is looked at, bytes.
const CREDENTIAL_BYTES_MAX: usize = 4096;

/// The parameters of an address that would hold a credential: one that is not taken there is refused, even if it
/// is valid, because by then it stands in somebody's log.
const IN_ADDRESS: [&str; 4] = ["ticket", "key", "token", "access_token"];

/// Tells whose the tokens are that it has given out, or that somebody it trusts has.
pub(crate) trait Credentials: fmt::Debug + Send + Sync + 'static {
    /// # Errors
    /// [`Refusal::Unauthorized`], [`Refusal::TokenExpired`] or [`Refusal::SignedOut`].
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Caller, Refusal>>;

    /// Whether the device of a caller is signed in, as far as is known here.
    fn is_signed_in(&self, caller: &Caller) -> bool;

    /// Takes a ticket, which holds once and for a moment.
    fn redeem_ticket(&self, ticket: &str, now_ms: i64) -> Option<Caller>;
}

/// Whether keys may stand in addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeysInAddress {
    Refused,
    /// For stock clients, which can carry one nowhere else.
    Taken,
}

/// Who knows the tokens of accounts, on a server that asks who comes.
#[derive(Debug)]
pub(crate) struct Asks {
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) keys_in_address: KeysInAddress,
    pub(crate) attempts: FailedAttempts,
}

/// What every door asks; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AccessControl {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    live: Live,
    operator: Option<Secret>,
    accounts: AccountStore,
    /// `None`: nobody is asked who they are.
    asks: Option<Asks>,
}

impl AccessControl {
    /// `operator` is the secret of the command line on this machine, if it has to say one. Where nobody is asked who
    /// they are, everybody may do everything with documents, and the accounts are the operator's alone.
    pub(crate) fn new(
        accounts: AccountStore,
        asks: Option<Asks>,
        live: Live,
        operator: Option<Secret>,
    ) -> Self {
        Self { shared: Arc::new(Shared { live, operator, accounts, asks }) }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.shared.live
    }

    /// The accounts, for who asks: operators also prepare those that nobody is asked for yet.
    pub(crate) fn accounts(&self, by: &Principal) -> Result<&AccountStore, AccessError> {
        match by {
            Principal::Operator => Ok(&self.shared.accounts),
            Principal::Open | Principal::Account(_) | Principal::Anonymous => self.own_accounts(),
        }
    }

    /// The accounts, for somebody who has one.
    pub(super) fn own_accounts(&self) -> Result<&AccountStore, AccessError> {
        if self.shared.asks.is_some() { Ok(&self.shared.accounts) } else { Err(AccessError::AccountsOff) }
    }

    /// Notes for the audit log that somebody came without a right to. Tokens that are over are no news: each device
    /// comes with one, and renews it.
    pub(crate) fn note_refused(&self, refusal: Refusal, attempt: impl FnOnce() -> FailedAttempt) {
        if let Some(asks) = &self.shared.asks
            && [Refusal::Unauthorized, Refusal::SignedOut, Refusal::AccessDenied].contains(&refusal)
        {
            asks.attempts.note(attempt());
        }
    }

    /// Who a request is from that asks for `action`.
    ///
    /// # Errors
    /// When it brings a credential that is none, or has one where none may stand: in an address, other than that of
    /// a WebSocket.
    pub(crate) async fn principal(
        &self,
        headers: &HeaderMap,
        uri: &Uri,
        action: Action,
    ) -> Result<Principal, Refusal> {
        let Some(asks) = &self.shared.asks else { return Ok(self.operator_or_anybody(headers)) };
        let in_address = credentials_in(uri.query().unwrap_or_default());
        if !in_address.is_empty() && action != Action::Connect {
            return Err(Refusal::Unauthorized);
        }
        if let Some(token) = bearer(headers)? {
            // Two credentials say two things.
            return if in_address.is_empty() {
                self.of_token(token).await
            } else {
                Err(Refusal::Unauthorized)
            };
        }
        let (name, value) = match <[_; 1]>::try_from(in_address) {
            Ok([only]) => only,
            Err(none) if none.is_empty() => return Ok(Principal::Anonymous),
            Err(_several) => return Err(Refusal::Unauthorized),
        };
        let caller = match name {
            "ticket" => asks.credentials.redeem_ticket(&value, unix_ms()),
            "key" if asks.keys_in_address == KeysInAddress::Taken => {
                self.of_key(&value).await?.filter(|caller| caller.scope.may_stand_in_address())
            }
            _elsewhere => None,
        };
        caller.map(Principal::Account).ok_or(Refusal::Unauthorized)
    }

    /// Whose a token is that a connection brings.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) async fn identify(&self, token: &Secret) -> Result<Caller, Refusal> {
        let refusal = match self.of_token(token.expose()).await {
            Ok(Principal::Account(caller)) => return Ok(caller),
            Ok(Principal::Open | Principal::Operator | Principal::Anonymous) => Refusal::Unauthorized,
            Err(refusal) => refusal,
        };
        self.note_refused(refusal, || FailedAttempt {
            actor: ANONYMOUS.to_owned(),
            action: "access.refused",
            subject: "a connection".to_owned(),
            why: refusal.code(),
            from: None,
        });
        Err(refusal)
    }

    /// Looks at a caller's credential once more.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] when it holds no more, or when the store cannot be read.
    pub(crate) async fn check_again(&self, caller: &Caller) -> Result<(), Refusal> {
        let Some(asks) = &self.shared.asks else { return Ok(()) };
        let holds = match caller.key {
            Some(hash) => {
                let found = self.shared.accounts.key_by_hash(hash, unix_ms()).await;
                found.map_err(|error| refusal(&error))?.is_some()
            }
            None => asks.credentials.is_signed_in(caller),
        };
        if holds { Ok(()) } else { Err(Refusal::SignedOut) }
    }

    /// How somebody stands to a document.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn standing(
        &self,
        principal: &Principal,
        document: DocumentId,
    ) -> Result<Standing, Refusal> {
        let (Some(_asks), Some(caller)) = (&self.shared.asks, principal.caller()) else {
            return Ok(Standing { document, role: None, exists: false });
        };
        let found = self.shared.accounts.standing(document, caller.account).await;
        let (role, exists) = found.map_err(|error| refusal(&error))?;
        Ok(Standing { document, role, exists })
    }

    async fn of_token(&self, token: &str) -> Result<Principal, Refusal> {
        let Some(asks) = &self.shared.asks else { return Ok(Principal::Open) };
        if token.len() > CREDENTIAL_BYTES_MAX {
            return Err(Refusal::Unauthorized);
        }
        if token.starts_with(OPERATOR_PREFIX) {
            return if self.is_operator(token) {
                Ok(Principal::Operator)
            } else {
                Err(Refusal::Unauthorized)
            };
        }
        if token.starts_with(KEY_PREFIX) {
            let caller = self.of_key(token).await?;
            return caller.map(Principal::Account).ok_or(Refusal::Unauthorized);
        }
        asks.credentials.verify(token).await.map(Principal::Account)
    }

    /// Where nobody is asked, whatever is no operator's secret says nothing.
    fn operator_or_anybody(&self, headers: &HeaderMap) -> Principal {
        match bearer(headers) {
            Ok(Some(token)) if self.is_operator(token) => Principal::Operator,
            Ok(_) | Err(_) => Principal::Open,
        }
    }

    fn is_operator(&self, token: &str) -> bool {
        let secret = self.shared.operator.as_ref();
        secret.is_some_and(|secret| secret.expose().as_bytes().ct_eq(token.as_bytes()).into())
    }

    async fn of_key(&self, key: &str) -> Result<Option<Caller>, Refusal> {
        if !key.starts_with(KEY_PREFIX) || key.len() > CREDENTIAL_BYTES_MAX {
            return Ok(None);
        }
        let (hash, accounts) = (super::secrets::hash_of(key), &self.shared.accounts);
        let found = accounts.key_by_hash(hash, unix_ms()).await.map_err(|error| refusal(&error))?;
        let Some(found) = found else {
            let ended = accounts.key_ever_given(hash).await.map_err(|error| refusal(&error))?;
            if let Some(key) = ended {
                self.note_refused(Refusal::Unauthorized, || FailedAttempt::with_ended_key(&key));
            }
            return Ok(None);
        };
        let Some(scope) = Scope::of_stored(&found.scope) else { return Ok(None) };
        let (account, until_ms) = (found.account, found.expires_ms);
        Ok(Some(Caller { account, device: None, scope, key: Some(hash), until_ms }))
    }
}

/// The token of a request's header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| Refusal::Unauthorized)?;
    match (text.split_once(' '), values.next()) {
        (Some((scheme, token)), None) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _other => Err(Refusal::Unauthorized),
    }
}

/// What an address holds that looks like a credential, by the name of its parameter.
fn credentials_in(query: &str) -> Vec<(&'static str, String)> {
    let parameters: Vec<(String, String)> =
        serde_urlencoded::from_str::<Vec<(String, String)>>(query).unwrap_or_default();
    let named = |(name, value): (String, String)| {
        IN_ADDRESS.into_iter().find(|known| known.eq_ignore_ascii_case(&name)).map(|known| (known, value))
    };
    parameters.into_iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn what_looks_like_a_credential_in_an_address_is_found_however_it_is_spelled() {
        let names = |query| credentials_in(query).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("TOKEN=a&ticket=b&ticket=c&other=d"), ["token", "ticket", "ticket"]);
        assert_eq!(names("%74icket=b"), ["ticket"]);
        assert!(names("after=token").is_empty());
    }

    #[test]
    fn a_header_brings_one_token_or_is_refused() {
        let headers = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            headers
        };
        assert_eq!(bearer(&headers(&[])), Ok(None));
        assert_eq!(bearer(&headers(&["Bearer a.b.c"])), Ok(Some("a.b.c")));
        assert_eq!(bearer(&headers(&["bearer a"])), Ok(Some("a")));
        for values in [&["Basic a"][..], &["Bearer"], &["Bearer a", "Bearer a"], &["Bearer \u{e9}"]] {
            assert_eq!(bearer(&headers(values)), Err(Refusal::Unauthorized), "{values:?}");
        }
    }
}
