//! `/v1/accounts/{account}/devices`: where somebody is signed in.

use super::AccountPath;
use crate::accounts::{AccountDirectory, AccountError};
use crate::http::account::DeviceList;
use crate::http::problem::{Fault, OperatorProblems};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use tiebreak_protocol::DeviceId;

/// List an account's devices
#[utoipa::path(
    get,
    path = "/v1/accounts/{account}/devices",
    tag = "operations",
    params(("account" = String, Path, description = "An account's id, or `@` and its name")),
    responses((status = OK, description = "All devices, last seen first", body = DeviceList), OperatorProblems)
)]
pub(in crate::http) async fn list_other_devices(
    State(directory): State<AccountDirectory>,
    AccountPath(account): AccountPath,
) -> Result<Json<DeviceList>, Fault> {
    Ok(Json(directory.devices(account.id).await?.into()))
}

/// Sign an account's device out
#[utoipa::path(
    delete,
    path = "/v1/accounts/{account}/devices/{device}",
    tag = "operations",
    params(
        ("account" = String, Path, description = "An account's id, or `@` and its name"),
        ("device" = String, Path, description = "The device's id"),
    ),
    responses((status = NO_CONTENT, description = "It is signed out, and its connections are closed"), OperatorProblems)
)]
pub(in crate::http) async fn revoke_other_device(
    State(directory): State<AccountDirectory>,
    account: AccountPath,
    Path((_account, device)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let device: DeviceId = device.parse().map_err(|_| AccountError::DeviceNotFound)?;
    directory.revoke_device(account.live()?, device, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign all of an account's devices out
///
/// Its keys go on to hold.
#[utoipa::path(
    post,
    path = "/v1/accounts/{account}/sign-out",
    tag = "operations",
    params(("account" = String, Path, description = "An account's id, or `@` and its name")),
    responses((status = NO_CONTENT, description = "They are signed out, and their connections are closed"), OperatorProblems)
)]
pub(in crate::http) async fn sign_out(
    State(directory): State<AccountDirectory>,
    account: AccountPath,
) -> Result<StatusCode, Fault> {
    directory.sign_out(account.live()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
