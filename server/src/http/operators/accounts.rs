//! `GET /v1/accounts` and `/v1/accounts/{account}`: everybody's accounts.

use super::{AccountPath, page_rows};
use crate::access::{AccessControl, Principal};
use crate::accounts::AccountDirectory;
use crate::http::account::delete_with_documents;
use crate::http::documents::Documents;
use crate::http::problem::{Fault, OperatorProblems};
use crate::http::request::Parameters;
use crate::http::time;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tiebreak_protocol::AccountId;
use tiebreak_storage::accounts::Account;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountsPage {
    /// The `next` of the page before.
    after: Option<String>,
    /// Most accounts on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
}

/// One page of accounts, in the order of their ids.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountList {
    items: Vec<ListedAccount>,
    /// What to ask for as `after` to get the next page; null on the last one.
    next: Option<String>,
}

/// An account, as operators see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedAccount {
    id: String,
    /// Null for services, and for people whom an identity provider vouches for.
    username: Option<String>,
    display_name: String,
    /// `person` or `service`.
    kind: &'static str,
    created_at: Option<String>,
    /// Null while it lives; then it has no names any more.
    ended_at: Option<String>,
}

impl From<Account> for ListedAccount {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.to_string(),
            username: account.username,
            display_name: account.display_name,
            kind: account.kind.as_str(),
            created_at: time::from_milliseconds(account.created_ms),
            ended_at: account.deleted_ms.and_then(time::from_milliseconds),
        }
    }
}

/// List all accounts
#[utoipa::path(
    get,
    path = "/v1/accounts",
    tag = "operations",
    params(AccountsPage),
    responses((status = OK, description = "A page of accounts", body = AccountList), OperatorProblems)
)]
pub(in crate::http) async fn list_accounts(
    State(access): State<AccessControl>,
    State(directory): State<AccountDirectory>,
    Extension(principal): Extension<Principal>,
    Parameters(page): Parameters<AccountsPage>,
) -> Result<Json<AccountList>, Fault> {
    access.accounts(&principal)?;
    let after = page.after.as_deref().map(str::parse::<AccountId>).transpose();
    let after = after.map_err(|error| Fault::InvalidParameter(format!("after: {error}")))?;
    let page = directory.page(after, page_rows(page.limit)?).await?;
    let items = page.accounts.into_iter().map(ListedAccount::from).collect();
    Ok(Json(AccountList { items, next: page.next.map(|id| id.to_string()) }))
}

/// See an account
#[utoipa::path(
    get,
    path = "/v1/accounts/{account}",
    tag = "operations",
    params(("account" = String, Path, description = "An account's id, or `@` and its name")),
    responses((status = OK, description = "The account", body = ListedAccount), OperatorProblems)
)]
pub(in crate::http) async fn show_other_account(AccountPath(account): AccountPath) -> Json<ListedAccount> {
    Json(account.into())
}

/// Delete an account
///
/// With the documents that nobody else has. While others use documents that only this account owns, it is refused:
/// give those another owner first.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{account}",
    tag = "operations",
    params(("account" = String, Path, description = "An account's id, or `@` and its name")),
    responses((status = NO_CONTENT, description = "It is gone"), OperatorProblems)
)]
pub(in crate::http) async fn delete_other_account(
    State(directory): State<AccountDirectory>,
    State(documents): State<Documents>,
    account: AccountPath,
) -> Result<StatusCode, Fault> {
    delete_with_documents(&directory, &documents, (account.live()?, None)).await?;
    Ok(StatusCode::NO_CONTENT)
}
