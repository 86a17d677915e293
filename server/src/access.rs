//! Who asks, and may they: the one decision that every door obeys.

mod attempts;
mod control;
mod error;
mod keys;
mod live;
mod rules;
mod scope;
mod secrets;
mod sharing;

pub(crate) use attempts::{ANONYMOUS, FailedAttempt, FailedAttempts, UNKNOWN, network};
pub(crate) use control::{AccessControl, Asks, Credentials, KeysInAddress, OPERATOR_PREFIX};
pub(crate) use error::AccessError;
pub(crate) use keys::NewKey;
pub(crate) use live::{Live, Registration, Word};
pub(crate) use rules::{Rule, Target, knows, rule_of};
pub(crate) use scope::{DOCUMENTS_MAX, Reach, Scope};
pub(crate) use secrets::{hash_of, new_secret, random};
pub(crate) use sharing::{INVITATION_TIME_MAX, INVITATION_USES_MAX, Invite};

use std::time::Duration;
use tiebreak_protocol::{AccountId, DeviceId, DocumentId, Role};
use tiebreak_storage::accounts::SecretHash;
use tiebreak_sync::Moment;
use tiebreak_sync::access::{Access, Identity};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// Anybody, on a server that asks nobody.
    Open,
    /// Who may read the data directory anyway: the command line on the same machine.
    Operator,
    Account(Caller),
    /// Somebody who has not said who it is.
    Anonymous,
}

/// An account that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    /// `None` for a key, which belongs to no device.
    pub(crate) device: Option<DeviceId>,
    pub(crate) scope: Scope,
    /// With which key it came, if with one.
    pub(crate) key: Option<SecretHash>,
    /// When the token is over, Unix milliseconds. `None`: never.
    pub(crate) until_ms: Option<i64>,
}

impl Caller {
    /// Whose a connection is, on the clock of its session.
    pub(crate) fn identity(&self, now: Moment) -> Identity {
        let until = self.until_ms.map(|until_ms| {
            let left_ms = u64::try_from(until_ms - now.unix_ms).unwrap_or_default();
            now.elapsed + Duration::from_millis(left_ms)
        });
        Identity { account: self.account, device: self.device, until }
    }
}

impl Principal {
    /// As the audit log names it.
    pub(crate) fn actor(&self) -> String {
        match self {
            Self::Account(caller) => caller.account.to_string(),
            Self::Operator => "operator".to_owned(),
            Self::Open | Self::Anonymous => ANONYMOUS.to_owned(),
        }
    }

    /// The account that asks, if one does.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        match self {
            Self::Account(caller) => Some(caller),
            Self::Open | Self::Operator | Self::Anonymous => None,
        }
    }
}

/// What somebody wants to do. Every address and every message is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Action {
    /// See that there is a server, and what it offers.
    SeeServer,
    /// Begin a conversation; whose it is may be said in its first message.
    Connect,
    SignUp,
    SignIn,
    /// See and change what is one's own: account, devices, keys, tickets.
    ManageOneself,
    /// See what documents hold and how they merge.
    SeeKinds,
    ListDocuments,
    /// See what people disagree about, and settle it, each in documents that one may read or write.
    SeeConflicts,
    CreateDocument,
    ReadDocument,
    WriteDocument,
    ShareDocument,
    /// Give one's own right to a document back.
    LeaveDocument,
    DeleteDocument,
    RedeemInvitation,
    /// See how the server is doing, in numbers.
    SeeOperations,
    /// Everything else that operators do: everybody's accounts, keys, the audit log.
    Operate,
}

impl Action {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 17] = [
        Self::SeeServer,
        Self::Connect,
        Self::SignUp,
        Self::SignIn,
        Self::ManageOneself,
        Self::SeeKinds,
        Self::ListDocuments,
        Self::SeeConflicts,
        Self::CreateDocument,
        Self::ReadDocument,
        Self::WriteDocument,
        Self::ShareDocument,
        Self::LeaveDocument,
        Self::DeleteDocument,
        Self::RedeemInvitation,
        Self::SeeOperations,
        Self::Operate,
    ];

    const fn need(self) -> Need {
        match self {
            Self::SeeServer | Self::Connect | Self::SignUp | Self::SignIn => Need::Nothing,
            Self::ManageOneself => Need::Oneself,
            Self::SeeKinds | Self::ListDocuments | Self::SeeConflicts | Self::RedeemInvitation => {
                Need::Account
            }
            Self::CreateDocument => Need::Vacancy,
            Self::ReadDocument | Self::LeaveDocument => Need::Role(Role::Viewer),
            Self::WriteDocument => Need::Role(Role::Editor),
            Self::ShareDocument | Self::DeleteDocument => Need::Role(Role::Owner),
            Self::SeeOperations | Self::Operate => Need::Operator,
        }
    }
}

/// What an action takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Nothing,
    /// An account, whichever way it has proved itself.
    Account,
    /// The person: a key acts for an account, and never on the account itself.
    Oneself,
    /// An account, and no document there.
    Vacancy,
    /// This role on the document, or a greater one.
    Role(Role),
    Operator,
}

/// How an account stands to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) document: DocumentId,
    pub(crate) role: Option<Role>,
    /// There is such a document, or was.
    pub(crate) exists: bool,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denial {
    /// Whoever it is should say who.
    SignIn,
    /// As far as this account is to know, there is no such document.
    NotThere,
    NotAllowed,
}

/// Whether somebody may do something: with this document, for actions on one. What nothing allows is denied.
///
/// # Errors
/// Why not, in as much as may be said.
pub(crate) fn authorize(
    principal: &Principal,
    action: Action,
    standing: Option<&Standing>,
) -> Result<(), Denial> {
    let need = action.need();
    let caller = match (principal, need) {
        (_, Need::Nothing) | (Principal::Open | Principal::Operator, _) => return Ok(()),
        (Principal::Anonymous, _) => return Err(Denial::SignIn),
        (Principal::Account(caller), _) => caller,
    };
    match need {
        Need::Nothing | Need::Account => Ok(()),
        Need::Oneself if caller.scope == Scope::EVERYTHING => Ok(()),
        Need::Oneself | Need::Operator => Err(Denial::NotAllowed),
        Need::Vacancy if !caller.scope.creates() => Err(Denial::NotAllowed),
        Need::Vacancy => match standing {
            Some(standing) if standing.exists => Err(Denial::NotAllowed),
            Some(_) | None => Ok(()),
        },
        Need::Role(least) => match standing.and_then(|standing| caller.scope.role(standing)) {
            Some(role) if role >= least => Ok(()),
            Some(_) => Err(Denial::NotAllowed),
            None => Err(Denial::NotThere),
        },
    }
}

/// What a connection may do with a document. `None`: nothing.
pub(crate) fn access(principal: &Principal, standing: &Standing) -> Option<Access> {
    let may = |action| authorize(principal, action, Some(standing)).is_ok();
    if may(Action::ShareDocument) {
        Some(Access::Owns)
    } else if may(Action::WriteDocument) {
        Some(Access::Writes)
    } else if may(Action::ReadDocument) {
        Some(Access::Reads)
    } else if may(Action::CreateDocument) {
        Some(Access::Creates)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
