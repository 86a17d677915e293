//! `/v1/documents/{id}/invitations` and `/v1/invitations/redeem`: secrets that let others in.

use super::grants::role;
use super::json_body::JsonBody;
use super::problem::{Fault, GrantsProblems, InvitationProblems, RedeemProblems};
use super::request::DocumentPath;
use super::time;
use crate::access::{
    AccessControl, AccessError, INVITATION_TIME_MAX, INVITATION_USES_MAX, Invite, Principal,
};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tiebreak_protocol::KeyId;
use tiebreak_storage::accounts::Invitation;
use utoipa::ToSchema;

/// How long an invitation lives if nobody says: a week.
const LIVES_S: u64 = 7 * 24 * 3600;

/// Invitations to a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationList {
    items: Vec<InvitationItem>,
}

/// An invitation, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationItem {
    id: String,
    role: &'static str,
    created_by: String,
    created_at: Option<String>,
    expires_at: Option<String>,
    /// Accounts that it still lets in.
    uses_left: i64,
}

/// An invitation to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    /// What it gives: `viewer`, `editor` or `owner`.
    role: String,
    /// Seconds until it is over; a week if left out.
    #[schema(minimum = 1, maximum = 2_592_000)]
    expires_in: Option<u64>,
    /// Accounts that it lets in; one if left out.
    #[schema(minimum = 1, maximum = 1000)]
    uses: Option<u32>,
}

/// An invitation that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeInvitation {
    id: String,
    /// What to hand over. It is shown this once.
    secret: String,
    expires_at: Option<String>,
}

/// An invitation that is taken up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redeem {
    secret: String,
}

/// What one has now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Redeemed {
    document: String,
    role: &'static str,
}

impl From<Invitation> for InvitationItem {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id.to_string(),
            role: invitation.role.as_str(),
            created_by: invitation.created_by.to_string(),
            created_at: time::from_milliseconds(invitation.created_ms),
            expires_at: time::from_milliseconds(invitation.expires_ms),
            uses_left: invitation.uses_left,
        }
    }
}

/// List the invitations to a document
#[utoipa::path(
    get,
    path = "/v1/documents/{id}/invitations",
    tag = "sharing",
    params(("id" = String, Path, description = "The document's id")),
    responses((status = OK, description = "All invitations", body = InvitationList), GrantsProblems)
)]
pub(super) async fn list_invitations(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    DocumentPath(document): DocumentPath,
) -> Result<Json<InvitationList>, Fault> {
    let items =
        access.invitations(&principal, document).await?.into_iter().map(InvitationItem::from).collect();
    Ok(Json(InvitationList { items }))
}

/// Invite others to a document
#[utoipa::path(
    post,
    path = "/v1/documents/{id}/invitations",
    tag = "sharing",
    params(("id" = String, Path, description = "The document's id")),
    request_body = NewInvitation,
    responses((status = CREATED, description = "The invitation", body = MadeInvitation), InvitationProblems)
)]
pub(super) async fn create_invitation(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    DocumentPath(document): DocumentPath,
    JsonBody(new): JsonBody<NewInvitation>,
) -> Result<(StatusCode, Json<MadeInvitation>), Fault> {
    let lives = Duration::from_secs(new.expires_in.unwrap_or(LIVES_S));
    if lives.is_zero() || lives > INVITATION_TIME_MAX {
        let most = INVITATION_TIME_MAX.as_secs();
        return Err(Fault::InvalidParameter(format!("expires_in must be from 1 to {most}")));
    }
    let uses = new.uses.unwrap_or(1);
    if !(1..=INVITATION_USES_MAX).contains(&uses) {
        return Err(Fault::InvalidParameter(format!("uses must be from 1 to {INVITATION_USES_MAX}")));
    }
    let by = principal.caller().ok_or(AccessError::AccountsOff)?;
    let made = access.invite(by, Invite { document, role: role(&new.role)?, lives, uses }).await?;
    let expires_at = time::from_milliseconds(made.expires_ms);
    Ok((
        StatusCode::CREATED,
        Json(MadeInvitation { id: made.id.to_string(), secret: made.secret, expires_at }),
    ))
}

/// Take an invitation back
#[utoipa::path(
    delete,
    path = "/v1/documents/{id}/invitations/{invitation}",
    tag = "sharing",
    params(
        ("id" = String, Path, description = "The document's id"),
        ("invitation" = String, Path, description = "The invitation's id"),
    ),
    responses((status = NO_CONTENT, description = "It lets nobody in any more"), InvitationProblems)
)]
pub(super) async fn delete_invitation(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    DocumentPath(document): DocumentPath,
    Path((_document, id)): Path<(String, String)>,
) -> Result<StatusCode, Fault> {
    let id: KeyId = id.parse().map_err(|_| AccessError::InvitationNotFound)?;
    access.revoke_invitation(&principal, document, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take up an invitation
///
/// Who has a greater role already keeps it, and the invitation is not used up.
#[utoipa::path(
    post,
    path = "/v1/invitations/redeem",
    tag = "sharing",
    request_body = Redeem,
    responses((status = OK, description = "What this account has now", body = Redeemed), RedeemProblems)
)]
pub(super) async fn redeem(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    JsonBody(redeem): JsonBody<Redeem>,
) -> Result<Json<Redeemed>, Fault> {
    let caller = principal.caller().ok_or(AccessError::AccountsOff)?;
    let (document, role) = access.redeem(caller, &redeem.secret).await?;
    Ok(Json(Redeemed { document: document.to_string(), role: role.as_str() }))
}
