//! `GET /.well-known/jwks.json`: the keys that verify access tokens, for services that do so themselves.

use super::problem::{AnyProblems, Fault};
use crate::access::AccessError;
use crate::accounts::AccountService;
use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;

/// Get the keys that verify access tokens
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "accounts",
    responses((status = OK, description = "A JWK set (RFC 7517)", body = serde_json::Value), AnyProblems)
)]
pub(super) async fn jwks(State(accounts): State<Option<AccountService>>) -> Result<impl IntoResponse, Fault> {
    let accounts = accounts.ok_or(AccessError::AccountsOff)?;
    Ok(([(CACHE_CONTROL, "public, max-age=300")], Json(accounts.jwks())))
}
