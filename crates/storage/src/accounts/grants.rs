//! Grants: which account has which role on a document. A document that has an owner never loses its last one.

use super::{AccountStore, Attempt, PAGE_ROWS_MAX, Plan, actor, after, entry, page};
use crate::StorageError;
use crate::relational::{Columns, Row};
use crate::sql::{accounts, grants as sql};
use std::collections::BTreeMap;
use tiebreak_protocol::{AccountId, ActorId, DocumentId, Role};

/// A role of an account on a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub account: AccountId,
    pub role: Role,
    /// `None`: the operator, or the account itself when it made the document.
    pub granted_by: Option<AccountId>,
    pub granted_ms: i64,
}

/// A role to be given.
#[derive(Debug, Clone, Copy)]
pub struct NewGrant {
    pub document: DocumentId,
    pub account: AccountId,
    pub role: Role,
    /// `None`: the operator. An account must own the document.
    pub by: Option<AccountId>,
}

/// Why an account may not share a document: it takes an owner, and rights may be lost between the question and the
/// deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOwner {
    /// It has a lesser role.
    Member,
    /// It has none: for all it is to know, there is no such document.
    Stranger,
}

/// What became of a role to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granting {
    Granted {
        before: Option<Role>,
    },
    /// It would be less than owner for the last one.
    LastOwner,
    NoSuchAccount,
    NotAllowed(NotOwner),
}

/// What became of a role to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    Revoked { before: Role },
    LastOwner,
    NotThere,
    NotAllowed(NotOwner),
}

enum Refusal {
    NoSuchAccount,
    Deleted,
    LastOwner,
    HasItAlready,
    NotAllowed(NotOwner),
}

impl AccountStore {
    pub async fn role(&self, document: DocumentId, account: AccountId) -> Result<Option<Role>, StorageError> {
        let row = self.query_one(sql::ROLE, [document.into(), account.into()]).await?;
        row.map(|row| Columns::of(row).read()).transpose()
    }

    /// The role of an account on a document, and whether there is such a document, or was.
    pub async fn standing(
        &self,
        document: DocumentId,
        account: AccountId,
    ) -> Result<(Option<Role>, bool), StorageError> {
        let row = self.query_one(sql::STANDING, [document.into(), account.into()]).await?;
        let mut columns = Columns::of(row.unwrap_or_default());
        Ok((columns.read()?, columns.read::<i64>()? > 0))
    }

    /// One page of the documents on which an account has a role, in id order. `limit` is clamped to
    /// 1..=[`PAGE_ROWS_MAX`].
    pub async fn roles_of(
        &self,
        account: AccountId,
        after_id: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<(DocumentId, Role)>, StorageError> {
        let rows = self.query(sql::OF_ACCOUNT, [account.into(), after(after_id), page(limit)]).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::of(row);
                Ok((columns.read()?, columns.read()?))
            })
            .collect()
    }

    /// All grants on a document, in the order of accounts.
    pub async fn grants(&self, document: DocumentId) -> Result<Vec<Grant>, StorageError> {
        let mut grants: Vec<Grant> = Vec::new();
        loop {
            let last = after(grants.last().map(|last| last.account));
            let rows = self.query(sql::OF_DOCUMENT, [document.into(), last, page(PAGE_ROWS_MAX)]).await?;
            if rows.is_empty() {
                return Ok(grants);
            }
            for row in rows {
                grants.push(Grant::read(row)?);
            }
        }
    }

    /// Gives a role in place of the one that is there.
    ///
    /// # Errors
    /// Also [`StorageError::Deleted`], when the document was deleted.
    pub async fn grant(&self, grant: NewGrant, now_ms: i64) -> Result<Granting, StorageError> {
        let NewGrant { document, account, role, by } = grant;
        let mut plan = Plan::new()
            .forbid(sql::TOMBSTONE, [document.into()], Refusal::Deleted)
            .require_owner(document, by, Refusal::NotAllowed)
            .require(accounts::LIVE, [account.into()], Refusal::NoSuchAccount)
            .forbid(sql::ROLE_IF, [document.into(), account.into(), role.into()], Refusal::HasItAlready)
            .ask(sql::ROLE, [document.into(), account.into()]);
        if role < Role::Owner {
            plan = plan.forbid(sql::LAST_OWNER, [document.into(), account.into()], Refusal::LastOwner);
        }
        let plan = plan
            .run(sql::UPSERT, [document.into(), account.into(), role.into(), by.into(), now_ms.into()])
            .audit(entry(actor(by), "grant.given", document, format!("{role} to {account}")), now_ms);
        match self.attempt(plan).await? {
            Attempt::Done(asked) => Ok(Granting::Granted { before: first_role(asked.concat())? }),
            Attempt::Unmet(Refusal::HasItAlready, _) => Ok(Granting::Granted { before: Some(role) }),
            Attempt::Unmet(Refusal::LastOwner, _) => Ok(Granting::LastOwner),
            Attempt::Unmet(Refusal::Deleted, _) => Err(StorageError::Deleted),
            Attempt::Unmet(Refusal::NoSuchAccount, _) => Ok(Granting::NoSuchAccount),
            Attempt::Unmet(Refusal::NotAllowed(why), _) => Ok(Granting::NotAllowed(why)),
        }
    }

    /// Takes a role: an account another's when it owns the document, its own whatever that is.
    pub async fn revoke_grant(
        &self,
        document: DocumentId,
        account: AccountId,
        by: Option<AccountId>,
        now_ms: i64,
    ) -> Result<Revocation, StorageError> {
        let plan = Plan::new()
            .require_owner(document, by.filter(|by| *by != account), Revocation::NotAllowed)
            .forbid(sql::LAST_OWNER, [document.into(), account.into()], Revocation::LastOwner)
            .ask(sql::ROLE, [document.into(), account.into()])
            .require(sql::DELETE, [document.into(), account.into()], Revocation::NotThere)
            .audit(entry(actor(by), "grant.revoked", document, format!("of {account}")), now_ms);
        match self.attempt(plan).await? {
            Attempt::Done(asked) => Ok(match first_role(asked.concat())? {
                Some(before) => Revocation::Revoked { before },
                None => Revocation::NotThere,
            }),
            Attempt::Unmet(refusal, _) => Ok(refusal),
        }
    }

    /// Who writes into a document as whom.
    pub async fn bound_actors(
        &self,
        document: DocumentId,
    ) -> Result<BTreeMap<ActorId, AccountId>, StorageError> {
        let mut actors = BTreeMap::new();
        loop {
            let last = actors.last_key_value().map(|(actor, _)| actor);
            let rows = self.query(sql::ACTORS_PAGE, [document.into(), after(last), page(PAGE_ROWS_MAX)]);
            let rows = rows.await?;
            if rows.is_empty() {
                return Ok(actors);
            }
            for row in rows {
                let mut columns = Columns::of(row);
                actors.insert(columns.read()?, columns.read()?);
            }
        }
    }
}

impl<T> Plan<T> {
    /// Goes on only when `by`, if it is an account, owns the document.
    pub(super) fn require_owner(
        self,
        document: DocumentId,
        by: Option<AccountId>,
        refusal: impl Fn(NotOwner) -> T,
    ) -> Self {
        let Some(by) = by else { return self };
        self.require(sql::ROLE, [document.into(), by.into()], refusal(NotOwner::Stranger)).require(
            sql::ROLE_IF,
            [document.into(), by.into(), Role::Owner.into()],
            refusal(NotOwner::Member),
        )
    }
}

impl Grant {
    fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        Ok(Self {
            account: columns.read()?,
            role: columns.read()?,
            granted_by: columns.read()?,
            granted_ms: columns.read()?,
        })
    }
}

pub(super) fn first_role(rows: Vec<Row>) -> Result<Option<Role>, StorageError> {
    rows.into_iter().next().map(|row| Columns::of(row).read()).transpose()
}
