//! Devices, and the chain of their refresh tokens.

use super::{HOUR, NOW, account_id, audited, device, device_id, refresh, register, secret};
use crate::AccountStore;
use crate::accounts::{
    DEVICES_PER_ACCOUNT_MAX, Device, DeviceAddition, PAGE_ROWS_MAX, REFRESH_GRACE_MS, Rotation,
};
use tiebreak_protocol::{AccountId, DeviceId};

pub(super) async fn run_all(store: &AccountStore) {
    a_device_refreshes_again_and_again(store).await;
    a_token_whose_answer_was_lost_is_presented_again(store).await;
    a_token_whose_successor_was_used_ends_the_device(store).await;
    an_old_token_is_remembered_as_used(store).await;
    a_replaced_token_ends_the_device(store).await;
    pages_that_refresh_at_once_all_go_on(store).await;
    of_successors_that_were_issued_at_once_the_first_that_is_used_goes_on(store).await;
    successors_of_pages_that_went_on_are_one_chain(store).await;
    a_token_expires(store).await;
    a_known_device_comes_back_with_its_key(store).await;
    a_logout_ends_tokens_and_key(store).await;
    a_device_is_revoked_by_its_account_alone(store).await;
    ended_devices_are_known_since_a_time(store).await;
    an_account_has_so_many_devices(store).await;
    devices_that_ended_long_ago_are_forgotten(store).await;
}

/// A person with a device of the same name, whose token is called "<name> 1".
async fn log_in(store: &AccountStore, name: &str) -> (AccountId, DeviceId) {
    let id = register(store, name).await;
    let added = store.add_device(device(id, name), refresh(&format!("{name} 1")), audited("login"), NOW);
    assert_eq!(added.await, Ok(DeviceAddition::Added { ended: Vec::new() }));
    (id, device_id(name))
}

async fn rotate(store: &AccountStore, name: &str, old: u32, new: u32) -> Rotation {
    rotate_at(store, name, (old, new), 1).await
}

/// So many milliseconds after the login.
async fn rotate_at(store: &AccountStore, name: &str, (old, new): (u32, u32), after_ms: i64) -> Rotation {
    let (old, new) = (secret(&format!("{name} {old}")), refresh(&format!("{name} {new}")));
    store.rotate_refresh(old, new, NOW + after_ms).await.unwrap()
}

#[track_caller]
fn expect_reused(rotation: &Rotation) {
    assert!(matches!(rotation, Rotation::Reused(_)), "{rotation:?}");
}

#[track_caller]
fn expect_rotated(rotation: Rotation) -> Device {
    match rotation {
        Rotation::Rotated(device) => device,
        other @ (Rotation::Reused(_) | Rotation::Unknown) => panic!("{other:?}"),
    }
}

async fn a_device_refreshes_again_and_again(store: &AccountStore) {
    let (account, id) = log_in(store, "steady").await;
    for number in 1..=5 {
        let device = expect_rotated(rotate(store, "steady", number, number + 1).await);
        assert_eq!((device.id, device.account, device.seen_ms), (id, account, NOW + 1));
    }
    assert_eq!(rotate(store, "steady", 99, 100).await, Rotation::Unknown);
}

async fn a_token_whose_answer_was_lost_is_presented_again(store: &AccountStore) {
    log_in(store, "in a tunnel").await;
    for (number, after_ms) in [(2, 1), (3, 2), (4, REFRESH_GRACE_MS + 2), (5, HOUR / 2)] {
        expect_rotated(rotate_at(store, "in a tunnel", (1, number), after_ms).await);
    }
    expect_rotated(rotate_at(store, "in a tunnel", (5, 6), HOUR / 2 + 1).await);
}

async fn a_replaced_token_ends_the_device(store: &AccountStore) {
    for (name, apart_ms, is_replaced) in
        [("stolen in time", REFRESH_GRACE_MS - 1, false), ("stolen later", REFRESH_GRACE_MS, true)]
    {
        let (_, id) = log_in(store, name).await;
        expect_rotated(rotate_at(store, name, (1, 2), 1).await);
        expect_rotated(rotate_at(store, name, (1, 3), 1 + apart_ms).await);
        let owners = rotate_at(store, name, (2, 4), HOUR / 2).await;
        assert_eq!(matches!(&owners, Rotation::Reused(device) if device.id == id), is_replaced, "{name}");
        let thiefs = rotate_at(store, name, (3, 5), HOUR / 2).await;
        assert_eq!(matches!(thiefs, Rotation::Reused(_)), !is_replaced, "{name}");
    }
}

async fn a_token_whose_successor_was_used_ends_the_device(store: &AccountStore) {
    let (account, id) = log_in(store, "copied").await;
    expect_rotated(rotate(store, "copied", 1, 2).await);
    expect_rotated(rotate(store, "copied", 2, 3).await);
    let reused = rotate(store, "copied", 1, 4).await;
    assert!(
        matches!(&reused, Rotation::Reused(device) if device.id == id && device.revoked_ms == Some(NOW + 1)),
        "{reused:?}"
    );
    for number in 1..=4 {
        assert_eq!(rotate(store, "copied", number, 5).await, Rotation::Unknown, "token {number}");
    }
    assert_eq!(store.login_device(secret("copied"), refresh("copied 6"), NOW).await, Ok(None));
    let log = store.audit_page(0, 1000).await.unwrap();
    let audited = log.iter().filter(|row| row.action == "session.reused" && row.subject == id.to_string());
    assert!(audited.map(|row| &row.actor).eq([&account.to_string()]));
}

async fn an_old_token_is_remembered_as_used(store: &AccountStore) {
    log_in(store, "long ago").await;
    for number in 1..=20 {
        expect_rotated(rotate(store, "long ago", number, number + 1).await);
    }
    expect_reused(&rotate(store, "long ago", 3, 22).await);
}

async fn pages_that_refresh_at_once_all_go_on(store: &AccountStore) {
    log_in(store, "hurried").await;
    let rotations = (2..=33).map(|new| {
        let store = store.clone();
        tokio::spawn(async move { rotate(&store, "hurried", 1, new).await })
    });
    for rotation in rotations.collect::<Vec<_>>() {
        expect_rotated(rotation.await.unwrap());
    }
    for successor in 2..=33 {
        let numbers = (successor, 100 + successor);
        expect_rotated(rotate_at(store, "hurried", numbers, REFRESH_GRACE_MS).await);
    }
}

async fn of_successors_that_were_issued_at_once_the_first_that_is_used_goes_on(store: &AccountStore) {
    for (first, other) in [(2, 3), (3, 2)] {
        let name = format!("two pages, {first} first");
        log_in(store, &name).await;
        expect_rotated(rotate(store, &name, 1, 2).await);
        expect_rotated(rotate(store, &name, 1, 3).await);
        expect_rotated(rotate_at(store, &name, (first, 4), HOUR / 4).await);
        expect_rotated(rotate_at(store, &name, (4, 5), HOUR / 2).await);
        expect_reused(&rotate_at(store, &name, (other, 6), HOUR / 2).await);
    }
}

async fn successors_of_pages_that_went_on_are_one_chain(store: &AccountStore) {
    log_in(store, "forked").await;
    expect_rotated(rotate(store, "forked", 1, 2).await);
    expect_rotated(rotate(store, "forked", 1, 3).await);
    expect_rotated(rotate_at(store, "forked", (2, 4), 5).await);
    expect_rotated(rotate_at(store, "forked", (3, 5), 6).await);
    expect_rotated(rotate_at(store, "forked", (2, 6), 7).await);
    expect_rotated(rotate_at(store, "forked", (4, 7), HOUR / 2).await);
    expect_reused(&rotate_at(store, "forked", (5, 8), HOUR / 2).await);
}

async fn a_token_expires(store: &AccountStore) {
    log_in(store, "expiring").await;
    let (old, new) = (secret("expiring 1"), refresh("expiring 2"));
    assert_eq!(store.rotate_refresh(old, new, NOW + HOUR).await, Ok(Rotation::Unknown));
    expect_rotated(store.rotate_refresh(old, new, NOW + HOUR - 1).await.unwrap());
}

async fn a_known_device_comes_back_with_its_key(store: &AccountStore) {
    let (account, id) = log_in(store, "known").await;
    let came = store.login_device(secret("known"), refresh("known 2"), NOW + 7).await.unwrap().unwrap();
    assert_eq!((came.id, came.account, came.seen_ms, came.name.as_str()), (id, account, NOW + 7, "known"));
    assert_eq!(rotate(store, "known", 1, 3).await, Rotation::Unknown, "one device, one session");
    expect_rotated(rotate(store, "known", 2, 3).await);
    let unknown = store.login_device(secret("unknown"), refresh("unknown"), NOW).await;
    assert_eq!(unknown, Ok(None));
}

async fn a_logout_ends_tokens_and_key(store: &AccountStore) {
    let (account, id) = log_in(store, "leaver").await;
    assert_eq!(store.end_session(id, NOW + 1).await, Ok(true));
    assert_eq!(store.end_session(id, NOW + 2).await, Ok(false));
    assert_eq!(store.end_session(device_id("nobody's"), NOW).await, Ok(false));
    assert_eq!(rotate(store, "leaver", 1, 2).await, Rotation::Unknown);
    assert_eq!(store.login_device(secret("leaver"), refresh("leaver 2"), NOW).await, Ok(None));
    assert_eq!(store.devices(account).await.unwrap()[0].revoked_ms, Some(NOW + 1));
}

async fn a_device_is_revoked_by_its_account_alone(store: &AccountStore) {
    let (account, id) = log_in(store, "owner of a device").await;
    let stranger = account_id("stranger");
    assert_eq!(store.revoke_device(stranger, id, None, NOW).await, Ok(false));
    expect_rotated(rotate(store, "owner of a device", 1, 2).await);
    assert_eq!(store.revoke_device(account, id, Some(account), NOW + 1).await, Ok(true));
    assert_eq!(rotate(store, "owner of a device", 2, 3).await, Rotation::Unknown);
}

async fn ended_devices_are_known_since_a_time(store: &AccountStore) {
    let (_, earlier) = log_in(store, "ended earlier").await;
    let (_, later) = log_in(store, "ended later").await;
    assert_eq!(store.end_session(earlier, NOW + HOUR).await, Ok(true));
    assert_eq!(store.end_session(later, NOW + 2 * HOUR).await, Ok(true));
    let since = store.revoked_since(NOW + 2 * HOUR).await.unwrap();
    assert!(since.contains(&later) && !since.contains(&earlier));
    assert!(store.revoked_since(NOW + HOUR).await.unwrap().contains(&earlier));
}

async fn an_account_has_so_many_devices(store: &AccountStore) {
    let (account, first) = log_in(store, "collector").await;
    for number in 0..DEVICES_PER_ACCOUNT_MAX {
        let name = format!("collector's {number}");
        let added = store.add_device(device(account, &name), refresh(&name), audited("login"), NOW + 1);
        let is_one_too_many = number + 1 == DEVICES_PER_ACCOUNT_MAX;
        let ended = if is_one_too_many { vec![first] } else { Vec::new() };
        assert_eq!(added.await, Ok(DeviceAddition::Added { ended }), "{name}");
    }
    let (mut displaced, mut after_seq) = (Vec::new(), 0);
    loop {
        let log = store.audit_page(after_seq, PAGE_ROWS_MAX).await.unwrap();
        let Some(last) = log.last() else { break };
        after_seq = last.seq;
        displaced.extend(log.into_iter().filter(|row| row.action == "device.displaced"));
    }
    assert!(displaced.iter().map(|row| &row.subject).eq([&first.to_string()]));
    assert_eq!(rotate(store, "collector", 1, 2).await, Rotation::Unknown, "seen longest ago");
    let live = store.devices(account).await.unwrap();
    assert_eq!(live.iter().filter(|device| device.revoked_ms.is_none()).count(), DEVICES_PER_ACCOUNT_MAX);
    assert!(live.iter().all(|device| device.id != first), "the page is full of those that came after");
}

async fn devices_that_ended_long_ago_are_forgotten(store: &AccountStore) {
    const KEPT_MS: i64 = 90 * 24 * HOUR;
    // Later than all that ended before, which are forgotten first, some at a time.
    let ended_ms = NOW + 100 * HOUR;
    let (account, long_ago) = log_in(store, "long gone").await;
    assert_eq!(store.end_session(long_ago, ended_ms).await, Ok(true));
    let still_there = async |name: &str, now_ms: i64| {
        let added = store.add_device(device(account, name), refresh(name), audited("login"), now_ms);
        assert_eq!(added.await, Ok(DeviceAddition::Added { ended: Vec::new() }));
        store.devices(account).await.unwrap().iter().any(|device| device.id == long_ago)
    };
    for number in 0..20 {
        assert!(still_there(&format!("long gone {number}"), ended_ms + KEPT_MS - 1).await);
    }
    assert!(!still_there("long gone, last", ended_ms + KEPT_MS).await);
    assert_eq!(store.devices(account).await.unwrap().len(), 21, "those that have not ended stay");
}
