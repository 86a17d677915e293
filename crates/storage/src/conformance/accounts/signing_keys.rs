//! The keys that sign: whoever is late takes over what the first one made.

use super::NOW;
use crate::AccountStore;
use crate::accounts::SigningKey;
use std::collections::BTreeSet;

pub(super) async fn run_all(store: &AccountStore) {
    of_many_that_start_at_once_all_sign_with_one_key(store).await;
    a_key_is_followed_by_the_next_and_goes(store).await;
}

fn key(id: &str, created_ms: i64) -> SigningKey {
    SigningKey { id: id.to_owned(), secret: id.as_bytes().to_vec(), created_ms }
}

async fn of_many_that_start_at_once_all_sign_with_one_key(store: &AccountStore) {
    let starts = (0..20).map(|number| {
        let (store, key) = (store.clone(), key(&format!("started {number}"), NOW - number));
        tokio::spawn(async move { store.add_signing_key(key, None).await.unwrap() })
    });
    let mut ids = BTreeSet::new();
    for start in starts.collect::<Vec<_>>() {
        ids.insert(start.await.unwrap().id);
    }
    let stored = store.signing_keys().await.unwrap();
    assert!(stored.iter().map(|key| &key.id).eq(&ids) && ids.len() == 1, "{ids:?}");
}

async fn a_key_is_followed_by_the_next_and_goes(store: &AccountStore) {
    let old = store.signing_keys().await.unwrap().remove(0);
    let new = key("rotated", NOW + 1);
    assert_eq!(store.add_signing_key(new.clone(), Some(&old.id)).await, Ok(new.clone()));
    let late = store.add_signing_key(key("rotated late", NOW + 2), Some(&old.id)).await;
    assert_eq!(late, Ok(new.clone()), "somebody else rotated first");
    assert_eq!(store.signing_keys().await, Ok(vec![old.clone(), new.clone()]));
    assert_eq!(store.remove_signing_key(&old.id, NOW).await, Ok(true));
    assert_eq!(store.remove_signing_key(&old.id, NOW).await, Ok(false));
    assert_eq!(store.signing_keys().await, Ok(vec![new]));
}
