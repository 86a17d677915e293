//! Devices and their sessions: a chain of refresh tokens, each used for the next.

use super::{
    AccountStore, Attempt, FORGOTTEN_AT_ONCE, PAGE_ROWS_MAX, Plan, SecretHash, actor, after, entry, page,
};
use crate::StorageError;
use crate::audit::AuditEntry;
use crate::relational::{Columns, Row};
use crate::rows::count;
use crate::sql::{accounts, sessions as sql};
use std::fmt;
use tiebreak_protocol::{AccountId, DeviceId};

/// Devices of one account that have not ended; one more ends the one that was seen longest ago.
pub const DEVICES_PER_ACCOUNT_MAX: usize = 1000;

/// How long a device that has ended is kept: longer than its access tokens, which are refused for its sake.
const ENDED_KEPT_MS: i64 = 90 * 24 * 3600 * 1000;

/// How long a refresh token holds beside another one that was issued in its place: two pages of one device may
/// refresh at the same moment.
pub const REFRESH_GRACE_MS: i64 = 10_000;

/// One installation of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    pub id: DeviceId,
    pub account: AccountId,
    pub name: String,
    pub created_ms: i64,
    pub seen_ms: i64,
    pub revoked_ms: Option<i64>,
}

/// A device that logs in for the first time.
#[derive(Clone)]
pub struct NewDevice {
    pub id: DeviceId,
    pub account: AccountId,
    /// Of the password with which it logs in: it takes a while to verify, and another may have been set meanwhile.
    pub password_hash: String,
    pub name: String,
    /// Of the key with which it may come back without a password, if it gets one.
    pub key_hash: Option<SecretHash>,
}

/// The refresh token to give out.
#[derive(Debug, Clone, Copy)]
pub struct NewRefresh {
    pub hash: SecretHash,
    pub expires_ms: i64,
}

/// What became of a new device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceAddition {
    Added {
        /// Devices that ended to make room for it.
        ended: Vec<DeviceId>,
    },
    /// The account is gone, or has another password by now.
    CredentialsOver,
}

/// What became of a refresh token that was presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The new one takes its place.
    Rotated(Device),
    /// It had been replaced: two have it. The device has ended.
    Reused(Device),
    /// It is none, or has expired, or its device or account has ended.
    Unknown,
}

enum Refused {
    Unknown,
    Reused,
}

impl AccountStore {
    /// Adds a device with the first token of its session, then ends those that are beyond
    /// [`DEVICES_PER_ACCOUNT_MAX`], one transaction each. What a crash leaves of them, the next one ends.
    pub async fn add_device(
        &self,
        device: NewDevice,
        refresh: NewRefresh,
        audit: AuditEntry,
        now_ms: i64,
    ) -> Result<DeviceAddition, StorageError> {
        let NewDevice { id, account, password_hash, name, key_hash } = device;
        let device = [id.into(), account.into(), name.into(), key_hash.into(), now_ms.into(), now_ms.into()];
        let plan = Plan::new()
            .require(accounts::HAS_PASSWORD, [account.into(), password_hash.into()], ())
            .run(sql::INSERT_DEVICE, device)
            .run(sql::INSERT_FIRST_TOKEN, refresh.first(id, account, now_ms))
            .run(sql::FORGET_DEVICES, [now_ms.saturating_sub(ENDED_KEPT_MS).into(), FORGOTTEN_AT_ONCE.into()])
            .audit(audit, now_ms);
        match self.attempt(plan).await? {
            Attempt::Done(_) => Ok(DeviceAddition::Added { ended: self.make_room(account, now_ms).await? }),
            Attempt::Unmet((), _) => Ok(DeviceAddition::CredentialsOver),
        }
    }

    async fn make_room(&self, account: AccountId, now_ms: i64) -> Result<Vec<DeviceId>, StorageError> {
        let most = count(DEVICES_PER_ACCOUNT_MAX);
        let beyond = [account.into(), page(PAGE_ROWS_MAX), most.into()];
        let mut ended = Vec::new();
        for row in self.query(sql::DEVICES_BEYOND, beyond).await? {
            let device = Device::read(row)?;
            let audit = entry(account, "device.displaced", device.id, format!("more than {most} devices"));
            // Unless somebody else was faster, and tells of it.
            if self.end(&device, audit, now_ms).await? {
                ended.push(device.id);
            }
        }
        Ok(ended)
    }

    /// A device comes back with its key: a session in place of the one it had. `None` when the key is none, or its
    /// device or account has ended.
    pub async fn login_device(
        &self,
        key_hash: SecretHash,
        refresh: NewRefresh,
        now_ms: i64,
    ) -> Result<Option<Device>, StorageError> {
        let Some(row) = self.query_one(sql::DEVICE_BY_KEY, [key_hash.into()]).await? else { return Ok(None) };
        let mut device = Device::read(row)?;
        let plan = Plan::new()
            .require(sql::DEVICE_BY_KEY, [key_hash.into()], ())
            .run(sql::DELETE_TOKENS_OF_DEVICE, [device.id.into()])
            .run(sql::INSERT_FIRST_TOKEN, refresh.first(device.id, device.account, now_ms))
            .run(sql::DEVICE_SEEN, [now_ms.into(), device.id.into()])
            .audit(entry(device.account, "session.started", device.id, "with a device key"), now_ms);
        device.seen_ms = now_ms;
        Ok(match self.attempt(plan).await? {
            Attempt::Done(_) => Some(device),
            Attempt::Unmet((), _) => None,
        })
    }

    /// A token is presented for the next one.
    ///
    /// Each answer issues a successor. Whoever presents a token that was replaced has a copy of it, or is the owner
    /// whose copy was used: nobody can tell which, so the device ends.
    ///
    /// | the token that is presented | answer |
    /// |---|---|
    /// | not used | a successor |
    /// | used, none of its successors is: the answer may have been lost in a tunnel | another successor; earlier ones are replaced, but for those that are younger than [`REFRESH_GRACE_MS`] |
    /// | used, and so is a successor | the device ends |
    /// | replaced by a later successor of the same token | the device ends |
    /// | another successor of the same token was used first, and this one is younger than the grace | a successor of that one: there is one chain |
    /// | the same, and this one is older | the device ends |
    ///
    /// So of two that hold tokens of one chain, one ends it: when a copy of an older token is used, at the latest as
    /// the owner next refreshes.
    pub async fn rotate_refresh(
        &self,
        old: SecretHash,
        new: NewRefresh,
        now_ms: i64,
    ) -> Result<Rotation, StorageError> {
        // What is made up costs a read, and waits for no writer.
        if self.query_one(sql::DEVICE_BY_TOKEN, [old.into(), now_ms.into()]).await?.is_none() {
            return Ok(Rotation::Unknown);
        }
        let grace_over = now_ms.saturating_sub(REFRESH_GRACE_MS);
        let spent = [old.into(), grace_over.into(), REFRESH_GRACE_MS.into()];
        let plan = Plan::new()
            .require(sql::DEVICE_BY_TOKEN, [old.into(), now_ms.into()], Refused::Unknown)
            .forbid(sql::DEVICE_BY_SPENT_TOKEN, spent, Refused::Reused)
            .run(sql::TOKEN_USED, [now_ms.into(), old.into()])
            .run(sql::INSERT_NEXT_TOKEN, [new.hash.into(), now_ms.into(), new.expires_ms.into(), old.into()])
            .run(sql::DEVICE_SEEN_BY_TOKEN, [now_ms.into(), old.into()])
            .ask(sql::DEVICE_BY_TOKEN, [old.into(), now_ms.into()])
            .run(sql::FORGET_TOKENS, [now_ms.into(), FORGOTTEN_AT_ONCE.into()]);
        match self.attempt(plan).await? {
            Attempt::Done(asked) => Ok(Rotation::Rotated(Device::first_of(asked.concat())?)),
            Attempt::Unmet(Refused::Unknown, _) => Ok(Rotation::Unknown),
            Attempt::Unmet(Refused::Reused, rows) => {
                let mut device = Device::first_of(rows)?;
                let audit = entry(device.account, "session.reused", device.id, "");
                self.end(&device, audit, now_ms).await?;
                device.revoked_ms.get_or_insert(now_ms);
                Ok(Rotation::Reused(device))
            }
        }
    }

    /// A device logs out. Answers whether it was logged in.
    pub async fn end_session(&self, device: DeviceId, now_ms: i64) -> Result<bool, StorageError> {
        let Some(row) = self.query_one(sql::DEVICE, [device.into()]).await? else { return Ok(false) };
        let device = Device::read(row)?;
        self.end(&device, entry(device.account, "session.ended", device.id, ""), now_ms).await
    }

    /// Ends one of an account's devices. Answers whether it had it.
    pub async fn revoke_device(
        &self,
        account: AccountId,
        device: DeviceId,
        by: Option<AccountId>,
        now_ms: i64,
    ) -> Result<bool, StorageError> {
        let Some(row) = self.query_one(sql::DEVICE, [device.into()]).await? else { return Ok(false) };
        let device = Device::read(row)?;
        if device.account != account {
            return Ok(false);
        }
        self.end(&device, entry(actor(by), "device.revoked", device.id, ""), now_ms).await
    }

    /// The devices of an account, ended ones too, last seen first: at most [`PAGE_ROWS_MAX`].
    pub async fn devices(&self, account: AccountId) -> Result<Vec<Device>, StorageError> {
        let rows = self.query(sql::DEVICES, [account.into(), page(PAGE_ROWS_MAX)]).await?;
        rows.into_iter().map(Device::read).collect()
    }

    /// The devices that have ended at this time or later: access tokens of theirs may still live.
    pub async fn revoked_since(&self, since_ms: i64) -> Result<Vec<DeviceId>, StorageError> {
        let mut revoked = Vec::new();
        loop {
            let last = after(revoked.last().copied());
            let rows = self.query(sql::REVOKED_SINCE, [since_ms.into(), last, page(PAGE_ROWS_MAX)]).await?;
            if rows.is_empty() {
                return Ok(revoked);
            }
            for row in rows {
                revoked.push(Columns::of(row).read()?);
            }
        }
    }

    async fn end(&self, device: &Device, audit: AuditEntry, now_ms: i64) -> Result<bool, StorageError> {
        let plan = Plan::new()
            .require(sql::END_DEVICE, [now_ms.into(), device.id.into(), device.account.into()], ())
            .run(sql::DELETE_TOKENS_OF_DEVICE, [device.id.into()])
            .audit(audit, now_ms);
        Ok(matches!(self.attempt(plan).await?, Attempt::Done(_)))
    }
}

impl Device {
    fn first_of(rows: Vec<Row>) -> Result<Self, StorageError> {
        Self::read(rows.into_iter().next().unwrap_or_default())
    }

    fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.read()?,
            account: columns.read()?,
            name: columns.read()?,
            created_ms: columns.read()?,
            seen_ms: columns.read()?,
            revoked_ms: columns.read()?,
        })
    }
}

/// Without the hashes: what is printed ends in logs.
impl fmt::Debug for NewDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDevice")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl NewRefresh {
    fn first(self, device: DeviceId, account: AccountId, now_ms: i64) -> [crate::relational::Value; 5] {
        [self.hash.into(), device.into(), account.into(), now_ms.into(), self.expires_ms.into()]
    }
}
