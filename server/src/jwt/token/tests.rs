use super::*;
use crate::jwt::signatures;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use serde_json::json;

pub(in crate::jwt) const ISSUER: &str = "https://id.example";
pub(in crate::jwt) const AUDIENCE: &str = "tiebreak";
const NOW_S: i64 = 1_700_000_000;
const NOW_MS: i64 = NOW_S * 1000;

/// Made for these tests and used nowhere else.
const RSA: &[u8] = include_bytes!("../rsa-for-tests.der");

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A provider with a key of each kind.
pub(in crate::jwt) struct Provider {
    ed25519: Ed25519KeyPair,
    /// In the set, and the key of somebody else.
    other_ed25519: Ed25519KeyPair,
    ecdsa: EcdsaKeyPair,
    rsa: RsaKeyPair,
}

impl Provider {
    pub(in crate::jwt) fn new() -> Self {
        signatures::install();
        let ecdsa = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(ecdsa, &random).unwrap();
        Self {
            ed25519: Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap(),
            other_ed25519: Ed25519KeyPair::from_seed_unchecked(&[2; 32]).unwrap(),
            ecdsa: EcdsaKeyPair::from_pkcs8(ecdsa, pkcs8.as_ref(), &random).unwrap(),
            rsa: RsaKeyPair::from_der(RSA).unwrap(),
        }
    }

    pub(in crate::jwt) fn jwks(&self) -> Value {
        let ed = |kid: &str, key: &Ed25519KeyPair| json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": base64(key.public_key()) });
        let point = self.ecdsa.public_key().as_ref();
        let rsa = signature::RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public_key());
        json!({ "keys": [
            ed("ed", &self.ed25519),
            ed("other", &self.other_ed25519),
            { "kty": "EC", "crv": "P-256", "kid": "ec", "x": base64(&point[1..33]), "y": base64(&point[33..]) },
            { "kty": "RSA", "kid": "rsa", "alg": "RS256", "n": base64(&rsa.n), "e": base64(&rsa.e) },
        ]})
    }

    fn keys(&self) -> Keys {
        Keys::parse(self.jwks().to_string().as_bytes()).unwrap()
    }

    fn sign(&self, how: Signature, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match how {
            Signature::Ed25519 => self.ed25519.sign(message).as_ref().to_vec(),
            Signature::Ecdsa => self.ecdsa.sign(&random, message).unwrap().as_ref().to_vec(),
            Signature::Rsa => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Signature::HmacWithPublicKey => {
                let public = self.ed25519.public_key().as_ref();
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public);
                ring::hmac::sign(&key, message).as_ref().to_vec()
            }
            Signature::None => Vec::new(),
        }
    }

    fn token(&self, header: &str, claims: &str, how: Signature) -> String {
        let message = format!("{}.{}", base64(header), base64(claims));
        let signature = base64(self.sign(how, message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// A token that everything is right with, for this subject.
    pub(in crate::jwt) fn good_token(&self, subject: &str, now_ms: i64) -> String {
        let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": now_ms / 1000 + 600 });
        self.token(&header("EdDSA", "ed").to_string(), &claims.to_string(), Signature::Ed25519)
    }
}

#[derive(Clone, Copy)]
enum Signature {
    Ed25519,
    Ecdsa,
    Rsa,
    HmacWithPublicKey,
    None,
}

fn rules() -> Rules {
    Rules { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned() }
}

fn header(algorithm: &str, kid: &str) -> Value {
    json!({ "alg": algorithm, "kid": kid, "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": NOW_S + 600, "iat": NOW_S })
}

/// The object with some entries put in, or taken out where they are null.
fn but(mut object: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(&name);
        } else {
            object[name] = value;
        }
    }
    object
}

fn verify(provider: &Provider, token: &str) -> Result<Bearer, TokenError> {
    rules().verify(&provider.keys(), token, NOW_MS)
}

#[test]
fn tokens_that_are_taken() {
    let provider = Provider::new();
    let ed = || header("EdDSA", "ed");
    for (what, header, claims, signature) in [
        ("EdDSA", ed(), claims(), Signature::Ed25519),
        ("ES256", header("ES256", "ec"), claims(), Signature::Ecdsa),
        ("RS256", header("RS256", "rsa"), claims(), Signature::Rsa),
        ("at+jwt", but(ed(), json!({ "typ": "at+jwt" })), claims(), Signature::Ed25519),
        (
            "application/at+jwt",
            but(ed(), json!({ "typ": "application/AT+JWT" })),
            claims(),
            Signature::Ed25519,
        ),
        ("several audiences", ed(), but(claims(), json!({ "aud": ["other", AUDIENCE] })), Signature::Ed25519),
        ("nbf now", ed(), but(claims(), json!({ "nbf": NOW_S })), Signature::Ed25519),
        ("nbf within the skew", ed(), but(claims(), json!({ "nbf": NOW_S + SKEW_S })), Signature::Ed25519),
        (
            "exp within the skew",
            ed(),
            but(claims(), json!({ "exp": NOW_S - SKEW_S + 1 })),
            Signature::Ed25519,
        ),
        (
            "jku of somebody",
            but(ed(), json!({ "jku": "https://evil.example" })),
            claims(),
            Signature::Ed25519,
        ),
        ("a name that is none", ed(), but(claims(), json!({ "name": 7 })), Signature::Ed25519),
    ] {
        let token = provider.token(&header.to_string(), &claims.to_string(), signature);
        let bearer = verify(&provider, &token);
        assert_eq!(bearer.map(|bearer| bearer.account), Ok(account::id(ISSUER, "ann")), "{what}");
    }
}

#[test]
fn headers_that_are_refused() {
    let provider = Provider::new();
    let long = "k".repeat(2000);
    let unknown = Err(TokenError::UnknownKey);
    let refused = || Err(TokenError::Refused);
    for (what, change, verdict) in [
        ("alg none", json!({ "alg": "none" }), refused()),
        ("alg None", json!({ "alg": "None" }), refused()),
        ("alg missing", json!({ "alg": null }), refused()),
        ("alg empty", json!({ "alg": "" }), refused()),
        ("alg unknown", json!({ "alg": "XS256" }), refused()),
        ("alg as a number", json!({ "alg": 5 }), refused()),
        ("alg of another kind of key", json!({ "alg": "ES256" }), refused()),
        ("alg RS256 for an Ed25519 key", json!({ "alg": "RS256" }), refused()),
        ("kid missing", json!({ "kid": null }), refused()),
        ("kid empty", json!({ "kid": "" }), unknown.clone()),
        ("kid of nobody", json!({ "kid": "nobody" }), unknown.clone()),
        ("kid of another key", json!({ "kid": "other" }), refused()),
        ("kid as a path", json!({ "kid": "../../../../dev/null" }), unknown.clone()),
        ("kid as an address", json!({ "kid": "https://evil.example/jwks.json" }), unknown.clone()),
        ("kid as SQL", json!({ "kid": "ed' OR '1'='1" }), unknown.clone()),
        ("kid with a NUL", json!({ "kid": "ed\u{0}" }), unknown.clone()),
        ("kid in capitals", json!({ "kid": "ED" }), unknown.clone()),
        ("kid of 2000 characters", json!({ "kid": long }), unknown),
        ("kid as a list", json!({ "kid": ["ed"] }), refused()),
        ("kid as a number", json!({ "kid": 1 }), refused()),
        ("typ missing", json!({ "typ": null }), refused()),
        ("typ of a logout token", json!({ "typ": "logout+jwt" }), refused()),
        ("typ of an event", json!({ "typ": "secevent+jwt" }), refused()),
        ("typ as a number", json!({ "typ": 1 }), refused()),
        ("something critical", json!({ "crit": ["exp"] }), refused()),
    ] {
        let header = but(header("EdDSA", "ed"), change);
        let token = provider.token(&header.to_string(), &claims().to_string(), Signature::Ed25519);
        assert_eq!(verify(&provider, &token), verdict, "{what}");
    }
}

#[test]
fn claims_that_are_refused() {
    let provider = Provider::new();
    let over = Err(TokenError::Over);
    let refused = || Err(TokenError::Refused);
    for (what, change, verdict) in [
        ("exp missing", json!({ "exp": null }), refused()),
        ("exp as text", json!({ "exp": "1700000600" }), refused()),
        ("exp as a fraction", json!({ "exp": 1_700_000_600.5 }), refused()),
        ("exp past 64 bits", json!({ "exp": 1e300 }), refused()),
        ("exp before the epoch", json!({ "exp": -1 }), refused()),
        ("exp at the skew", json!({ "exp": NOW_S - SKEW_S }), over.clone()),
        ("exp long ago", json!({ "exp": 1 }), over),
        ("nbf past the skew", json!({ "nbf": NOW_S + SKEW_S + 1 }), refused()),
        ("nbf as text", json!({ "nbf": "0" }), refused()),
        ("aud missing", json!({ "aud": null }), refused()),
        ("aud of others", json!({ "aud": "other" }), refused()),
        ("aud that begins alike", json!({ "aud": "tiebreak.evil" }), refused()),
        ("aud of several others", json!({ "aud": ["other", "another"] }), refused()),
        ("aud of nobody", json!({ "aud": [] }), refused()),
        ("aud with a number", json!({ "aud": [AUDIENCE, 7] }), refused()),
        ("aud as an object", json!({ "aud": { "tiebreak": true } }), refused()),
        ("iss missing", json!({ "iss": null }), refused()),
        ("iss of another", json!({ "iss": "https://evil.example" }), refused()),
        ("iss with a slash more", json!({ "iss": "https://id.example/" }), refused()),
        ("iss as a list", json!({ "iss": [ISSUER] }), refused()),
        ("iss as a number", json!({ "iss": 7 }), refused()),
        ("sub missing", json!({ "sub": null }), refused()),
        ("sub empty", json!({ "sub": "" }), refused()),
        ("sub of 256 bytes", json!({ "sub": "s".repeat(256) }), refused()),
        ("sub as a number", json!({ "sub": 7 }), refused()),
        ("sub as a list", json!({ "sub": ["ann"] }), refused()),
    ] {
        let claims = but(claims(), change);
        let token =
            provider.token(&header("EdDSA", "ed").to_string(), &claims.to_string(), Signature::Ed25519);
        assert_eq!(verify(&provider, &token), verdict, "{what}");
    }
}

#[test]
fn texts_and_signatures_that_are_refused() {
    let provider = Provider::new();
    let (good_header, good_claims) = (header("EdDSA", "ed").to_string(), claims().to_string());
    let good = provider.token(&good_header, &good_claims, Signature::Ed25519);
    let unsigned = provider.token(&good_header, &good_claims, Signature::None);
    let parts: Vec<_> = good.split('.').collect();
    let of_bob = base64(but(claims(), json!({ "sub": "bob" })).to_string());
    let twice = |name: &str, json: &str| json.replacen('{', &format!("{{\"{name}\":\"x\","), 1);
    let public_key_as_secret =
        provider.token(&header("HS256", "ed").to_string(), &good_claims, Signature::HmacWithPublicKey);
    let huge = but(claims(), json!({ "padding": "p".repeat(1 << 20) })).to_string();
    for (what, token) in [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("no token", "tbk_AAAA".to_owned()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.{}", parts[2])),
        ("five parts, as if encrypted", format!("{good}.{}.{}", parts[1], parts[2])),
        ("no signature", unsigned),
        ("another signature", format!("{}.{}.{}", parts[0], parts[1], base64([0; 64]))),
        ("half a signature", format!("{}.{}.{}", parts[0], parts[1], &parts[2][..43])),
        ("other claims", format!("{}.{of_bob}.{}", parts[0], parts[2])),
        ("no base64", format!("{}.{}.!!!", parts[0], parts[1])),
        ("a space before", format!(" {good}")),
        ("a line after", format!("{good}\n")),
        ("the public key as a secret", public_key_as_secret),
        ("a header that is no object", provider.token("[]", &good_claims, Signature::Ed25519)),
        ("claims that are no object", provider.token(&good_header, "[]", Signature::Ed25519)),
        ("claims that are no JSON", provider.token(&good_header, "{", Signature::Ed25519)),
        ("two kids", provider.token(&twice("kid", &good_header), &good_claims, Signature::Ed25519)),
        ("two subs", provider.token(&good_header, &twice("sub", &good_claims), Signature::Ed25519)),
        ("1 MB", provider.token(&good_header, &huge, Signature::Ed25519)),
    ] {
        assert_eq!(verify(&provider, &token), Err(TokenError::Refused), "{what}");
    }
    assert!(verify(&provider, &good).is_ok());
}

#[test]
fn a_token_is_taken_to_the_limit_of_its_length_and_no_further() {
    let provider = Provider::new();
    let padded = |padding: usize| {
        let claims = but(claims(), json!({ "padding": "p".repeat(padding) })).to_string();
        provider.token(&header("EdDSA", "ed").to_string(), &claims, Signature::Ed25519)
    };
    let fits = (0..TOKEN_BYTES_MAX).rev().find(|padding| padded(*padding).len() <= TOKEN_BYTES_MAX).unwrap();
    assert!(verify(&provider, &padded(fits)).is_ok());
    assert_eq!(verify(&provider, &padded(fits + 1)), Err(TokenError::Refused));
}

#[test]
fn a_token_says_who_and_until_when() {
    let provider = Provider::new();
    let bearer = |change| {
        let claims = but(claims(), change).to_string();
        verify(&provider, &provider.token(&header("EdDSA", "ed").to_string(), &claims, Signature::Ed25519))
            .unwrap()
    };
    let plain = bearer(json!({}));
    assert_eq!((plain.name, plain.until_ms), (None, NOW_MS + (600 + SKEW_S) * 1000));
    assert_eq!(bearer(json!({ "exp": i64::MAX })).until_ms, i64::MAX);
    assert_ne!(bearer(json!({ "sub": "bob" })).account, plain.account);
    for (claims, name) in [
        (json!({ "name": "Ann" }), Some("Ann")),
        (json!({ "name": " ", "preferred_username": "ann" }), Some("ann")),
        (json!({ "name": "A\u{0}n\nn" }), Some("Ann")),
        (json!({ "name": ["Ann"] }), None),
    ] {
        assert_eq!(bearer(claims).name.as_deref(), name);
    }
    assert_eq!(bearer(json!({ "name": "n".repeat(300) })).name.unwrap().len(), NAME_CHARS_MAX);
}
