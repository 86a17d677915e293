//! Invitations: secrets that give a role to whoever presents them, as often as they say and as long, while whoever
//! made them owns the document.

use super::grants::{NotOwner, first_role};
use super::{
    AccountStore, Attempt, FORGOTTEN_AT_ONCE, PAGE_ROWS_MAX, Plan, SecretHash, actor, after, entry, page,
};
use crate::StorageError;
use crate::relational::{Columns, Row};
use crate::sql::{accounts, grants as sql};
use tiebreak_protocol::{AccountId, DocumentId, KeyId, Role};

/// An invitation to be.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    pub id: KeyId,
    pub hash: SecretHash,
    pub document: DocumentId,
    pub role: Role,
    pub created_by: AccountId,
    pub expires_ms: i64,
    /// Accounts that may use it.
    pub uses: i64,
}

/// An invitation as it is listed, perhaps expired or used up. One whose creator has lost the document is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    pub id: KeyId,
    pub role: Role,
    pub created_by: AccountId,
    pub created_ms: i64,
    pub expires_ms: i64,
    pub uses_left: i64,
}

/// What became of an invitation to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inviting {
    Invited,
    NotAllowed(NotOwner),
}

/// What became of an invitation to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    Withdrawn,
    NotThere,
    NotAllowed(NotOwner),
}

/// What became of an invitation that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redemption {
    /// The account has this role, by the invitation or from before: a role is never lowered, and then no use is
    /// counted.
    Redeemed { document: DocumentId, role: Role },
    /// Expired, used up, taken back, of somebody who owns the document no more, or never there: which one is nobody's
    /// business.
    Invalid,
}

enum Refusal {
    Invalid,
    HasIt,
}

impl AccountStore {
    /// Makes an invitation, when its creator owns the document.
    ///
    /// # Errors
    /// Also [`StorageError::Deleted`], when the document was deleted.
    pub async fn create_invitation(
        &self,
        invitation: NewInvitation,
        now_ms: i64,
    ) -> Result<Inviting, StorageError> {
        let NewInvitation { id, hash, document, role, created_by, expires_ms, uses } = invitation;
        let values = [
            hash.into(),
            id.into(),
            document.into(),
            role.into(),
            created_by.into(),
            now_ms.into(),
            expires_ms.into(),
            uses.into(),
        ];
        let plan = Plan::new()
            .forbid(sql::TOMBSTONE, [document.into()], None)
            .require_owner(document, Some(created_by), |why| Some(Inviting::NotAllowed(why)))
            .run(sql::FORGET_INVITATIONS, [now_ms.into(), FORGOTTEN_AT_ONCE.into()])
            .run(sql::INSERT_INVITATION, values)
            .audit(entry(created_by, "invitation.created", document, format!("{id}, {role}")), now_ms);
        match self.attempt(plan).await? {
            Attempt::Done(_) => Ok(Inviting::Invited),
            Attempt::Unmet(Some(refusal), _) => Ok(refusal),
            Attempt::Unmet(None, _) => Err(StorageError::Deleted),
        }
    }

    /// The invitations to a document, in the order of their ids.
    pub async fn invitations(&self, document: DocumentId) -> Result<Vec<Invitation>, StorageError> {
        let mut invitations: Vec<Invitation> = Vec::new();
        loop {
            let last = after(invitations.last().map(|last| last.id));
            let rows = self.query(sql::INVITATIONS, [document.into(), last, page(PAGE_ROWS_MAX)]).await?;
            if rows.is_empty() {
                return Ok(invitations);
            }
            for row in rows {
                invitations.push(Invitation::read(row)?);
            }
        }
    }

    /// Takes an invitation back; an account may when it owns the document.
    pub async fn revoke_invitation(
        &self,
        document: DocumentId,
        id: KeyId,
        by: Option<AccountId>,
        now_ms: i64,
    ) -> Result<Withdrawal, StorageError> {
        let plan = Plan::new()
            .require_owner(document, by, Withdrawal::NotAllowed)
            .require(sql::DELETE_INVITATION, [document.into(), id.into()], Withdrawal::NotThere)
            .audit(entry(actor(by), "invitation.revoked", document, id), now_ms);
        Ok(match self.attempt(plan).await? {
            Attempt::Done(_) => Withdrawal::Withdrawn,
            Attempt::Unmet(refusal, _) => refusal,
        })
    }

    /// Gives the account the role of the invitation and counts a use.
    pub async fn redeem_invitation(
        &self,
        hash: SecretHash,
        account: AccountId,
        now_ms: i64,
    ) -> Result<Redemption, StorageError> {
        let Some(row) = self.query_one(sql::INVITATION, [hash.into(), now_ms.into()]).await? else {
            return Ok(Redemption::Invalid);
        };
        let mut columns = Columns::of(row);
        let (id, document) = (columns.read::<KeyId>()?, columns.read::<DocumentId>()?);
        let (role, created_by) = (columns.read::<Role>()?, columns.read::<AccountId>()?);
        let plan = Plan::new()
            .require(sql::INVITATION, [hash.into(), now_ms.into()], Refusal::Invalid)
            .require(accounts::LIVE, [account.into()], Refusal::Invalid)
            .forbid(sql::ROLE_FROM, [document.into(), account.into(), role.into()], Refusal::HasIt)
            .require(sql::USE_INVITATION, [hash.into(), now_ms.into()], Refusal::Invalid)
            .run(
                sql::UPSERT,
                [document.into(), account.into(), role.into(), created_by.into(), now_ms.into()],
            )
            .audit(entry(account, "invitation.redeemed", document, format!("{id}, {role}")), now_ms);
        match self.attempt(plan).await? {
            Attempt::Done(_) => Ok(Redemption::Redeemed { document, role }),
            Attempt::Unmet(Refusal::Invalid, _) => Ok(Redemption::Invalid),
            Attempt::Unmet(Refusal::HasIt, rows) => {
                let role = first_role(rows)?.unwrap_or(role);
                Ok(Redemption::Redeemed { document, role })
            }
        }
    }
}

impl Invitation {
    fn read(row: Row) -> Result<Self, StorageError> {
        let mut columns = Columns::of(row);
        Ok(Self {
            id: columns.read()?,
            role: columns.read()?,
            created_by: columns.read()?,
            created_ms: columns.read()?,
            expires_ms: columns.read()?,
            uses_left: columns.read()?,
        })
    }
}
