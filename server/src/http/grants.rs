//! `/v1/documents/{id}/grants`: who has which role on a document.

use super::documents::Documents;
use super::json_body::JsonBody;
use super::problem::{Fault, GrantProblems, GrantsProblems};
use super::request::{DocumentPath, document_id};
use super::time;
use crate::access::{AccessControl, AccessError, Principal};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tiebreak_protocol::{AccountId, DocumentId, Role};
use tiebreak_storage::accounts::Grant;
use utoipa::ToSchema;

/// Everybody who has a role on a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrantList {
    items: Vec<GrantItem>,
}

/// The role of one account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrantItem {
    account: String,
    /// `viewer`, `editor` or `owner`.
    role: &'static str,
    /// Who gave it; null for who made the document, and for what an operator gave.
    granted_by: Option<String>,
    granted_at: Option<String>,
}

/// A role to be given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRole {
    /// `viewer` reads, `editor` writes, `owner` shares and deletes.
    role: String,
}

impl From<Grant> for GrantItem {
    fn from(grant: Grant) -> Self {
        Self {
            account: grant.account.to_string(),
            role: grant.role.as_str(),
            granted_by: grant.granted_by.map(|account| account.to_string()),
            granted_at: time::from_milliseconds(grant.granted_ms),
        }
    }
}

pub(super) fn role(text: &str) -> Result<Role, Fault> {
    text.parse().map_err(|error| Fault::InvalidParameter(format!("role: {error}")))
}

/// An account by its id, or by its name behind an `@`.
pub(super) async fn account(access: &AccessControl, by: &Principal, text: &str) -> Result<AccountId, Fault> {
    match text.strip_prefix('@') {
        Some(name) => Ok(access.account_named(by, name).await?),
        None => text.parse().map_err(|error| Fault::InvalidParameter(format!("account: {error}"))),
    }
}

/// Refuses what is to be done with a document that is not there. The gate has looked already for who has to show a
/// right to it.
async fn look_for(documents: &Documents, by: &Principal, document: DocumentId) -> Result<(), Fault> {
    match by {
        Principal::Account(_) | Principal::Open | Principal::Anonymous => Ok(()),
        Principal::Operator => documents.heads(document).await.map(|_heads| ()),
    }
}

/// List who has a role on a document
#[utoipa::path(
    get,
    path = "/v1/documents/{id}/grants",
    tag = "sharing",
    params(("id" = String, Path, description = "The document's id")),
    responses((status = OK, description = "All grants", body = GrantList), GrantsProblems)
)]
pub(super) async fn list_grants(
    State(access): State<AccessControl>,
    State(documents): State<Documents>,
    Extension(principal): Extension<Principal>,
    DocumentPath(document): DocumentPath,
) -> Result<Json<GrantList>, Fault> {
    look_for(&documents, &principal, document).await?;
    let items = access.grants(&principal, document).await?.into_iter().map(GrantItem::from).collect();
    Ok(Json(GrantList { items }))
}

/// Give an account a role on a document
///
/// In place of the role it has. The last owner keeps its role until another owner is there.
#[utoipa::path(
    put,
    path = "/v1/documents/{id}/grants/{account}",
    tag = "sharing",
    params(
        ("id" = String, Path, description = "The document's id"),
        ("account" = String, Path, description = "An account's id, or `@` and its name"),
    ),
    request_body = NewRole,
    responses((status = NO_CONTENT, description = "It has the role"), GrantProblems)
)]
pub(super) async fn put_grant(
    State(access): State<AccessControl>,
    State(documents): State<Documents>,
    Extension(principal): Extension<Principal>,
    Path((document, whose)): Path<(String, String)>,
    JsonBody(new): JsonBody<NewRole>,
) -> Result<StatusCode, Fault> {
    let document = document_id(&document)?;
    look_for(&documents, &principal, document).await?;
    let account = account(&access, &principal, &whose).await?;
    access.grant(&principal, document, account, role(&new.role)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take an account's role on a document
#[utoipa::path(
    delete,
    path = "/v1/documents/{id}/grants/{account}",
    tag = "sharing",
    params(
        ("id" = String, Path, description = "The document's id"),
        ("account" = String, Path, description = "An account's id, or `@` and its name"),
    ),
    responses((status = NO_CONTENT, description = "It has none any more; its connections lose the document"), GrantProblems)
)]
pub(super) async fn delete_grant(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    DocumentPath(document): DocumentPath,
    Path((_document, whose)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let account = account(&access, &principal, &whose).await?;
    access.revoke(&principal, document, account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give one's own role on a document back
#[utoipa::path(
    delete,
    path = "/v1/documents/{id}/grants/own",
    tag = "sharing",
    params(("id" = String, Path, description = "The document's id")),
    responses((status = NO_CONTENT, description = "The document is no longer this account's"), GrantProblems)
)]
pub(super) async fn leave(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    DocumentPath(document): DocumentPath,
) -> Result<StatusCode, Fault> {
    let caller = principal.caller().ok_or(AccessError::AccountsOff)?;
    access.revoke(&principal, document, caller.account).await?;
    Ok(StatusCode::NO_CONTENT)
}
