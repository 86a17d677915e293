//! One name, one account; one request, one account.

use super::{HOUR, NOW, PASSWORD_HASH, account_id, person, register, secret};
use crate::AccountStore;
use crate::accounts::{Idempotency, NewAccount, Registration};

/// Registrations for one name at once.
const RACERS: usize = 1000;

const DAY: i64 = 24 * HOUR;

pub(super) async fn run_all(store: &AccountStore) {
    an_account_is_found_by_its_id_and_its_name(store).await;
    a_name_is_given_once(store).await;
    accounts_without_a_name_do_not_collide(store).await;
    an_id_is_given_once(store).await;
    of_a_thousand_registrations_for_one_name_one_wins(store).await;
    a_repeated_request_is_answered_with_the_same_account(store).await;
    a_key_with_another_request_is_refused(store).await;
    a_registration_that_was_refused_leaves_its_key_free(store).await;
    a_key_is_forgotten_after_a_day(store).await;
}

async fn an_account_is_found_by_its_id_and_its_name(store: &AccountStore) {
    let id = register(store, "Found").await;
    let found = store.account(id).await.unwrap().unwrap();
    assert_eq!((found.id, found.username.as_deref(), found.created_ms), (id, Some("Found"), NOW));
    assert_eq!(found.password_hash.as_deref(), Some(PASSWORD_HASH));
    assert!(found.is_live());
    assert_eq!(store.account_by_name("found").await, Ok(Some(found)));
    assert_eq!(store.account_by_name("nobody").await, Ok(None));
    assert_eq!(store.account(account_id("nobody")).await, Ok(None));
}

async fn a_name_is_given_once(store: &AccountStore) {
    register(store, "taken").await;
    let second = NewAccount { id: account_id("second taker"), ..person("taken") };
    assert_eq!(store.create_account(second, NOW).await, Ok(Registration::NameTaken));
    assert_eq!(store.account(account_id("second taker")).await, Ok(None));
}

async fn accounts_without_a_name_do_not_collide(store: &AccountStore) {
    for name in ["nameless one", "nameless two"] {
        let account = NewAccount { username: None, name_key: None, password_hash: None, ..person(name) };
        assert_eq!(store.create_account(account, NOW).await, Ok(Registration::Created));
    }
}

async fn an_id_is_given_once(store: &AccountStore) {
    let id = register(store, "first by this id").await;
    let second = NewAccount { id, ..person("second by this id") };
    assert_eq!(store.create_account(second, NOW).await, Ok(Registration::IdTaken));
    assert_eq!(store.account_by_name("second by this id").await, Ok(None));
}

async fn of_a_thousand_registrations_for_one_name_one_wins(store: &AccountStore) {
    let racers = (0..RACERS).map(|racer| {
        let store = store.clone();
        let account = NewAccount { id: account_id(&format!("racer {racer}")), ..person("raced for") };
        tokio::spawn(async move { store.create_account(account, NOW).await.unwrap() })
    });
    let (mut created, mut taken) = (0, 0);
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Registration::Created => created += 1,
            Registration::NameTaken => taken += 1,
            other @ (Registration::IdTaken | Registration::Replayed(_) | Registration::KeyReused) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!((created, taken), (1, RACERS - 1));
}

fn with_key(name: &str, id: &str, request: u8) -> NewAccount {
    let idempotency = Idempotency { key_hash: secret(name), request: [request; 32] };
    NewAccount { id: account_id(id), idempotency: Some(idempotency), ..person(name) }
}

async fn a_repeated_request_is_answered_with_the_same_account(store: &AccountStore) {
    let first = store.create_account(with_key("repeated", "repeated, first", 1), NOW).await;
    assert_eq!(first, Ok(Registration::Created));
    let second = store.create_account(with_key("repeated", "repeated, second", 1), NOW + DAY - 1).await;
    assert_eq!(second, Ok(Registration::Replayed(account_id("repeated, first"))));
    assert_eq!(store.account(account_id("repeated, second")).await, Ok(None));
}

async fn a_key_with_another_request_is_refused(store: &AccountStore) {
    let first = store.create_account(with_key("keyed", "keyed, first", 1), NOW).await;
    assert_eq!(first, Ok(Registration::Created));
    let second = store.create_account(with_key("keyed", "keyed, second", 2), NOW).await;
    assert_eq!(second, Ok(Registration::KeyReused));
}

async fn a_registration_that_was_refused_leaves_its_key_free(store: &AccountStore) {
    register(store, "had already").await;
    let refused = NewAccount { name_key: Some("had already".to_owned()), ..with_key("wanted", "wanted", 1) };
    assert_eq!(store.create_account(refused, NOW).await, Ok(Registration::NameTaken));
    let other = store.create_account(with_key("wanted", "wanted", 2), NOW).await;
    assert_eq!(other, Ok(Registration::Created), "the key stands for nothing yet");
}

async fn a_key_is_forgotten_after_a_day(store: &AccountStore) {
    let first = store.create_account(with_key("day", "day, first", 1), NOW).await;
    assert_eq!(first, Ok(Registration::Created));
    let other = NewAccount { name_key: Some("day, other".to_owned()), ..with_key("day", "day, other", 2) };
    assert_eq!(store.create_account(other, NOW + DAY).await, Ok(Registration::Created));
    let again = store.create_account(with_key("day", "day, third", 2), NOW + DAY).await;
    assert_eq!(again, Ok(Registration::Replayed(account_id("day, other"))), "a new day for the key");
}
