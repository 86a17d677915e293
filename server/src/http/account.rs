//! `/v1/account`: what an account does with itself.

use super::documents::Documents;
use super::json_body::JsonBody;
use super::peer_address::PeerAddress;
use super::problem::{AccountProblems, Fault, OneselfProblems};
use super::time;
use crate::access::{AccessControl, AccessError, Caller, Principal};
use crate::accounts::{AccountDirectory, AccountService, TICKET_TIME};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tiebreak_protocol::{AccountId, DeviceId, Secret};
use tiebreak_storage::accounts::Device;
use utoipa::ToSchema;

/// Documents of one account that are listed at once.
const PAGE_DOCUMENTS: usize = 1000;

/// An account, as it sees itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountItem {
    id: String,
    username: Option<String>,
    display_name: String,
    created_at: Option<String>,
    /// The device that asks; null for a key.
    device: Option<String>,
}

/// What may be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChange {
    display_name: String,
}

/// A password for another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    old: String,
    new: String,
}

/// All devices of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceList {
    items: Vec<DeviceItem>,
}

/// One device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceItem {
    id: String,
    name: String,
    created_at: Option<String>,
    /// When it last signed in or got a new token.
    seen_at: Option<String>,
    /// Null while it is signed in.
    ended_at: Option<String>,
}

/// Everything that is kept of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Export {
    account: AccountItem,
    devices: Vec<DeviceItem>,
    /// The documents it has a role on; their content is at `/v1/documents/{id}`.
    documents: Vec<ExportedDocument>,
}

/// A document of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportedDocument {
    id: String,
    role: &'static str,
}

/// A ticket.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ticket {
    /// To be put behind the address of the WebSocket, as `?ticket=…`. It holds once.
    ticket: String,
    /// Seconds until it is over.
    expires_in: u64,
}

impl From<Vec<Device>> for DeviceList {
    fn from(devices: Vec<Device>) -> Self {
        Self { items: devices.into_iter().map(DeviceItem::from).collect() }
    }
}

impl From<Device> for DeviceItem {
    fn from(device: Device) -> Self {
        Self {
            id: device.id.to_string(),
            name: device.name,
            created_at: time::from_milliseconds(device.created_ms),
            seen_at: time::from_milliseconds(device.seen_ms),
            ended_at: device.revoked_ms.and_then(time::from_milliseconds),
        }
    }
}

/// The account that asks, and where it is kept.
fn oneself(
    accounts: Option<AccountService>,
    principal: &Principal,
) -> Result<(AccountService, &Caller), Fault> {
    Ok((accounts.ok_or(AccessError::AccountsOff)?, principal.caller().ok_or(AccessError::AccountsOff)?))
}

async fn item(accounts: &AccountDirectory, caller: &Caller) -> Result<AccountItem, Fault> {
    let account = accounts.account(caller.account).await?;
    Ok(AccountItem {
        id: account.id.to_string(),
        username: account.username,
        display_name: account.display_name,
        created_at: time::from_milliseconds(account.created_ms),
        device: caller.device.map(|device| device.to_string()),
    })
}

/// See one's own account
#[utoipa::path(
    get,
    path = "/v1/account",
    tag = "accounts",
    responses((status = OK, description = "The account", body = AccountItem), OneselfProblems)
)]
pub(super) async fn show_account(
    State(accounts): State<Option<AccountService>>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<AccountItem>, Fault> {
    let (accounts, caller) = oneself(accounts, &principal)?;
    Ok(Json(item(accounts.directory(), caller).await?))
}

/// Change one's own account
#[utoipa::path(
    patch,
    path = "/v1/account",
    tag = "accounts",
    request_body = AccountChange,
    responses((status = NO_CONTENT, description = "It is changed"), AccountProblems)
)]
pub(super) async fn change_account(
    State(accounts): State<Option<AccountService>>,
    Extension(principal): Extension<Principal>,
    JsonBody(change): JsonBody<AccountChange>,
) -> Result<StatusCode, Fault> {
    let (accounts, caller) = oneself(accounts, &principal)?;
    accounts.directory().rename(caller.account, &change.display_name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change one's own password
///
/// All other devices are signed out.
#[utoipa::path(
    put,
    path = "/v1/account/password",
    tag = "accounts",
    request_body = PasswordChange,
    responses((status = NO_CONTENT, description = "It is changed"), AccountProblems)
)]
pub(super) async fn change_password(
    State(accounts): State<Option<AccountService>>,
    Extension(principal): Extension<Principal>,
    PeerAddress(address): PeerAddress,
    JsonBody(change): JsonBody<PasswordChange>,
) -> Result<StatusCode, Fault> {
    let (accounts, caller) = oneself(accounts, &principal)?;
    let (old, new) = (Secret::new(change.old), Secret::new(change.new));
    accounts.change_password(caller, (&old, &new), address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete one's own account
///
/// With the documents that nobody else has. While others use documents that only this account owns, it is refused:
/// give those another owner first.
#[utoipa::path(
    delete,
    path = "/v1/account",
    tag = "accounts",
    responses((status = NO_CONTENT, description = "It is gone"), AccountProblems)
)]
pub(super) async fn delete_account(
    State(accounts): State<Option<AccountService>>,
    State(documents): State<Documents>,
    Extension(principal): Extension<Principal>,
) -> Result<StatusCode, Fault> {
    let (accounts, caller) = oneself(accounts, &principal)?;
    delete_with_documents(accounts.directory(), &documents, (caller.account, Some(caller.account))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes an account with the documents that nobody else has. `by` is who does it, or `None` for the operator.
pub(super) async fn delete_with_documents(
    accounts: &AccountDirectory,
    documents: &Documents,
    (account, by): (AccountId, Option<AccountId>),
) -> Result<(), Fault> {
    for document in accounts.delete(account, by).await? {
        if documents.erase(document).await.is_err() {
            // The account is gone; what is left of it goes with the next look at what is abandoned.
            break;
        }
    }
    Ok(())
}

/// Take one's own data along
#[utoipa::path(
    get,
    path = "/v1/account/export",
    tag = "accounts",
    responses((status = OK, description = "All that is kept of the account", body = Export), OneselfProblems)
)]
pub(super) async fn export_account(
    State(accounts): State<Option<AccountService>>,
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Export>, Fault> {
    let (accounts, caller) = oneself(accounts, &principal)?;
    let devices =
        accounts.directory().devices(caller.account).await?.into_iter().map(DeviceItem::from).collect();
    let mut documents: Vec<ExportedDocument> = Vec::new();
    let mut after = None;
    loop {
        let page = access.documents_of(caller.account, after, PAGE_DOCUMENTS).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        documents.extend(
            page.iter().map(|(id, role)| ExportedDocument { id: id.to_string(), role: role.as_str() }),
        );
    }
    Ok(Json(Export { account: item(accounts.directory(), caller).await?, devices, documents }))
}

/// List one's own devices
#[utoipa::path(
    get,
    path = "/v1/devices",
    tag = "accounts",
    responses((status = OK, description = "All devices, last seen first", body = DeviceList), OneselfProblems)
)]
pub(super) async fn list_devices(
    State(accounts): State<Option<AccountService>>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<DeviceList>, Fault> {
    let (accounts, caller) = oneself(accounts, &principal)?;
    Ok(Json(accounts.directory().devices(caller.account).await?.into()))
}

/// Sign one's own device out, wherever it is
#[utoipa::path(
    delete,
    path = "/v1/devices/{id}",
    tag = "accounts",
    params(("id" = String, Path, description = "The device's id")),
    responses((status = NO_CONTENT, description = "It is signed out, and its connections are closed"), OneselfProblems)
)]
pub(super) async fn revoke_device(
    State(accounts): State<Option<AccountService>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<StatusCode, Fault> {
    let (accounts, caller) = oneself(accounts, &principal)?;
    let id: DeviceId =
        id.parse().map_err(|_| Fault::Account(crate::accounts::AccountError::DeviceNotFound))?;
    accounts.directory().revoke_device(caller.account, id, Some(caller.account)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get a ticket for a WebSocket
///
/// For browsers, which can put no header on one.
#[utoipa::path(
    post,
    path = "/v1/tickets",
    tag = "accounts",
    responses((status = CREATED, description = "The ticket", body = Ticket), OneselfProblems)
)]
pub(super) async fn create_ticket(
    State(accounts): State<Option<AccountService>>,
    Extension(principal): Extension<Principal>,
) -> Result<(StatusCode, Json<Ticket>), Fault> {
    let (accounts, caller) = oneself(accounts, &principal)?;
    let ticket = accounts.ticket(caller)?.expose().to_owned();
    Ok((StatusCode::CREATED, Json(Ticket { ticket, expires_in: TICKET_TIME.as_secs() })))
}
