//! Giving and taking rights to documents. Connections hear of it as soon as it is durable.

use super::secrets::{hash_of, new_secret, random};
use super::{AccessControl, AccessError, Caller, Principal};
use crate::accounts::Username;
use std::time::Duration;
use tiebreak_driver::unix_ms;
use tiebreak_protocol::{AccountId, DocumentId, KeyId, Refusal, Role};
use tiebreak_storage::accounts::{
    Grant, Granting, Invitation, Inviting, NewGrant, NewInvitation, NotOwner, Redemption, Revocation,
    Withdrawal,
};

/// Longest life of an invitation.
pub(crate) const INVITATION_TIME_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// Most accounts that one invitation may let in.
pub(crate) const INVITATION_USES_MAX: u32 = 1000;

/// What an invitation's secret begins with.
const INVITATION_PREFIX: &str = "tbi_";

/// An invitation to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Invite {
    pub(crate) document: DocumentId,
    pub(crate) role: Role,
    pub(crate) lives: Duration,
    pub(crate) uses: u32,
}

/// An invitation that was made; its secret is shown this once.
#[derive(Debug)]
pub(crate) struct Invited {
    pub(crate) id: KeyId,
    pub(crate) secret: String,
    pub(crate) expires_ms: i64,
}

impl AccessControl {
    pub(crate) async fn grants(
        &self,
        by: &Principal,
        document: DocumentId,
    ) -> Result<Vec<Grant>, AccessError> {
        Ok(self.accounts(by)?.grants(document).await?)
    }

    /// Gives an account a role, in place of the one it has.
    pub(crate) async fn grant(
        &self,
        by: &Principal,
        document: DocumentId,
        account: AccountId,
        role: Role,
    ) -> Result<(), AccessError> {
        let store = self.accounts(by)?;
        let by = owner(by);
        let grant = NewGrant { document, account, role, by };
        match store.grant(grant, unix_ms()).await? {
            Granting::Granted { .. } => {
                self.live().ask_again(account, document);
                Ok(())
            }
            Granting::LastOwner => Err(AccessError::LastOwner),
            Granting::NoSuchAccount => Err(AccessError::AccountNotFound),
            Granting::NotAllowed(why) => Err(not_allowed(why)),
        }
    }

    /// Takes an account's role, also one's own.
    pub(crate) async fn revoke(
        &self,
        by: &Principal,
        document: DocumentId,
        account: AccountId,
    ) -> Result<(), AccessError> {
        let store = self.accounts(by)?;
        let by = owner(by);
        match store.revoke_grant(document, account, by, unix_ms()).await? {
            Revocation::Revoked { .. } => {
                self.live().ask_again(account, document);
                Ok(())
            }
            Revocation::LastOwner => Err(AccessError::LastOwner),
            Revocation::NotThere => Err(AccessError::GrantNotFound),
            Revocation::NotAllowed(why) => Err(not_allowed(why)),
        }
    }

    pub(crate) async fn invite(&self, by: &Caller, invite: Invite) -> Result<Invited, AccessError> {
        let Invite { document, role, lives, uses } = invite;
        let (id, secret) = (KeyId::from_bytes(random()?), new_secret(INVITATION_PREFIX)?);
        let now_ms = unix_ms();
        let lives_ms = i64::try_from(lives.min(INVITATION_TIME_MAX).as_millis()).unwrap_or(i64::MAX);
        let expires_ms = now_ms.saturating_add(lives_ms);
        let uses = uses.min(INVITATION_USES_MAX).into();
        let (hash, created_by) = (hash_of(&secret), by.account);
        let invitation = NewInvitation { id, hash, document, role, created_by, expires_ms, uses };
        match self.own_accounts()?.create_invitation(invitation, now_ms).await? {
            Inviting::Invited => Ok(Invited { id, secret, expires_ms }),
            Inviting::NotAllowed(why) => Err(not_allowed(why)),
        }
    }

    pub(crate) async fn invitations(
        &self,
        by: &Principal,
        document: DocumentId,
    ) -> Result<Vec<Invitation>, AccessError> {
        Ok(self.accounts(by)?.invitations(document).await?)
    }

    pub(crate) async fn revoke_invitation(
        &self,
        by: &Principal,
        document: DocumentId,
        id: KeyId,
    ) -> Result<(), AccessError> {
        let store = self.accounts(by)?;
        match store.revoke_invitation(document, id, owner(by), unix_ms()).await? {
            Withdrawal::Withdrawn => Ok(()),
            Withdrawal::NotThere => Err(AccessError::InvitationNotFound),
            Withdrawal::NotAllowed(why) => Err(not_allowed(why)),
        }
    }

    /// Answers the document and the role that the account has on it now.
    pub(crate) async fn redeem(
        &self,
        caller: &Caller,
        secret: &str,
    ) -> Result<(DocumentId, Role), AccessError> {
        let redeemed =
            self.own_accounts()?.redeem_invitation(hash_of(secret), caller.account, unix_ms()).await;
        match redeemed? {
            Redemption::Redeemed { document, role } => {
                self.live().ask_again(caller.account, document);
                Ok((document, role))
            }
            Redemption::Invalid => Err(AccessError::InvitationInvalid),
        }
    }

    /// The documents that an account may read, one page in the order of their ids.
    pub(crate) async fn documents_of(
        &self,
        account: AccountId,
        after: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<(DocumentId, Role)>, AccessError> {
        Ok(self.own_accounts()?.roles_of(account, after, limit).await?)
    }

    /// The account of this name, as people write it.
    pub(crate) async fn account_named(&self, by: &Principal, name: &str) -> Result<AccountId, AccessError> {
        let key = Username::parse(name).map_err(|_| AccessError::AccountNotFound)?;
        let found = self.accounts(by)?.account_by_name(key.key()).await?;
        found.map(|account| account.id).ok_or(AccessError::AccountNotFound)
    }
}

/// The account whose right is exercised: of an operator, and of a key that reaches everything for one, none.
fn owner(by: &Principal) -> Option<AccountId> {
    by.caller().filter(|caller| !caller.scope.reaches_everything()).map(|caller| caller.account)
}

/// As the gate would have answered, had the right been lost a moment earlier.
fn not_allowed(why: NotOwner) -> AccessError {
    match why {
        NotOwner::Member => Refusal::AccessDenied.into(),
        NotOwner::Stranger => AccessError::DocumentNotFound,
    }
}
