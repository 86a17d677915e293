//! `POST /v1/accounts`: a new account.

use super::json_body::JsonBody;
use super::peer_address::PeerAddress;
use super::problem::{AccountProblems, Fault};
use crate::access::{AccessError, Principal};
use crate::accounts::{AccountDirectory, AccountService, SignUp};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use tiebreak_protocol::Secret;
use tiebreak_storage::accounts::Maker;
use utoipa::ToSchema;

/// The header that makes a repeated request the same request.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// An account to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// 2 to 32 letters, digits, `.`, `-` and `_`. Names that look alike are the same name.
    username: String,
    /// 8 to 256 characters.
    password: String,
    /// The username, if left out.
    display_name: Option<String>,
}

/// An account that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeAccount {
    pub(super) id: String,
}

/// Who wants an account.
#[derive(Debug)]
pub(crate) struct Applicant {
    principal: Principal,
    address: IpAddr,
    idempotency_key: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Applicant {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Fault> {
        let key = parts.headers.get(IDEMPOTENCY_KEY);
        Ok(Self {
            principal: parts.extensions.get().cloned().ok_or(Fault::Internal)?,
            address: PeerAddress::of(parts).0,
            idempotency_key: key.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        })
    }
}

/// Make an account
///
/// Of all who ask for one name, one gets it. With an `Idempotency-Key`, the same request asked again within a day
/// is answered with the same account.
#[utoipa::path(
    post,
    path = "/v1/accounts",
    tag = "accounts",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text that names this request")),
    request_body = NewAccount,
    responses((status = CREATED, description = "The account", body = MadeAccount), AccountProblems)
)]
pub(super) async fn create_account(
    State(accounts): State<Option<AccountService>>,
    State(directory): State<AccountDirectory>,
    applicant: Applicant,
    JsonBody(new): JsonBody<NewAccount>,
) -> Result<(StatusCode, Json<MadeAccount>), Fault> {
    let Applicant { principal, address, idempotency_key } = applicant;
    let made_by = match (&principal, &accounts) {
        (Principal::Operator, _) => Maker::Operator,
        (Principal::Open | Principal::Account(_) | Principal::Anonymous, Some(_)) => Maker::Oneself,
        (Principal::Open | Principal::Account(_) | Principal::Anonymous, None) => {
            return Err(AccessError::AccountsOff.into());
        }
    };
    let NewAccount { username, password, display_name } = new;
    let sign_up =
        SignUp { username, password: Secret::new(password), display_name, idempotency_key, made_by };
    let id = match accounts.filter(|_| made_by == Maker::Oneself) {
        Some(accounts) => accounts.sign_up(sign_up, address).await?,
        None => directory.register(sign_up, || Ok(())).await?,
    };
    Ok((StatusCode::CREATED, Json(MadeAccount { id: id.to_string() })))
}
