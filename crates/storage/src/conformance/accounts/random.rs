//! Random operations, to be done on a store and on small models, which must answer alike.

use super::{NOW, audited, device, device_id, refresh, register, secret};
use crate::AccountStore;
use crate::accounts::{
    AccountDeletion, DeviceAddition, Granting, NewGrant, NewRefresh, REFRESH_GRACE_MS, Revocation, Rotation,
};
use crate::conformance::document;
use crate::conformance::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_protocol::{AccountId, DocumentId, Role};

const OPERATIONS: usize = 300;
const ACCOUNTS: u64 = 5;
const DOCUMENTS: u64 = 3;
const DEVICES: u64 = 3;

/// Of the tokens that a device has had, those that are presented.
const PRESENTED: u64 = 6;

/// How long a token holds; an operation takes up to [`STEP_MS`].
const TOKEN_MS: i64 = 10 * REFRESH_GRACE_MS;
const STEP_MS: u64 = REFRESH_GRACE_MS as u64 / 4;

/// Gives and takes roles, and deletes accounts.
pub async fn grants_follow_their_model(store: &AccountStore, seed: u64) {
    let mut random = Random::seeded(seed);
    let mut model = Grants::default();
    for number in 0..ACCOUNTS {
        model.live.insert(register(store, &format!("random {seed} {number}")).await);
    }
    let accounts: Vec<_> = model.live.iter().copied().collect();
    let documents: Vec<_> =
        (0..DOCUMENTS).map(|number| document(&format!("random grants {seed} {number}"))).collect();
    for step in 0..OPERATIONS {
        let context = format!("seed {seed}, step {step}");
        let account = accounts[random.below(ACCOUNTS) as usize];
        let document = documents[random.below(DOCUMENTS) as usize];
        match random.below(40) {
            0..=19 => {
                let role = Role::ALL[random.below(3) as usize];
                let grant = NewGrant { document, account, role, by: None };
                assert_eq!(store.grant(grant, NOW).await, Ok(model.grant(grant)), "{context}");
            }
            20..=34 => {
                let revoked = store.revoke_grant(document, account, None, NOW).await;
                assert_eq!(revoked, Ok(model.revoke(document, account)), "{context}");
            }
            35..=38 => {
                let role = model.roles.get(&(document, account)).copied();
                assert_eq!(store.role(document, account).await, Ok(role), "{context}");
            }
            _ => {
                let deleted = store.delete_account(account, None, NOW).await;
                assert_eq!(deleted, Ok(model.delete(account)), "{context}");
            }
        }
        for document in &documents {
            let found = store.grants(*document).await.unwrap();
            let found = found.into_iter().map(|grant| (grant.account, grant.role));
            assert!(found.eq(model.of(*document)), "{context}");
        }
    }
}

#[derive(Default)]
struct Grants {
    live: BTreeSet<AccountId>,
    roles: BTreeMap<(DocumentId, AccountId), Role>,
}

impl Grants {
    fn of(&self, document: DocumentId) -> impl Iterator<Item = (AccountId, Role)> {
        let grants = self.roles.iter().filter(move |((of, _), _)| *of == document);
        grants.map(|((_, account), role)| (*account, *role))
    }

    fn is_last_owner(&self, document: DocumentId, account: AccountId) -> bool {
        let owners = self.of(document).filter(|(_, role)| *role == Role::Owner);
        owners.map(|(owner, _)| owner).eq([account])
    }

    fn grant(&mut self, grant: NewGrant) -> Granting {
        let NewGrant { document, account, role, by: _ } = grant;
        if !self.live.contains(&account) {
            return Granting::NoSuchAccount;
        }
        if role != Role::Owner && self.is_last_owner(document, account) {
            return Granting::LastOwner;
        }
        Granting::Granted { before: self.roles.insert((document, account), role) }
    }

    fn revoke(&mut self, document: DocumentId, account: AccountId) -> Revocation {
        if self.is_last_owner(document, account) {
            return Revocation::LastOwner;
        }
        match self.roles.remove(&(document, account)) {
            Some(before) => Revocation::Revoked { before },
            None => Revocation::NotThere,
        }
    }

    fn delete(&mut self, account: AccountId) -> AccountDeletion {
        if !self.live.contains(&account) {
            return AccountDeletion::NoSuchAccount;
        }
        let own: Vec<_> = self.roles.keys().filter(|(_, of)| *of == account).map(|(id, _)| *id).collect();
        let (shared, alone): (Vec<_>, Vec<_>) = own.into_iter().partition(|id| self.of(*id).count() > 1);
        let needed: Vec<_> = shared.iter().copied().filter(|id| self.is_last_owner(*id, account)).collect();
        if !needed.is_empty() {
            return AccountDeletion::SoleOwnerOf(needed);
        }
        self.live.remove(&account);
        for document in shared {
            self.roles.remove(&(document, account));
        }
        AccountDeletion::Deleted { documents: alone, devices: Vec::new() }
    }
}

/// Presents tokens, old ones too, while time passes; devices come back with their keys and log out.
pub async fn sessions_follow_their_model(store: &AccountStore, seed: u64) {
    let mut random = Random::seeded(seed);
    let account = register(store, &format!("random sessions {seed}")).await;
    let mut sessions = Vec::new();
    for number in 0..DEVICES {
        let name = format!("random {seed} {number}");
        let first = token(&name, 0, NOW);
        let added = store.add_device(device(account, &name), first, audited("login"), NOW).await;
        assert_eq!(added, Ok(DeviceAddition::Added { ended: Vec::new() }));
        sessions.push(Session::new(name));
    }
    let mut now_ms = NOW;
    for step in 0..OPERATIONS {
        let context = format!("seed {seed}, step {step}");
        now_ms += random.below(STEP_MS) as i64;
        let session = &mut sessions[random.below(DEVICES) as usize];
        let next = token(&session.name, session.made, now_ms);
        match random.below(20) {
            0..=15 => {
                let old = session.made.saturating_sub(1 + random.below(PRESENTED));
                let presented = store.rotate_refresh(token(&session.name, old, 0).hash, next, now_ms);
                let answer = Answer::of(&presented.await.unwrap());
                assert_eq!(answer, session.rotate(old, now_ms), "{context}");
            }
            16..=18 => {
                let came = store.login_device(secret(&session.name), next, now_ms).await.unwrap();
                assert_eq!(came.is_some(), session.log_in(now_ms), "{context}");
            }
            _ if random.below(4) == 0 => {
                let ended = store.end_session(device_id(&session.name), now_ms).await;
                assert_eq!(ended, Ok(session.end()), "{context}");
            }
            _ => now_ms += TOKEN_MS / 2,
        }
    }
}

fn token(name: &str, number: u64, now_ms: i64) -> NewRefresh {
    NewRefresh { expires_ms: now_ms + TOKEN_MS, ..refresh(&format!("{name}, token {number}")) }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Rotated,
    Reused,
    Unknown,
}

impl Answer {
    fn of(rotation: &Rotation) -> Self {
        match rotation {
            Rotation::Rotated(_) => Self::Rotated,
            Rotation::Reused(_) => Self::Reused,
            Rotation::Unknown => Self::Unknown,
        }
    }
}

struct Session {
    name: String,
    ended: bool,
    /// Tokens that were ever offered to the store.
    made: u64,
    tokens: BTreeMap<u64, Token>,
}

struct Token {
    parent: Option<u64>,
    issued_ms: i64,
    used: bool,
}

impl Session {
    fn new(name: String) -> Self {
        let first = Token { parent: None, issued_ms: NOW, used: false };
        Self { name, ended: false, made: 1, tokens: BTreeMap::from([(0, first)]) }
    }

    fn rotate(&mut self, old: u64, now_ms: i64) -> Answer {
        let number = self.made;
        self.made += 1;
        self.tokens.retain(|_, token| token.issued_ms + TOKEN_MS > now_ms);
        if self.ended || !self.tokens.contains_key(&old) {
            return Answer::Unknown;
        }
        let goes_on = self.siblings(old).find(|number| self.tokens[number].used).unwrap_or(old);
        let went_on = self.tokens.values().any(|token| token.parent == Some(goes_on) && token.used);
        if went_on || self.is_replaced(old, now_ms) {
            self.end();
            return Answer::Reused;
        }
        self.tokens.entry(goes_on).and_modify(|token| token.used = true);
        self.tokens.insert(number, Token { parent: Some(goes_on), issued_ms: now_ms, used: false });
        Answer::Rotated
    }

    fn siblings(&self, number: u64) -> impl Iterator<Item = u64> {
        let parent = self.tokens[&number].parent;
        let others = self.tokens.iter().filter(move |(other, _)| **other != number);
        others.filter(move |(_, token)| parent.is_some() && token.parent == parent).map(|(other, _)| *other)
    }

    fn is_replaced(&self, number: u64, now_ms: i64) -> bool {
        let issued_ms = self.tokens[&number].issued_ms;
        let is_late = now_ms - issued_ms >= REFRESH_GRACE_MS;
        self.siblings(number)
            .map(|other| &self.tokens[&other])
            .any(|other| other.used && is_late || other.issued_ms - issued_ms >= REFRESH_GRACE_MS)
    }

    fn log_in(&mut self, now_ms: i64) -> bool {
        let number = self.made;
        self.made += 1;
        if !self.ended {
            let first = Token { parent: None, issued_ms: now_ms, used: false };
            self.tokens = BTreeMap::from([(number, first)]);
        }
        !self.ended
    }

    fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }
}
