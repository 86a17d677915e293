//! `POST /v1/service-accounts`: an account for a program.

use crate::access::{AccessControl, Principal};
use crate::accounts::AccountDirectory;
use crate::http::accounts::MadeAccount;
use crate::http::json_body::JsonBody;
use crate::http::problem::{Fault, OperatorProblems};
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// A service account to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewServiceAccount {
    /// What people call it.
    name: String,
}

/// Make an account for a program
///
/// It has no password: keys act for it.
#[utoipa::path(
    post,
    path = "/v1/service-accounts",
    tag = "operations",
    request_body = NewServiceAccount,
    responses((status = CREATED, description = "The account", body = MadeAccount), OperatorProblems)
)]
pub(in crate::http) async fn create_service_account(
    State(access): State<AccessControl>,
    State(directory): State<AccountDirectory>,
    Extension(principal): Extension<Principal>,
    JsonBody(new): JsonBody<NewServiceAccount>,
) -> Result<(StatusCode, Json<MadeAccount>), Fault> {
    access.accounts(&principal)?;
    let id = directory.create_service(&new.name).await?;
    Ok((StatusCode::CREATED, Json(MadeAccount { id: id.to_string() })))
}
