//! Who a credential belongs to, and how that account stands to a document.

use super::{Action, Caller, Live, Principal, Scope, Standing};
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

/// Accounts, and who knows their tokens.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) store: AccountStore,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) keys_in_address: KeysInAddress,
}

/// What every door asks; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct AccessControl {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    live: Live,
    operator: Secret,
    /// `None`: nobody is asked who they are.
    accounts: Option<Accounts>,
}

impl AccessControl {
    /// `operator` is the secret of the command line on this machine. Without accounts everybody may do everything.
    pub(crate) fn new(accounts: Option<Accounts>, live: Live, operator: Secret) -> Self {
        Self { shared: Arc::new(Shared { live, operator, accounts }) }
    }

    pub(crate) fn live(&self) -> &Live {
        &self.shared.live
    }

    /// `None` where nobody has an account.
    pub(crate) fn accounts(&self) -> Option<&AccountStore> {
        self.shared.accounts.as_ref().map(|accounts| &accounts.store)
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
        let Some(accounts) = &self.shared.accounts else { return Ok(Principal::Open) };
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
            "ticket" => accounts.credentials.redeem_ticket(&value, unix_ms()),
            "key" if accounts.keys_in_address == KeysInAddress::Taken => {
                self.of_key(accounts, &value).await?.filter(|caller| caller.scope.may_stand_in_address())
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
        match self.of_token(token.expose()).await? {
            Principal::Account(caller) => Ok(caller),
            Principal::Open | Principal::Operator | Principal::Anonymous => Err(Refusal::Unauthorized),
        }
    }

    /// Looks at a caller's credential once more.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] when it holds no more, or when the store cannot be read.
    pub(crate) async fn check_again(&self, caller: &Caller) -> Result<(), Refusal> {
        let Some(accounts) = &self.shared.accounts else { return Ok(()) };
        let holds = match caller.key {
            Some(hash) => {
                let found = accounts.store.key_by_hash(hash, unix_ms()).await;
                found.map_err(|error| refusal(&error))?.is_some()
            }
            None => accounts.credentials.is_signed_in(caller),
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
        let (Some(accounts), Some(caller)) = (&self.shared.accounts, principal.caller()) else {
            return Ok(Standing { document, role: None, exists: false });
        };
        let found = accounts.store.standing(document, caller.account).await;
        let (role, exists) = found.map_err(|error| refusal(&error))?;
        Ok(Standing { document, role, exists })
    }

    async fn of_token(&self, token: &str) -> Result<Principal, Refusal> {
        let Some(accounts) = &self.shared.accounts else { return Ok(Principal::Open) };
        if token.len() > CREDENTIAL_BYTES_MAX {
            return Err(Refusal::Unauthorized);
        }
        if token.starts_with(OPERATOR_PREFIX) {
            let is_operator: bool = self.shared.operator.expose().as_bytes().ct_eq(token.as_bytes()).into();
            return if is_operator { Ok(Principal::Operator) } else { Err(Refusal::Unauthorized) };
        }
        if token.starts_with(KEY_PREFIX) {
            let caller = self.of_key(accounts, token).await?;
            return caller.map(Principal::Account).ok_or(Refusal::Unauthorized);
        }
        accounts.credentials.verify(token).await.map(Principal::Account)
    }

    async fn of_key(&self, accounts: &Accounts, key: &str) -> Result<Option<Caller>, Refusal> {
        if !key.starts_with(KEY_PREFIX) || key.len() > CREDENTIAL_BYTES_MAX {
            return Ok(None);
        }
        let hash = super::secrets::hash_of(key);
        let found = accounts.store.key_by_hash(hash, unix_ms()).await;
        let Some(found) = found.map_err(|error| refusal(&error))? else { return Ok(None) };
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
