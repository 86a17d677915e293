//! `PUT /v1/accounts/{account}/password`: a password for who forgot theirs.

use super::AccountPath;
use crate::accounts::AccountDirectory;
use crate::http::json_body::JsonBody;
use crate::http::problem::{Fault, OperatorProblems};
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tiebreak_protocol::Secret;
use utoipa::ToSchema;

/// A password in place of one that was forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordReset {
    /// 8 to 256 characters.
    password: String,
}

/// Set an account's password
///
/// All its devices are signed out.
#[utoipa::path(
    put,
    path = "/v1/accounts/{account}/password",
    tag = "operations",
    params(("account" = String, Path, description = "An account's id, or `@` and its name")),
    request_body = PasswordReset,
    responses((status = NO_CONTENT, description = "It is set"), OperatorProblems)
)]
pub(in crate::http) async fn reset_password(
    State(directory): State<AccountDirectory>,
    account: AccountPath,
    JsonBody(reset): JsonBody<PasswordReset>,
) -> Result<StatusCode, Fault> {
    directory.reset_password(account.live()?, &Secret::new(reset.password)).await?;
    Ok(StatusCode::NO_CONTENT)
}
