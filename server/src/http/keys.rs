//! `/v1/keys`: credentials for programs, each with no more rights than it needs.

use super::grants::role;
use super::json_body::JsonBody;
use super::problem::{Fault, KeyProblems};
use super::request::document_id;
use super::time;
use crate::access::{AccessControl, AccessError, DOCUMENTS_MAX, NewKey, Principal, Reach, Scope};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tiebreak_protocol::KeyId;
use tiebreak_storage::accounts::ApiKey;
use utoipa::ToSchema;

/// Longest life of a key that ends at all: ten years.
const EXPIRES_IN_MAX: u64 = 10 * 365 * 24 * 3600;

/// A key to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRequest {
    /// What people call it.
    name: String,
    /// What it may do at most, on any document: `viewer`, `editor` or `owner`.
    role: String,
    /// The documents it reaches; all of its account if left out.
    documents: Option<Vec<String>>,
    /// Seconds until it is over; never if left out.
    expires_in: Option<u64>,
    /// Whether it may stand in the address of a WebSocket, where others may read it. Only with `documents`.
    #[serde(default)]
    in_address: bool,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKey {
    id: String,
    /// To be sent as `Authorization: Bearer …`. It is shown this once.
    secret: String,
}

/// The keys of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    items: Vec<KeyItem>,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyItem {
    id: String,
    name: String,
    created_at: Option<String>,
    expires_at: Option<String>,
    revoked_at: Option<String>,
}

impl From<ApiKey> for KeyItem {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name,
            created_at: time::from_milliseconds(key.created_ms),
            expires_at: key.expires_ms.and_then(time::from_milliseconds),
            revoked_at: key.revoked_ms.and_then(time::from_milliseconds),
        }
    }
}

impl KeyRequest {
    fn scope(&self) -> Result<Scope, Fault> {
        let role = role(&self.role)?;
        let Some(documents) = &self.documents else {
            if self.in_address {
                return Err(Fault::InvalidParameter("a key for addresses names its documents".to_owned()));
            }
            return Ok(Scope::of_key(Reach::Granted, role));
        };
        if documents.len() > DOCUMENTS_MAX {
            return Err(Fault::InvalidParameter(format!("a key names at most {DOCUMENTS_MAX} documents")));
        }
        let documents = documents.iter().map(|id| document_id(id)).collect::<Result<_, _>>()?;
        let scope = Scope::of_key(Reach::Only(documents), role);
        Ok(if self.in_address { scope.for_addresses() } else { scope })
    }
}

/// Make a key for a program
#[utoipa::path(
    post,
    path = "/v1/keys",
    tag = "accounts",
    request_body = KeyRequest,
    responses((status = CREATED, description = "The key", body = MadeKey), KeyProblems)
)]
pub(super) async fn create_key(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    JsonBody(request): JsonBody<KeyRequest>,
) -> Result<(StatusCode, Json<MadeKey>), Fault> {
    let caller = principal.caller().ok_or(AccessError::AccountsOff)?;
    if request.expires_in.is_some_and(|seconds| !(1..=EXPIRES_IN_MAX).contains(&seconds)) {
        return Err(Fault::InvalidParameter(format!("expires_in must be from 1 to {EXPIRES_IN_MAX}")));
    }
    let scope = request.scope()?;
    let lives = request.expires_in.map(Duration::from_secs);
    let (id, secret) = access.create_key(caller, NewKey { name: request.name, scope, lives }).await?;
    Ok((StatusCode::CREATED, Json(MadeKey { id: id.to_string(), secret })))
}

/// List one's own keys
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "accounts",
    responses((status = OK, description = "All keys", body = KeyList), KeyProblems)
)]
pub(super) async fn list_keys(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<KeyList>, Fault> {
    let caller = principal.caller().ok_or(AccessError::AccountsOff)?;
    let items = access.keys(caller).await?.into_iter().map(KeyItem::from).collect();
    Ok(Json(KeyList { items }))
}

/// Take a key back
///
/// Connections that came with a key end, and those whose key still holds come back.
#[utoipa::path(
    delete,
    path = "/v1/keys/{id}",
    tag = "accounts",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = NO_CONTENT, description = "It opens nothing any more"), KeyProblems)
)]
pub(super) async fn delete_key(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    let caller = principal.caller().ok_or(AccessError::AccountsOff)?;
    let id: KeyId = id.parse().map_err(|_| AccessError::KeyNotFound)?;
    access.revoke_key(caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
