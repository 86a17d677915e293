//! API keys.

use super::{HOUR, NOW, account_id, register, secret, sixteen};
use crate::AccountStore;
use crate::accounts::{ApiKey, NewApiKey};
use tiebreak_protocol::{AccountId, KeyId};

pub(super) async fn run_all(store: &AccountStore) {
    a_key_is_found_by_its_hash(store).await;
    a_key_expires(store).await;
    a_revoked_key_holds_no_more(store).await;
    keys_are_listed_of_one_account_or_of_all(store).await;
    keys_go_with_their_account(store).await;
}

fn key(account: AccountId, name: &str) -> NewApiKey {
    NewApiKey {
        id: KeyId::from_bytes(sixteen("key", name)),
        hash: secret(name),
        account,
        name: name.to_owned(),
        scope: "{}".to_owned(),
        expires_ms: None,
    }
}

async fn a_key_is_found_by_its_hash(store: &AccountStore) {
    let account = register(store, "program").await;
    let new = key(account, "found key");
    assert_eq!(store.create_key(new.clone(), Some(account), NOW).await, Ok(true));
    let (id, name, scope) = (new.id, new.name, new.scope);
    let found = ApiKey { id, account, name, scope, created_ms: NOW, expires_ms: None, revoked_ms: None };
    assert_eq!(store.key_by_hash(secret("found key"), i64::MAX).await, Ok(Some(found)));
    assert_eq!(store.key_by_hash(secret("unknown key"), NOW).await, Ok(None));
    let for_nobody = store.create_key(key(account_id("nobody"), "nobody's key"), None, NOW).await;
    assert_eq!(for_nobody, Ok(false));
}

async fn a_key_expires(store: &AccountStore) {
    let account = register(store, "program for an hour").await;
    let new = NewApiKey { expires_ms: Some(NOW + HOUR), ..key(account, "hour") };
    assert_eq!(store.create_key(new, None, NOW).await, Ok(true));
    assert!(store.key_by_hash(secret("hour"), NOW + HOUR - 1).await.unwrap().is_some());
    assert_eq!(store.key_by_hash(secret("hour"), NOW + HOUR).await, Ok(None));
}

async fn a_revoked_key_holds_no_more(store: &AccountStore) {
    let account = register(store, "revoked program").await;
    let new = key(account, "revoked key");
    let id = new.id;
    assert_eq!(store.create_key(new, None, NOW).await, Ok(true));
    assert_eq!(store.revoke_key(id, None, NOW + 1).await, Ok(true));
    assert_eq!(store.revoke_key(id, None, NOW + 2).await, Ok(false));
    assert_eq!(store.key_by_hash(secret("revoked key"), NOW).await, Ok(None));
    let ever = store.key_ever_given(secret("revoked key")).await.unwrap();
    assert_eq!(ever.map(|key| (key.account, key.revoked_ms)), Some((account, Some(NOW + 1))));
    assert_eq!(store.key_ever_given(secret("unknown key")).await, Ok(None));
    assert_eq!(store.keys(Some(account)).await.unwrap()[0].revoked_ms, Some(NOW + 1));
}

async fn keys_are_listed_of_one_account_or_of_all(store: &AccountStore) {
    let (ann, bob) = (register(store, "keeper").await, register(store, "other keeper").await);
    for (account, name) in [(ann, "ann's first"), (ann, "ann's second"), (bob, "bob's")] {
        assert_eq!(store.create_key(key(account, name), None, NOW).await, Ok(true));
    }
    let of = async |account| {
        let keys = store.keys(account).await.unwrap();
        assert!(keys.is_sorted_by_key(|key| key.id));
        keys.into_iter().map(|key| key.name).collect::<std::collections::BTreeSet<_>>()
    };
    assert!(of(Some(ann)).await.iter().eq(["ann's first", "ann's second"]));
    let all = of(None).await;
    assert!(["ann's first", "bob's"].iter().all(|name| all.contains(*name)));
}

async fn keys_go_with_their_account(store: &AccountStore) {
    let account = register(store, "program of a leaver").await;
    assert_eq!(store.create_key(key(account, "leaver's key"), None, NOW).await, Ok(true));
    store.delete_account(account, None, NOW).await.unwrap();
    assert_eq!(store.key_by_hash(secret("leaver's key"), NOW).await, Ok(None));
    assert_eq!(store.keys(Some(account)).await, Ok(Vec::new()));
}
