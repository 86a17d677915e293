//! What operators ask besides monitoring: everybody's accounts, devices and keys, the audit log, and which fields
//! people disagree about.

mod accounts;
mod audit;
mod conflict_statistics;
mod devices;
mod keys;
mod password;
mod service_accounts;
mod verify_audit;

use super::documents::Documents;
use super::grants;
use super::problem::Fault;
use crate::access::{AccessControl, AccessError, Principal};
use crate::accounts::AccountDirectory;
use crate::conflicts::ConflictRecords;
use axum::extract::{Extension, FromRef, FromRequestParts, Path};
use axum::http::request::Parts;
use std::collections::BTreeMap;
use tiebreak_protocol::AccountId;
use tiebreak_storage::accounts::{Account, PAGE_ROWS_MAX};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Rows of a page, if nobody says.
const PAGE_ROWS: usize = 100;

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S>
where
    AccessControl: FromRef<S>,
    AccountDirectory: FromRef<S>,
    Documents: FromRef<S>,
    ConflictRecords: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(accounts::list_accounts))
        .routes(routes!(accounts::show_other_account, accounts::delete_other_account))
        .routes(routes!(devices::list_other_devices))
        .routes(routes!(devices::revoke_other_device))
        .routes(routes!(devices::sign_out))
        .routes(routes!(password::reset_password))
        .routes(routes!(service_accounts::create_service_account))
        .routes(routes!(keys::list_other_keys, keys::create_other_key))
        .routes(routes!(keys::delete_other_key))
        .routes(routes!(audit::read_audit))
        .routes(routes!(verify_audit::verify_audit))
        .routes(routes!(conflict_statistics::conflict_statistics))
}

/// The account that a path names, by its id or by its name behind an `@`; a deleted one by its id.
#[derive(Debug)]
pub(crate) struct AccountPath(Account);

impl AccountPath {
    /// # Errors
    /// When it was deleted.
    fn live(&self) -> Result<AccountId, Fault> {
        if self.0.is_live() { Ok(self.0.id) } else { Err(AccessError::AccountNotFound.into()) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AccountPath
where
    AccessControl: FromRef<S>,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let access = AccessControl::from_ref(state);
        let Extension(principal) =
            Extension::<Principal>::from_request_parts(parts, state).await.map_err(|_| Fault::Internal)?;
        let Path(parameters) = Path::<BTreeMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(|_| Fault::NotFound)?;
        let name = parameters.get("account").ok_or(Fault::Internal)?;
        let id = grants::account(&access, &principal, name).await?;
        let found = access.accounts(&principal)?.account(id).await.map_err(AccessError::from)?;
        found.map(Self).ok_or_else(|| AccessError::AccountNotFound.into())
    }
}

/// How long a page is; `limit` where the caller says so.
fn page_rows(limit: Option<usize>) -> Result<usize, Fault> {
    let limit = limit.unwrap_or(PAGE_ROWS);
    if (1..=PAGE_ROWS_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(Fault::InvalidParameter(format!("limit must be from 1 to {PAGE_ROWS_MAX}")))
}
