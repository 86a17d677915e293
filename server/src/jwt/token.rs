//! Judges one token: who it is from, who it is for, until when, and whether the provider signed it.

use super::account;
use super::keys::Keys;
use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use tiebreak_protocol::AccountId;
use tiebreak_storage::StorageError;

/// Longest token that is looked at, bytes.
const TOKEN_BYTES_MAX: usize = 4096;

/// How far the provider's clock and ours may be apart, seconds.
const SKEW_S: i64 = 60;

/// Longest subject (OpenID Connect Core, section 2), bytes.
const SUBJECT_BYTES_MAX: usize = 255;

/// Longest name that is kept of somebody, characters.
const NAME_CHARS_MAX: usize = 64;

/// The types that access tokens come with; any other JWT, such as a logout or a security event token, is no
/// permission to come in.
const TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// Whom a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) account: AccountId,
    /// What people call it, if the provider says so.
    pub(crate) name: Option<String>,
    /// When the token is over, Unix milliseconds.
    pub(crate) until_ms: i64,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("it is no token of the provider for this server")]
    Refused,
    #[error("it is over")]
    Over,
    #[error("it is signed with a key that the provider does not publish")]
    UnknownKey,
    #[error("its account was deleted")]
    AccountDeleted,
    #[error("could not look its account up")]
    Storage(#[from] StorageError),
}

/// What a token must say.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    pub(super) audience: String,
}

/// What is read of a token. The audience, which may be one or a list, is left to the library.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: i64,
    nbf: Option<i64>,
    name: Option<Value>,
    preferred_username: Option<Value>,
}

impl Rules {
    /// # Errors
    /// See [`TokenError`]; with [`TokenError::UnknownKey`], newer keys may change the verdict.
    pub(super) fn verify(&self, keys: &Keys, token: &str, now_ms: i64) -> Result<Bearer, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Refused);
        }
        let header = decode_header(token).map_err(|_| TokenError::Refused)?;
        let is_type = |typ: &str| TYPES.iter().any(|known| known.eq_ignore_ascii_case(typ));
        // What a token calls critical must be understood (RFC 7515, section 4.1.11), and nothing of it is.
        if !header.typ.as_deref().is_some_and(is_type) || header.crit.is_some() {
            return Err(TokenError::Refused);
        }
        let key = keys.get(header.kid.as_deref().ok_or(TokenError::Refused)?);
        let key = key.ok_or(TokenError::UnknownKey)?;
        // The key says how it signs, not the token.
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["aud", "exp", "iss", "sub"]);
        // Times are compared below, where the clock is an argument.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &key.public, &validation).map_err(|_| TokenError::Refused)?;
        self.admit(claims.claims, now_ms)
    }

    fn admit(&self, claims: Claims, now_ms: i64) -> Result<Bearer, TokenError> {
        let Claims { iss, sub, exp, nbf, name, preferred_username } = claims;
        let is_subject = (1..=SUBJECT_BYTES_MAX).contains(&sub.len());
        let now_s = now_ms.div_euclid(1000);
        let has_begun = nbf.is_none_or(|begin| begin <= now_s.saturating_add(SKEW_S));
        if iss != self.issuer || !is_subject || !has_begun {
            return Err(TokenError::Refused);
        }
        let until_ms = exp.saturating_add(SKEW_S).saturating_mul(1000);
        if until_ms <= now_ms {
            return Err(TokenError::Over);
        }
        let name = [name, preferred_username].into_iter().flatten().find_map(|name| shown(name.as_str()?));
        Ok(Bearer { account: account::id(&iss, &sub), name, until_ms })
    }
}

/// A name as it may be shown; `None` when nothing is left of it.
fn shown(name: &str) -> Option<String> {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

#[cfg(test)]
pub(super) mod tests;
