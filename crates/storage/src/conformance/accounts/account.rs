//! Passwords, names, listing, deletion.

use super::{NOW, PASSWORD_HASH, account_id, audited, device, device_id, person, refresh, register, secret};
use crate::AccountStore;
use crate::accounts::{AccountDeletion, DeviceAddition, NewAccount, NewDevice, Registration, Rotation};

pub(super) async fn run_all(store: &AccountStore) {
    accounts_are_listed_in_pages(store).await;
    another_password_ends_every_device_but_one(store).await;
    another_password_of_nobody_is_nothing(store).await;
    of_two_passwords_set_at_once_one_is(store).await;
    a_login_that_was_verified_before_another_password_is_over(store).await;
    an_operator_signs_out_all_devices_and_is_named(store).await;
    a_rehash_replaces_only_the_hash_that_was_read(store).await;
    a_display_name_changes(store).await;
    a_deleted_account_leaves_a_tombstone(store).await;
}

fn from_to(verified: &str, hash: &str) -> (String, String) {
    (verified.to_owned(), hash.to_owned())
}

async fn accounts_are_listed_in_pages(store: &AccountStore) {
    for number in 0..7 {
        register(store, &format!("listed {number}")).await;
    }
    let all = store.accounts(None, 1000).await.unwrap();
    assert_eq!(all.next, None);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = store.accounts(after, 3).await.unwrap();
        assert!(page.accounts.len() <= 3);
        paged.extend(page.accounts);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.accounts);
    assert!(paged.is_sorted_by_key(|account| account.id) && paged.len() >= 7);
}

async fn another_password_ends_every_device_but_one(store: &AccountStore) {
    let id = register(store, "careful").await;
    for name in ["careful's kept", "careful's lost"] {
        let added = store.add_device(device(id, name), refresh(&format!("{name} 1")), audited("login"), NOW);
        assert_eq!(added.await, Ok(DeviceAddition::Added { ended: Vec::new() }));
    }
    let (kept, lost) = (device_id("careful's kept"), device_id("careful's lost"));
    let ended = store.set_password(id, from_to(PASSWORD_HASH, "another"), Some(kept), NOW + 1).await;
    assert_eq!(ended, Ok(Some(vec![lost])));
    assert_eq!(store.account(id).await.unwrap().unwrap().password_hash.as_deref(), Some("another"));
    let lost = store.rotate_refresh(secret("careful's lost 1"), refresh("careful's lost 2"), NOW + 2).await;
    assert_eq!(lost, Ok(Rotation::Unknown));
    assert_eq!(store.login_device(secret("careful's lost"), refresh("lost 3"), NOW + 2).await, Ok(None));
    let kept = store.rotate_refresh(secret("careful's kept 1"), refresh("careful's kept 2"), NOW + 2).await;
    assert!(matches!(kept, Ok(Rotation::Rotated(_))), "{kept:?}");
    let kept = store.login_device(secret("careful's kept"), refresh("careful's kept 3"), NOW + 2).await;
    assert!(matches!(kept, Ok(Some(_))), "{kept:?}");
    let ended = store.set_password(id, from_to("another", "a third"), None, NOW + 3).await;
    assert_eq!(ended, Ok(Some(vec![device_id("careful's kept")])));
}

async fn an_operator_signs_out_all_devices_and_is_named(store: &AccountStore) {
    let id = register(store, "forgetful").await;
    for (name, reset) in [("forgetful's phone", false), ("forgetful's laptop", true)] {
        let added = store.add_device(device(id, name), refresh(&format!("{name} 1")), audited("login"), NOW);
        assert_eq!(added.await, Ok(DeviceAddition::Added { ended: Vec::new() }));
        let ended = if reset {
            store.reset_password(id, "another".to_owned(), NOW + 1).await
        } else {
            store.sign_out(id, NOW + 1).await
        };
        assert_eq!(ended, Ok(Some(vec![device_id(name)])), "{name}");
        let lost = store.rotate_refresh(secret(&format!("{name} 1")), refresh("lost"), NOW + 2).await;
        assert_eq!(lost, Ok(Rotation::Unknown), "{name}");
    }
    assert_eq!(store.account(id).await.unwrap().unwrap().password_hash.as_deref(), Some("another"));
    let told: Vec<_> = store.audit_page(0, 1000).await.unwrap().into_iter().rev().take(3).collect();
    let by_operator = |action| told.iter().any(|row| row.action == action && row.actor == "operator");
    assert!(by_operator("account.signed_out") && by_operator("password.reset"), "{told:?}");
    assert_eq!(store.sign_out(account_id("nobody"), NOW).await, Ok(None));
    assert_eq!(store.reset_password(account_id("nobody"), String::new(), NOW).await, Ok(None));
}

async fn another_password_of_nobody_is_nothing(store: &AccountStore) {
    let ended = store.set_password(account_id("nobody"), from_to(PASSWORD_HASH, "hash"), None, NOW).await;
    assert_eq!(ended, Ok(None));
}

async fn of_two_passwords_set_at_once_one_is(store: &AccountStore) {
    for round in 0..20 {
        let id = register(store, &format!("torn {round}")).await;
        let set = async |hash| store.set_password(id, from_to(PASSWORD_HASH, hash), None, NOW).await.unwrap();
        let (one, other) = tokio::join!(set("one"), set("other"));
        assert!(one.is_some() != other.is_some(), "{one:?}, {other:?}");
        let expected = if one.is_some() { "one" } else { "other" };
        assert_eq!(store.account(id).await.unwrap().unwrap().password_hash.as_deref(), Some(expected));
    }
}

async fn a_login_that_was_verified_before_another_password_is_over(store: &AccountStore) {
    let id = register(store, "changes meanwhile").await;
    assert_eq!(store.rehash_password(id, PASSWORD_HASH, "rehashed".to_owned()).await, Ok(true));
    let log_in = async |verified: &str| {
        let name = format!("changes meanwhile, {verified}");
        let new = NewDevice { password_hash: verified.to_owned(), ..device(id, &name) };
        store.add_device(new, refresh(&name), audited("login"), NOW).await
    };
    assert_eq!(log_in("rehashed").await, Ok(DeviceAddition::Added { ended: Vec::new() }));
    assert_eq!(log_in(PASSWORD_HASH).await, Ok(DeviceAddition::CredentialsOver));
    assert!(store.set_password(id, from_to("rehashed", "another"), None, NOW).await.unwrap().is_some());
    assert_eq!(log_in("rehashed again").await, Ok(DeviceAddition::CredentialsOver));
    assert_eq!(store.devices(id).await.unwrap().len(), 1);
}

async fn a_rehash_replaces_only_the_hash_that_was_read(store: &AccountStore) {
    let id = register(store, "rehashed").await;
    let hash = async || store.account(id).await.unwrap().unwrap().password_hash.unwrap();
    assert_eq!(store.rehash_password(id, PASSWORD_HASH, "newer".to_owned()).await, Ok(true));
    assert_eq!(hash().await, "newer");
    assert_eq!(store.rehash_password(id, PASSWORD_HASH, "late".to_owned()).await, Ok(false));
    assert_eq!(hash().await, "newer", "another password came in between");
}

async fn a_display_name_changes(store: &AccountStore) {
    let id = register(store, "renamed").await;
    assert_eq!(store.set_display_name(id, "Ré".to_owned(), NOW).await, Ok(true));
    assert_eq!(store.account(id).await.unwrap().unwrap().display_name, "Ré");
    assert_eq!(store.set_display_name(account_id("nobody"), "N".to_owned(), NOW).await, Ok(false));
}

async fn a_deleted_account_leaves_a_tombstone(store: &AccountStore) {
    let id = register(store, "leaving").await;
    let added = store.add_device(device(id, "leaving's"), refresh("leaving's 1"), audited("login"), NOW);
    assert_eq!(added.await, Ok(DeviceAddition::Added { ended: Vec::new() }));
    let added = store.add_device(device(id, "leaving's lost"), refresh("lost 1"), audited("login"), NOW);
    assert_eq!(added.await, Ok(DeviceAddition::Added { ended: Vec::new() }));
    assert_eq!(store.end_session(device_id("leaving's lost"), NOW).await, Ok(true));
    let devices = vec![device_id("leaving's")];
    let deleted = AccountDeletion::Deleted { documents: Vec::new(), devices };
    assert_eq!(store.delete_account(id, Some(id), NOW + 1).await, Ok(deleted));
    let tombstone = store.account(id).await.unwrap().unwrap();
    assert_eq!((tombstone.username, tombstone.password_hash), (None, None));
    assert_eq!((tombstone.display_name.as_str(), tombstone.deleted_ms), ("", Some(NOW + 1)));
    assert_eq!(store.account_by_name("leaving").await, Ok(None));
    let rotated = store.rotate_refresh(secret("leaving's 1"), refresh("leaving's 2"), NOW + 2).await;
    assert_eq!(rotated, Ok(Rotation::Unknown));
    assert_eq!(store.login_device(secret("leaving's"), refresh("leaving's 2"), NOW + 2).await, Ok(None));
    let devices = store.devices(id).await.unwrap();
    assert!(devices.iter().all(|device| device.name.is_empty()), "a device's name may tell a person's");
    let added = store.add_device(device(id, "leaving's other"), refresh("other"), audited("login"), NOW);
    assert_eq!(added.await, Ok(DeviceAddition::CredentialsOver));
    assert_eq!(store.delete_account(id, None, NOW + 2).await, Ok(AccountDeletion::NoSuchAccount));
    let listed = store.accounts(None, 1000).await.unwrap().accounts;
    assert!(listed.iter().all(|account| account.id != id));
    let same_id = NewAccount { id, ..person("comes after") };
    assert_eq!(store.create_account(same_id, NOW).await, Ok(Registration::IdTaken));
    let same_name = NewAccount { id: account_id("leaving's heir"), ..person("leaving") };
    assert_eq!(store.create_account(same_name, NOW).await, Ok(Registration::Created), "the name is free");
}
