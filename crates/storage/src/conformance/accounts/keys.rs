//! API keys.

use super::{HOUR, NOW, account_id, audited, device, device_id, refresh, register, secret, sixteen};
use crate::AccountStore;
use crate::accounts::{ApiKey, DeviceAddition, KEYS_PER_ACCOUNT_MAX, KeyCreation, NewApiKey};
use std::collections::BTreeSet;
use tiebreak_protocol::{AccountId, KeyId};

pub(super) async fn run_all(store: &AccountStore) {
    a_key_is_found_by_its_hash(store).await;
    a_key_expires(store).await;
    a_revoked_key_holds_no_more(store).await;
    keys_are_listed_of_one_account_or_of_all(store).await;
    keys_go_with_their_account(store).await;
    an_account_revokes_its_own_keys_alone(store).await;
    a_device_that_has_ended_makes_no_key(store).await;
    an_account_has_so_many_keys_that_hold(store).await;
    keys_that_are_over_are_forgotten_after_a_month(store).await;
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
    assert_eq!(store.create_key(new.clone(), Some(account), None, NOW).await, Ok(KeyCreation::Created));
    let (id, name, scope) = (new.id, new.name, new.scope);
    let found = ApiKey { id, account, name, scope, created_ms: NOW, expires_ms: None, revoked_ms: None };
    assert_eq!(store.key_by_hash(secret("found key"), i64::MAX).await, Ok(Some(found)));
    assert_eq!(store.key_by_hash(secret("unknown key"), NOW).await, Ok(None));
    let for_nobody = store.create_key(key(account_id("nobody"), "nobody's key"), None, None, NOW).await;
    assert_eq!(for_nobody, Ok(KeyCreation::NoSuchAccount));
}

async fn a_key_expires(store: &AccountStore) {
    let account = register(store, "program for an hour").await;
    let new = NewApiKey { expires_ms: Some(NOW + HOUR), ..key(account, "hour") };
    assert_eq!(store.create_key(new, None, None, NOW).await, Ok(KeyCreation::Created));
    assert!(store.key_by_hash(secret("hour"), NOW + HOUR - 1).await.unwrap().is_some());
    assert_eq!(store.key_by_hash(secret("hour"), NOW + HOUR).await, Ok(None));
}

async fn a_revoked_key_holds_no_more(store: &AccountStore) {
    let account = register(store, "revoked program").await;
    let new = key(account, "revoked key");
    let id = new.id;
    assert_eq!(store.create_key(new, None, None, NOW).await, Ok(KeyCreation::Created));
    assert_eq!(store.revoke_key(id, None, NOW + 1).await, Ok(true));
    assert_eq!(store.revoke_key(id, None, NOW + 2).await, Ok(false));
    assert_eq!(store.key_by_hash(secret("revoked key"), NOW).await, Ok(None));
    let ever = store.key_ever_given(secret("revoked key")).await.unwrap();
    assert_eq!(ever.map(|key| (key.account, key.revoked_ms)), Some((account, Some(NOW + 1))));
    assert_eq!(store.key_ever_given(secret("unknown key")).await, Ok(None));
    assert_eq!(store.keys_of(account).await.unwrap()[0].revoked_ms, Some(NOW + 1));
}

async fn keys_are_listed_of_one_account_or_of_all(store: &AccountStore) {
    let (ann, bob) = (register(store, "keeper").await, register(store, "other keeper").await);
    for (account, name) in [(ann, "ann's first"), (ann, "ann's second"), (bob, "bob's")] {
        assert_eq!(store.create_key(key(account, name), None, None, NOW).await, Ok(KeyCreation::Created));
    }
    let of_ann = store.keys_of(ann).await.unwrap();
    assert!(of_ann.is_sorted_by_key(|key| key.id));
    let names: BTreeSet<_> = of_ann.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["ann's first", "ann's second"].into());
    assert_eq!(store.revoke_key(of_ann[0].id, Some(ann), NOW).await, Ok(true));
    let order: Vec<_> = store.keys_of(ann).await.unwrap().iter().map(|key| key.id).collect();
    assert_eq!(order, [of_ann[1].id, of_ann[0].id], "those that hold stand first");
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.keys(after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        all.extend(page);
    }
    assert!(all.is_sorted_by_key(|key| key.id));
    assert!(["ann's first", "bob's"].iter().all(|name| all.iter().any(|key| key.name == *name)));
}

async fn an_account_revokes_its_own_keys_alone(store: &AccountStore) {
    let (ann, bob) = (register(store, "revoker").await, register(store, "other revoker").await);
    let new = key(ann, "revoker's key");
    let id = new.id;
    assert_eq!(store.create_key(new, Some(ann), None, NOW).await, Ok(KeyCreation::Created));
    assert_eq!(store.revoke_key(id, Some(bob), NOW).await, Ok(false));
    assert!(store.key_by_hash(secret("revoker's key"), NOW).await.unwrap().is_some());
    assert_eq!(store.revoke_key(id, Some(ann), NOW).await, Ok(true));
}

async fn a_device_that_has_ended_makes_no_key(store: &AccountStore) {
    let account = register(store, "maker of keys").await;
    let (own, strangers) = (device_id("maker's"), device_id("stranger's"));
    let new = device(account, "maker's");
    let added = store.add_device(new, refresh("maker's 1"), audited("login"), NOW).await;
    assert_eq!(added, Ok(DeviceAddition::Added { ended: Vec::new() }));
    let make = async |name: &str, device| {
        store.create_key(key(account, name), Some(account), Some(device), NOW).await
    };
    assert_eq!(make("made in time", own).await, Ok(KeyCreation::Created));
    assert_eq!(make("made by a stranger", strangers).await, Ok(KeyCreation::SignedOut));
    assert_eq!(store.end_session(own, NOW).await, Ok(true));
    assert_eq!(make("made too late", own).await, Ok(KeyCreation::SignedOut));
    assert_eq!(store.key_by_hash(secret("made too late"), NOW).await, Ok(None));
}

async fn an_account_has_so_many_keys_that_hold(store: &AccountStore) {
    let account = register(store, "program of many keys").await;
    let create = async |number: usize, expires_ms| {
        let new = NewApiKey { expires_ms, ..key(account, &format!("one of many {number}")) };
        store.create_key(new, Some(account), None, NOW).await.unwrap()
    };
    assert_eq!(create(0, Some(NOW)).await, KeyCreation::Created, "it is over at once");
    for number in 1..KEYS_PER_ACCOUNT_MAX {
        assert_eq!(create(number, None).await, KeyCreation::Created, "{number}");
    }
    let last = KEYS_PER_ACCOUNT_MAX;
    let (one, other) = tokio::join!(create(last, None), create(last + 1, None));
    let mut both = [one, other];
    both.sort_by_key(|creation| *creation == KeyCreation::TooMany);
    assert_eq!(both, [KeyCreation::Created, KeyCreation::TooMany]);
    let id = key(account, "one of many 1").id;
    assert_eq!(store.revoke_key(id, Some(account), NOW).await, Ok(true));
    assert_eq!(create(last + 2, None).await, KeyCreation::Created);
}

async fn keys_that_are_over_are_forgotten_after_a_month(store: &AccountStore) {
    const KEPT_MS: i64 = 30 * 24 * HOUR;
    let account = register(store, "program of a month").await;
    let expiring = NewApiKey { expires_ms: Some(NOW + 1), ..key(account, "expired long ago") };
    for new in [expiring, key(account, "revoked long ago"), key(account, "holds for ever")] {
        assert_eq!(store.create_key(new, None, None, NOW).await, Ok(KeyCreation::Created));
    }
    assert_eq!(store.revoke_key(key(account, "revoked long ago").id, None, NOW + 1).await, Ok(true));
    let count_after = async |name: &str, now_ms: i64| {
        let created = store.create_key(key(account, name), None, None, now_ms).await;
        assert_eq!(created, Ok(KeyCreation::Created));
        store.keys_of(account).await.unwrap().len()
    };
    assert_eq!(count_after("within a month", NOW + KEPT_MS).await, 4);
    assert_eq!(count_after("after a month", NOW + KEPT_MS + 1).await, 3);
}

async fn keys_go_with_their_account(store: &AccountStore) {
    let account = register(store, "program of a leaver").await;
    assert_eq!(
        store.create_key(key(account, "leaver's key"), None, None, NOW).await,
        Ok(KeyCreation::Created)
    );
    store.delete_account(account, None, NOW).await.unwrap();
    assert_eq!(store.key_by_hash(secret("leaver's key"), NOW).await, Ok(None));
    assert_eq!(store.keys_of(account).await, Ok(Vec::new()));
}
