//! Copies of refresh tokens: whoever uses one is noticed, and an owner whose tokens nobody has stays signed in.

use super::{NOW, audited, device, refresh, register};
use crate::AccountStore;
use crate::accounts::{DeviceAddition, NewRefresh, REFRESH_GRACE_MS, Rotation};
use crate::conformance::random::Random;
use tiebreak_protocol::AccountId;

const OPERATIONS: usize = 120;

/// A use of a stolen token waits for the grace and up to this.
const WAIT_MS: u64 = 3 * REFRESH_GRACE_MS as u64;

/// Signs in, refreshes, loses answers and refreshes in two pages at once, while a thief now and then uses a token
/// that the owner had before its latest.
pub async fn thefts_are_noticed(store: &AccountStore, seed: u64) {
    let mut random = Random::seeded(seed);
    let account = register(store, &format!("stolen from {seed}")).await;
    let mut now_ms = NOW;
    let (mut thefts, mut owner) = (0, Owner::sign_in(store, account, "0".to_owned(), now_ms).await);
    for step in 0..OPERATIONS {
        let context = format!("seed {seed}, step {step}");
        now_ms += random.below(WAIT_MS) as i64;
        match random.below(8) {
            0..=2 => expect_rotated(&owner.refresh(now_ms).await, &context),
            3..=4 => expect_rotated(&owner.refresh_in_vain(now_ms).await, &context),
            5..=6 => {
                let at_once = random.below(REFRESH_GRACE_MS as u64) as i64;
                for rotation in owner.refresh_in_two_pages((now_ms, now_ms + at_once), &mut random).await {
                    expect_rotated(&rotation, &context);
                }
                now_ms += at_once;
            }
            _ if owner.older.is_empty() => {}
            _theft => {
                now_ms += REFRESH_GRACE_MS;
                let stolen = owner.older[random.below(owner.older.len() as u64) as usize];
                let thief = owner.present(stolen, now_ms).await;
                now_ms += random.below(WAIT_MS) as i64;
                let noticed = [thief, owner.refresh(now_ms).await];
                let is_reuse = |rotation: &Rotation| matches!(rotation, Rotation::Reused(_));
                assert_eq!(noticed.iter().filter(|rotation| is_reuse(rotation)).count(), 1, "{context}");
                thefts += 1;
                owner = Owner::sign_in(store, account, format!("{thefts}"), now_ms).await;
            }
        }
    }
    assert!(thefts > OPERATIONS / 40, "{thefts} thefts are no test");
}

#[track_caller]
fn expect_rotated(rotation: &Rotation, context: &str) {
    assert!(matches!(rotation, Rotation::Rotated(_)), "{context}: the owner was alone, and got {rotation:?}");
}

struct Owner<'a> {
    store: &'a AccountStore,
    name: String,
    /// Tokens that were ever offered to the store.
    made: u64,
    held: u64,
    /// What it held before.
    older: Vec<u64>,
}

impl<'a> Owner<'a> {
    async fn sign_in(store: &'a AccountStore, account: AccountId, name: String, now_ms: i64) -> Self {
        let owner = Self { store, name: format!("{account} {name}"), made: 1, held: 0, older: Vec::new() };
        let (device, first) = (device(account, &owner.name), owner.token(0));
        let added = store.add_device(device, first, audited("login"), now_ms).await;
        assert_eq!(added, Ok(DeviceAddition::Added { ended: Vec::new() }));
        owner
    }

    fn token(&self, number: u64) -> NewRefresh {
        NewRefresh { expires_ms: i64::MAX, ..refresh(&format!("{}, token {number}", self.name)) }
    }

    /// The successor is the token that was made last.
    async fn present(&mut self, number: u64, now_ms: i64) -> Rotation {
        let (old, new) = (self.token(number).hash, self.token(self.made));
        self.made += 1;
        self.store.rotate_refresh(old, new, now_ms).await.unwrap()
    }

    fn hold(&mut self, number: u64) {
        self.older.push(std::mem::replace(&mut self.held, number));
    }

    async fn refresh(&mut self, now_ms: i64) -> Rotation {
        let rotation = self.present(self.held, now_ms).await;
        self.hold(self.made - 1);
        rotation
    }

    /// The answer is lost.
    async fn refresh_in_vain(&mut self, now_ms: i64) -> Rotation {
        self.present(self.held, now_ms).await
    }

    /// Both present what they share, and what either got is shared from then on.
    async fn refresh_in_two_pages(&mut self, (one, other): (i64, i64), random: &mut Random) -> [Rotation; 2] {
        let held = self.held;
        let rotations = [self.present(held, one).await, self.present(held, other).await];
        self.hold(self.made - 1 - random.below(2));
        rotations
    }
}
