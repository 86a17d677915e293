//! The keys that an identity provider publishes: a JWK set (RFC 7517), each key with one algorithm.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// Largest set that is read, bytes.
pub(super) const KEYS_BYTES_MAX: usize = 256 * 1024;

/// Keys in it that are looked at.
const KEYS_MAX: usize = 100;

/// RSA keys of 2048 to 8192 bits: shorter ones can be broken, longer ones take long.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Keys by their id, which is looked up and nothing else.
#[derive(Default)]
pub(super) struct Keys {
    by_id: BTreeMap<String, Key>,
}

/// One public key, and the only algorithm that it verifies.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    pub(super) public: DecodingKey,
}

/// Why a set cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    #[error("it is larger than {KEYS_BYTES_MAX} bytes")]
    TooLarge,
    #[error("it is no JWK set: {0}")]
    NotASet(String),
    #[error("it has more than {KEYS_MAX} keys")]
    TooMany,
    #[error("two keys are called `{0}`")]
    NamedTwice(String),
    #[error("it has no key for signatures that has a `kid` and a known algorithm")]
    NoneUsable,
}

impl Keys {
    /// Reads a set. Keys for other purposes, of unknown kinds or without an id are passed over, as the RFC asks.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, InvalidKeys> {
        if bytes.len() > KEYS_BYTES_MAX {
            return Err(InvalidKeys::TooLarge);
        }
        let set: Set =
            serde_json::from_slice(bytes).map_err(|error| InvalidKeys::NotASet(error.to_string()))?;
        if set.keys.len() > KEYS_MAX {
            return Err(InvalidKeys::TooMany);
        }
        let mut by_id = BTreeMap::new();
        for value in set.keys {
            let Some((id, key)) = serde_json::from_value::<Jwk>(value).ok().and_then(Jwk::usable) else {
                continue;
            };
            if by_id.insert(id.clone(), key).is_some() {
                return Err(InvalidKeys::NamedTwice(id));
            }
        }
        if by_id.is_empty() { Err(InvalidKeys::NoneUsable) } else { Ok(Self { by_id }) }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        self.by_id.get(id)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_id.keys()).finish()
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    fn usable(self) -> Option<(String, Key)> {
        if self.r#use.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let (fitting, public): (&[Algorithm], _) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => (&[Algorithm::EdDSA], DecodingKey::from_ed_components(&self.x?)),
            ("EC", Some("P-256")) => {
                (&[Algorithm::ES256], DecodingKey::from_ec_components(&self.x?, &self.y?))
            }
            ("EC", Some("P-384")) => {
                (&[Algorithm::ES384], DecodingKey::from_ec_components(&self.x?, &self.y?))
            }
            ("RSA", None) => (&RSA_ALGORITHMS, rsa(&self.n?, &self.e?)),
            _other => return None,
        };
        // Who names none means the first: a set without algorithms comes from a provider that uses RS256.
        let algorithm = match self.alg {
            Some(name) => name.parse().ok().filter(|algorithm| fitting.contains(algorithm))?,
            None => *fitting.first()?,
        };
        Some((self.kid?, Key { algorithm, public: public.ok()? }))
    }
}

const RSA_ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

fn rsa(modulus: &str, exponent: &str) -> jsonwebtoken::errors::Result<DecodingKey> {
    let key = DecodingKey::from_rsa_components(modulus, exponent)?;
    let is_strong = match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => RSA_MODULUS_BYTES.contains(&n.len()),
        DecodingKeyKind::SecretOrDer(_) => false,
    };
    if is_strong { Ok(key) } else { Err(ErrorKind::InvalidKeyFormat.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parse(keys: &[Value]) -> Result<Keys, InvalidKeys> {
        Keys::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn ed(kid: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
    }

    fn with(key: Value, name: &str, value: &str) -> Value {
        let mut key = key;
        key[name] = value.into();
        key
    }

    #[test]
    fn each_key_has_the_one_algorithm_that_it_names_or_that_its_kind_has() {
        let modulus = format!("{}g", "u".repeat(341));
        let rsa = json!({ "kty": "RSA", "kid": "rsa", "n": modulus, "e": "AQAB", "use": "sig" });
        let point = "A".repeat(43);
        let ec = json!({ "kty": "EC", "crv": "P-256", "kid": "ec", "x": point, "y": point });
        let pss = with(with(rsa.clone(), "kid", "pss"), "alg", "PS512");
        let keys = parse(&[ed("ed"), rsa, ec, pss]).unwrap();
        for (id, algorithm) in [
            ("ed", Algorithm::EdDSA),
            ("rsa", Algorithm::RS256),
            ("ec", Algorithm::ES256),
            ("pss", Algorithm::PS512),
        ] {
            assert_eq!(keys.get(id).unwrap().algorithm, algorithm, "{id}");
        }
    }

    #[test]
    fn what_is_not_for_us_is_passed_over() {
        let nameless = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" });
        let secret = json!({ "kty": "oct", "kid": "secret", "k": "c2VjcmV0" });
        let short =
            json!({ "kty": "RSA", "kid": "short", "n": format!("{}g", "u".repeat(170)), "e": "AQAB" });
        let others = [
            nameless,
            secret,
            short,
            with(ed("sealing"), "use", "enc"),
            with(ed("confused"), "alg", "HS256"),
            with(ed("unknown"), "alg", "XY1"),
            with(ed("curve"), "crv", "Ed448"),
            json!({ "kty": 7, "kid": "number" }),
            json!("no object"),
        ];
        let keys = parse(&[&others[..], &[ed("good")]].concat()).unwrap();
        assert_eq!(format!("{keys:?}"), r#"{"good"}"#);
        assert_eq!(parse(&others).err(), Some(InvalidKeys::NoneUsable));
    }

    #[test]
    fn a_set_that_is_none_or_means_two_things_is_refused() {
        assert_eq!(parse(&[ed("a"), ed("a")]).err(), Some(InvalidKeys::NamedTwice("a".to_owned())));
        let many: Vec<_> = (0..=KEYS_MAX).map(|n| ed(&n.to_string())).collect();
        assert_eq!(parse(&many).err(), Some(InvalidKeys::TooMany));
        assert!(parse(&many[1..]).is_ok());
        assert!(matches!(Keys::parse(b"<html>"), Err(InvalidKeys::NotASet(_))));
        assert_eq!(Keys::parse(&[b' '; KEYS_BYTES_MAX + 1]).err(), Some(InvalidKeys::TooLarge));
    }
}
