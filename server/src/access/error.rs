//! Why a right was not given, taken or shown.

use crate::accounts::AccountError;
use crate::storage::refusal;
use tiebreak_protocol::Refusal;
use tiebreak_storage::StorageError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    #[error(
        "this server has no accounts; the operator can switch them on with `tiebreak serve --auth accounts`"
    )]
    AccountsOff,
    #[error("there is no such account")]
    AccountNotFound,
    #[error("the document would be left without an owner; make another account its owner first")]
    LastOwner,
    #[error("the account has no role on this document")]
    GrantNotFound,
    #[error("this account has no such key")]
    KeyNotFound,
    #[error("this account has as many keys as it may; revoke one first")]
    TooManyKeys,
    #[error("there is no such invitation")]
    InvitationNotFound,
    #[error("the invitation is over, used up or was taken back; ask for another")]
    InvitationInvalid,
    #[error("there is no such document")]
    DocumentNotFound,
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<StorageError> for AccessError {
    fn from(error: StorageError) -> Self {
        Self::Refused(refusal(&error))
    }
}
