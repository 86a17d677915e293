//! `/v1/sessions`: signing in, staying signed in, signing out.

use super::json_body::JsonBody;
use super::peer_address::PeerAddress;
use super::problem::{Fault, LoginProblems, OneselfProblems, RefreshProblems};
use crate::access::{AccessError, Principal};
use crate::accounts::{ACCESS_TIME, AccountService, Login, SignedIn};
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tiebreak_protocol::Secret;
use utoipa::ToSchema;

/// Who wants in: with name and password, as a new device, or with the key of a device that was in before.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Credentials {
    Password { username: String, password: String, device: NewDevice },
    DeviceKey { device_key: String },
}

/// A device to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDevice {
    /// What people call it: shown in the list of devices.
    name: String,
}

/// A token that was given out before.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    refresh_token: String,
}

/// A device that is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token is over.
    expires_in: u64,
    /// For the next access token: `POST /v1/sessions/refresh`. Each is used once.
    refresh_token: String,
    /// For a new device: with it, it signs in again without a password. Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_key: Option<String>,
    account: String,
    device: String,
}

impl From<SignedIn> for Session {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: ACCESS_TIME.as_secs(),
            refresh_token: signed_in.refresh_token.expose().to_owned(),
            device_key: signed_in.device_key.map(|key| key.expose().to_owned()),
            account: signed_in.account.to_string(),
            device: signed_in.device.to_string(),
        }
    }
}

/// Sign in
#[utoipa::path(
    post,
    path = "/v1/sessions",
    tag = "accounts",
    request_body = Credentials,
    responses((status = CREATED, description = "The device is signed in", body = Session), LoginProblems)
)]
pub(super) async fn login(
    State(accounts): State<Option<AccountService>>,
    PeerAddress(address): PeerAddress,
    JsonBody(credentials): JsonBody<Credentials>,
) -> Result<(StatusCode, Json<Session>), Fault> {
    let accounts = accounts.ok_or(AccessError::AccountsOff)?;
    let login = match credentials {
        Credentials::Password { username, password, device } => {
            Login::Password { username, password: Secret::new(password), device_name: device.name }
        }
        Credentials::DeviceKey { device_key } => Login::DeviceKey(Secret::new(device_key)),
    };
    let signed_in = accounts.login(login, address).await?;
    Ok((StatusCode::CREATED, Json(signed_in.into())))
}

/// Stay signed in
///
/// A refresh token for a new one, with a new access token. When the answer is lost, the old one may be sent again
/// until the new one has been used.
#[utoipa::path(
    post,
    path = "/v1/sessions/refresh",
    tag = "accounts",
    request_body = Refresh,
    responses((status = OK, description = "New tokens", body = Session), RefreshProblems)
)]
pub(super) async fn refresh(
    State(accounts): State<Option<AccountService>>,
    JsonBody(refresh): JsonBody<Refresh>,
) -> Result<Json<Session>, Fault> {
    let accounts = accounts.ok_or(AccessError::AccountsOff)?;
    let signed_in = accounts.refresh(&Secret::new(refresh.refresh_token)).await?;
    Ok(Json(signed_in.into()))
}

/// Sign out
///
/// The tokens and the key of this device end, and its connections with them.
#[utoipa::path(
    delete,
    path = "/v1/sessions/current",
    tag = "accounts",
    responses((status = NO_CONTENT, description = "The device is signed out"), OneselfProblems)
)]
pub(super) async fn logout(
    State(accounts): State<Option<AccountService>>,
    Extension(principal): Extension<Principal>,
) -> Result<StatusCode, Fault> {
    let accounts = accounts.ok_or(AccessError::AccountsOff)?;
    accounts.logout(principal.caller().ok_or(AccessError::AccountsOff)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
