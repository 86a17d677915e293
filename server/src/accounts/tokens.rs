//! Access tokens: signed by this server, short-lived, and verified without asking the store.
//!
//! A token is a JWT (RFC 7519) in the profile of RFC 9068, signed with Ed25519 (RFC 8037). Keys are named by `kid`,
//! which is looked up in a map and nothing else; each has one algorithm.

use super::AccountError;
use crate::access::{Caller, Scope};
use crate::jwt::signatures;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;
use tiebreak_protocol::{AccountId, DeviceId, Refusal};
use tiebreak_storage::accounts::{AccountStore, SigningKey};

/// How long an access token holds.
pub(crate) const ACCESS_TIME: Duration = Duration::from_secs(15 * 60);

/// After this long a new key signs; the one before verifies until its last token is over.
const KEY_TIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// How far clocks of other machines that verify may be off, seconds.
const LEEWAY_S: u64 = 5;

/// The type of our tokens (RFC 9068): no other JWT passes for one.
const TYPE: &str = "at+jwt";

/// Who the tokens are for.
const AUDIENCE: &str = "tiebreak";

/// A private key of Ed25519 in PKCS #8 (RFC 8410) is this and its 32 bytes.
const PKCS8_PREFIX: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];

/// Makes access tokens, and tells whose they are.
#[derive(Debug)]
pub(crate) struct Tokens {
    issuer: String,
    keys: RwLock<Keys>,
}

#[derive(Default)]
struct Keys {
    signer: Option<Signer>,
    verifiers: BTreeMap<String, Verifier>,
}

struct Signer {
    id: String,
    key: EncodingKey,
    created_ms: i64,
}

struct Verifier {
    key: DecodingKey,
    public: [u8; 32],
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The account.
    sub: String,
    /// The device.
    dev: String,
    /// Unix seconds.
    iat: u64,
    exp: u64,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.verifiers.keys()).finish()
    }
}

impl Tokens {
    /// With the keys that are stored; the first time, one is made.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub(crate) async fn open(
        store: &AccountStore,
        issuer: String,
        now_ms: i64,
    ) -> Result<Self, AccountError> {
        signatures::install();
        let tokens = Self { issuer, keys: RwLock::default() };
        tokens.renew(store, now_ms).await?;
        Ok(tokens)
    }

    /// Makes a new key when the newest is old, and forgets those that can have signed nothing that still holds.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub(crate) async fn renew(&self, store: &AccountStore, now_ms: i64) -> Result<(), AccountError> {
        let mut stored = store.signing_keys().await?;
        let newest = stored.last();
        if newest.is_none_or(|newest| now_ms - newest.created_ms >= ms(KEY_TIME)) {
            let newest_seen = newest.map(|newest| newest.id.clone());
            let key = SigningKey {
                id: URL_SAFE_NO_PAD.encode(crate::access::random::<12>()?),
                secret: crate::access::random::<32>()?.to_vec(),
                created_ms: now_ms,
            };
            stored.push(store.add_signing_key(key, newest_seen.as_deref()).await?);
        }
        let keys = Keys::of(&stored)?;
        for old in stored.iter().rev().skip(1) {
            // Replaced that long ago, it has signed nothing that still holds.
            let is_over = keys.signer.as_ref().is_some_and(|signer| {
                now_ms - signer.created_ms > ms(ACCESS_TIME) + ms(Duration::from_secs(LEEWAY_S))
            });
            if is_over {
                store.remove_signing_key(&old.id, now_ms).await?;
            }
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// A token for a device, and when it is over, Unix milliseconds.
    ///
    /// # Errors
    /// When there is no key.
    pub(crate) fn issue(
        &self,
        account: AccountId,
        device: DeviceId,
        now_ms: i64,
    ) -> Result<String, AccountError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let signer = keys.signer.as_ref().ok_or(AccountError::Internal)?;
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(signer.id.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        let iat = u64::try_from(now_ms / 1000).unwrap_or_default();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: account.to_string(),
            dev: device.to_string(),
            iat,
            exp: iat + ACCESS_TIME.as_secs(),
        };
        encode(&header, &claims, &signer.key).map_err(|_| AccountError::Internal)
    }

    /// Whose a token is.
    ///
    /// # Errors
    /// [`Refusal::TokenExpired`] for one of ours that is over, [`Refusal::Unauthorized`] for anything else.
    pub(crate) fn verify(&self, token: &str) -> Result<Caller, Refusal> {
        let header = decode_header(token).map_err(|_| Refusal::Unauthorized)?;
        if header.typ.as_deref() != Some(TYPE) || header.alg != Algorithm::EdDSA {
            return Err(Refusal::Unauthorized);
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let verifier = header.kid.as_deref().and_then(|kid| keys.verifiers.get(kid));
        let verifier = verifier.ok_or(Refusal::Unauthorized)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims = decode::<Claims>(token, &verifier.key, &validation).map_err(|error| {
            let is_over = matches!(error.kind(), jsonwebtoken::errors::ErrorKind::ExpiredSignature);
            if is_over { Refusal::TokenExpired } else { Refusal::Unauthorized }
        })?;
        let Claims { sub, dev, exp, .. } = claims.claims;
        let until_ms = i64::try_from(exp.saturating_mul(1000)).map_err(|_| Refusal::Unauthorized)?;
        Ok(Caller {
            account: sub.parse().map_err(|_| Refusal::Unauthorized)?,
            device: Some(dev.parse().map_err(|_| Refusal::Unauthorized)?),
            key: None,
            scope: Scope::EVERYTHING,
            until_ms: Some(until_ms),
        })
    }

    /// The public keys as a JWK set (RFC 7517), for services that verify tokens themselves.
    pub(crate) fn jwks(&self) -> Value {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let jwk = |(id, verifier): (&String, &Verifier)| {
            json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": "EdDSA",
                "kid": id,
                "x": URL_SAFE_NO_PAD.encode(verifier.public),
            })
        };
        json!({ "keys": keys.verifiers.iter().map(jwk).collect::<Vec<_>>() })
    }
}

impl Keys {
    fn of(stored: &[SigningKey]) -> Result<Self, AccountError> {
        let mut keys = Self::default();
        for SigningKey { id, secret, created_ms } in stored {
            let secret: [u8; 32] = secret.as_slice().try_into().map_err(|_| AccountError::Internal)?;
            let pair = Ed25519KeyPair::from_seed_unchecked(&secret).map_err(|_| AccountError::Internal)?;
            let public = pair.public_key().as_ref();
            let public: [u8; 32] = public.try_into().map_err(|_| AccountError::Internal)?;
            let key = DecodingKey::from_ed_der(&public);
            keys.verifiers.insert(id.clone(), Verifier { key, public });
            let key = EncodingKey::from_ed_der(&[PKCS8_PREFIX.as_slice(), &secret].concat());
            keys.signer = Some(Signer { id: id.clone(), key, created_ms: *created_ms });
        }
        Ok(keys)
    }
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
