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
use tiebreak_storage::accounts::{AccountKind, ApiKey};
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
    /// Whether it reaches every document that there is. Only for service accounts, whose keys operators make.
    #[serde(default)]
    all_documents: bool,
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
    /// What it may do at most; null where that cannot be read, and then it opens nothing.
    role: Option<&'static str>,
    /// The documents it reaches; null for those of its account, or all.
    documents: Option<Vec<String>>,
    all_documents: bool,
    in_address: bool,
    created_at: Option<String>,
    expires_at: Option<String>,
    revoked_at: Option<String>,
}

impl From<ApiKey> for KeyItem {
    fn from(key: ApiKey) -> Self {
        let scope = Scope::of_stored(&key.scope);
        let documents = scope.as_ref().and_then(|scope| match scope.reach() {
            Reach::Only(documents) => Some(documents.iter().map(ToString::to_string).collect()),
            Reach::Account | Reach::Granted | Reach::All => None,
        });
        Self {
            id: key.id.to_string(),
            name: key.name,
            role: scope.as_ref().map(|scope| scope.role_max().as_str()),
            documents,
            all_documents: scope.as_ref().is_some_and(Scope::reaches_everything),
            in_address: scope.as_ref().is_some_and(Scope::may_stand_in_address),
            created_at: time::from_milliseconds(key.created_ms),
            expires_at: key.expires_ms.and_then(time::from_milliseconds),
            revoked_at: key.revoked_ms.and_then(time::from_milliseconds),
        }
    }
}

impl From<Vec<ApiKey>> for KeyList {
    fn from(keys: Vec<ApiKey>) -> Self {
        Self { items: keys.into_iter().map(KeyItem::from).collect() }
    }
}

impl From<(KeyId, String)> for MadeKey {
    fn from((id, secret): (KeyId, String)) -> Self {
        Self { id: id.to_string(), secret }
    }
}

impl KeyRequest {
    /// The key, for an account of this kind.
    pub(super) fn for_account(self, kind: AccountKind) -> Result<NewKey, Fault> {
        if self.expires_in.is_some_and(|seconds| !(1..=EXPIRES_IN_MAX).contains(&seconds)) {
            return Err(invalid(format!("expires_in must be from 1 to {EXPIRES_IN_MAX}")));
        }
        let (reach, role) = (self.reach(kind)?, role(&self.role)?);
        let scope = match (self.in_address, &reach) {
            (false, _) => Scope::of_key(reach, role),
            (true, Reach::Only(_)) => Scope::of_key(reach, role).for_addresses(),
            (true, Reach::Account | Reach::Granted | Reach::All) => {
                return Err(invalid("a key for addresses names its documents"));
            }
        };
        Ok(NewKey { name: self.name, scope, lives: self.expires_in.map(Duration::from_secs) })
    }

    fn reach(&self, kind: AccountKind) -> Result<Reach, Fault> {
        match (&self.documents, self.all_documents, kind) {
            (None, false, _) => Ok(Reach::Granted),
            (None, true, AccountKind::Service) => Ok(Reach::All),
            (None, true, AccountKind::Person) => {
                Err(invalid("all_documents is for keys of service accounts, which operators make"))
            }
            (Some(_), true, _) => Err(invalid("a key names its documents or reaches all, not both")),
            (Some(documents), false, _) if documents.len() > DOCUMENTS_MAX => {
                Err(invalid(format!("a key names at most {DOCUMENTS_MAX} documents")))
            }
            (Some(documents), false, _) => {
                Ok(Reach::Only(documents.iter().map(|id| document_id(id)).collect::<Result<_, _>>()?))
            }
        }
    }
}

fn invalid(why: impl Into<String>) -> Fault {
    Fault::InvalidParameter(why.into())
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
    // Who manages itself is a person: a service has keys only.
    let key = request.for_account(AccountKind::Person)?;
    let made = access.create_key(&principal, caller.account, key).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
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
    Ok(Json(access.keys(&principal, caller.account).await?.into()))
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
    access.revoke_key(&principal, caller.account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
