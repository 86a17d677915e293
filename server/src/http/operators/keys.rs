//! `/v1/accounts/{account}/keys`: credentials of programs, made for any account.

use super::AccountPath;
use crate::access::{AccessControl, AccessError, Principal};
use crate::http::json_body::JsonBody;
use crate::http::keys::{KeyList, KeyRequest, MadeKey};
use crate::http::problem::{Fault, OperatorProblems};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use tiebreak_protocol::KeyId;

/// List an account's keys
#[utoipa::path(
    get,
    path = "/v1/accounts/{account}/keys",
    tag = "operations",
    params(("account" = String, Path, description = "An account's id, or `@` and its name")),
    responses((status = OK, description = "All keys", body = KeyList), OperatorProblems)
)]
pub(in crate::http) async fn list_other_keys(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    AccountPath(account): AccountPath,
) -> Result<Json<KeyList>, Fault> {
    Ok(Json(access.keys(&principal, account.id).await?.into()))
}

/// Make a key for a program that acts for an account
#[utoipa::path(
    post,
    path = "/v1/accounts/{account}/keys",
    tag = "operations",
    params(("account" = String, Path, description = "An account's id, or `@` and its name")),
    request_body = KeyRequest,
    responses((status = CREATED, description = "The key", body = MadeKey), OperatorProblems)
)]
pub(in crate::http) async fn create_other_key(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    account: AccountPath,
    JsonBody(request): JsonBody<KeyRequest>,
) -> Result<(StatusCode, Json<MadeKey>), Fault> {
    let (id, AccountPath(account)) = (account.live()?, account);
    let made = access.create_key(&principal, id, request.for_account(account.kind)?).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Take an account's key back
///
/// Connections that came with a key end, and those whose key still holds come back.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{account}/keys/{id}",
    tag = "operations",
    params(
        ("account" = String, Path, description = "An account's id, or `@` and its name"),
        ("id" = String, Path, description = "The key's id"),
    ),
    responses((status = NO_CONTENT, description = "It opens nothing any more"), OperatorProblems)
)]
pub(in crate::http) async fn delete_other_key(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    account: AccountPath,
    Path((_account, key)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let key: KeyId = key.parse().map_err(|_| AccessError::KeyNotFound)?;
    access.revoke_key(&principal, account.live()?, key).await?;
    Ok(StatusCode::NO_CONTENT)
}
