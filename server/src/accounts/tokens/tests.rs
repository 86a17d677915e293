//! What passes for an access token, and what does not.

use super::*;
use std::sync::Arc;
use tempfile::TempDir;
use tiebreak_storage::{SqliteOptions, SqliteStore};

const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);
const DEVICE: DeviceId = DeviceId::from_bytes([2; 16]);

struct Fixture {
    tokens: Tokens,
    store: AccountStore,
    _directory: TempDir,
}

fn now_ms() -> i64 {
    tiebreak_driver::unix_ms()
}

async fn fixture() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), &SqliteOptions::default()).unwrap();
    let store = AccountStore::new(Arc::new(store));
    let tokens = Tokens::open(&store, "tiebreak:here".to_owned(), now_ms()).await.unwrap();
    Fixture { tokens, store, _directory: directory }
}

impl Fixture {
    /// A token signed with the server's own key, with these parts altered.
    async fn signed(&self, alter: impl FnOnce(&mut Value, &mut Value)) -> String {
        let key = self.store.signing_keys().await.unwrap().pop().unwrap();
        let now_s = now_ms() / 1000;
        let mut header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": key.id });
        let mut claims = json!({
            "iss": "tiebreak:here", "aud": "tiebreak", "sub": ACCOUNT.to_string(), "dev": DEVICE.to_string(),
            "iat": now_s, "exp": now_s + 900,
        });
        alter(&mut header, &mut claims);
        sign(&header, &claims, &key.secret)
    }
}

fn sign(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = ring::signature::Ed25519KeyPair::from_seed_unchecked(secret).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())))
}

#[tokio::test]
async fn a_token_that_was_issued_says_whose_it_is() {
    let fixture = fixture().await;
    let token = fixture.tokens.issue(ACCOUNT, DEVICE, now_ms()).unwrap();
    let caller = fixture.tokens.verify(&token).unwrap();
    assert_eq!((caller.account, caller.device), (ACCOUNT, Some(DEVICE)));
    let left_ms = caller.until_ms.unwrap() - now_ms();
    assert!((890_000..=900_000).contains(&left_ms), "{left_ms}");
    assert!(token.len() < 1024, "it fits into any header");
    // The fixture's own tokens are good before anything in them is altered.
    let unaltered = fixture.signed(|_, _| ()).await;
    assert!(fixture.tokens.verify(&unaltered).is_ok());
}

#[tokio::test]
async fn a_header_that_is_not_ours_is_refused() {
    let fixture = fixture().await;
    let headers = [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("alg", json!("RS256")),
        ("alg", json!("")),
        ("alg", json!(["EdDSA"])),
        ("alg", Value::Null),
        ("typ", json!("JWT")),
        ("typ", json!("")),
        ("typ", Value::Null),
        ("kid", json!("another")),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("https://evil.example/key")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!(["a", "b"])),
        ("kid", json!(7)),
        ("kid", json!("")),
        ("kid", Value::Null),
    ];
    for (name, value) in headers {
        let token = fixture.signed(|header, _| header[name] = value.clone()).await;
        assert_eq!(fixture.tokens.verify(&token), Err(Refusal::Unauthorized), "{name} {value}");
    }
}

#[tokio::test]
async fn claims_that_are_missing_of_another_type_or_for_others_are_refused() {
    let fixture = fixture().await;
    let later = now_ms() / 1000 + 3600;
    let claims = [
        ("iss", json!("tiebreak:elsewhere")),
        ("iss", json!("")),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("sub", json!("acc_1")),
        ("sub", json!("' OR 1=1 --")),
        ("sub", json!(7)),
        ("sub", Value::Null),
        ("dev", json!("phone")),
        ("dev", Value::Null),
        ("exp", json!("never")),
        ("exp", json!(later.to_string())),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", Value::Null),
        ("nbf", json!(later)),
    ];
    for (name, value) in claims {
        let token = fixture.signed(|_, claims| claims[name] = value.clone()).await;
        assert_eq!(fixture.tokens.verify(&token), Err(Refusal::Unauthorized), "{name} {value}");
    }
    let missing = fixture.signed(|_, claims| drop(claims.as_object_mut().unwrap().remove("exp"))).await;
    assert_eq!(fixture.tokens.verify(&missing), Err(Refusal::Unauthorized));
}

#[tokio::test]
async fn a_token_is_over_when_it_says_so_within_the_leeway() {
    let fixture = fixture().await;
    let now_s = now_ms() / 1000;
    let ended = |ago: i64| fixture.signed(move |_, claims| claims["exp"] = json!(now_s - ago));
    assert!(fixture.tokens.verify(&ended(1).await).is_ok());
    assert_eq!(fixture.tokens.verify(&ended(60).await), Err(Refusal::TokenExpired));
}

#[tokio::test]
async fn what_is_not_signed_with_our_key_is_refused() {
    let fixture = fixture().await;
    let token = fixture.tokens.issue(ACCOUNT, DEVICE, now_ms()).unwrap();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let public = fixture.tokens.jwks()["keys"][0]["x"].as_str().unwrap().to_owned();
    // The public key as a secret, as in the oldest of all attacks on tokens.
    let hmac = fixture.signed(|header, _| header["alg"] = json!("HS256")).await;
    let other = sign(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "x" }), &json!({}), &[9; 32]);
    let forged = [
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{}", signature.to_uppercase()),
        format!("{header}.{claims}.{public}"),
        format!("{claims}.{header}.{signature}"),
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode("{}")),
        format!("{token}."),
        format!(".{token}"),
        String::new(),
        "..".to_owned(),
        "a".repeat(4096),
        hmac,
        other,
    ];
    for forged in forged {
        assert_eq!(fixture.tokens.verify(&forged), Err(Refusal::Unauthorized), "{forged}");
    }
}

#[tokio::test]
async fn keys_are_renewed_and_old_ones_verify_until_their_tokens_are_over() {
    let fixture = fixture().await;
    let token = fixture.tokens.issue(ACCOUNT, DEVICE, now_ms()).unwrap();
    let month_later = now_ms() + ms(KEY_TIME) + 1;
    fixture.tokens.renew(&fixture.store, month_later).await.unwrap();
    assert_eq!(fixture.tokens.jwks()["keys"].as_array().unwrap().len(), 2);
    assert!(fixture.tokens.verify(&token).is_ok());
    fixture.tokens.renew(&fixture.store, month_later + 2 * ms(ACCESS_TIME)).await.unwrap();
    fixture.tokens.renew(&fixture.store, month_later + 2 * ms(ACCESS_TIME)).await.unwrap();
    assert_eq!(fixture.tokens.jwks()["keys"].as_array().unwrap().len(), 1);
    assert_eq!(fixture.tokens.verify(&token), Err(Refusal::Unauthorized));
}

#[tokio::test]
async fn a_server_that_starts_again_knows_its_tokens() {
    let fixture = fixture().await;
    let token = fixture.tokens.issue(ACCOUNT, DEVICE, now_ms()).unwrap();
    let again = Tokens::open(&fixture.store, "tiebreak:here".to_owned(), now_ms()).await.unwrap();
    assert!(again.verify(&token).is_ok());
}
