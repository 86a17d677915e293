//! `GET /v1/documents`: one page of all documents.

use super::documents::Documents;
use super::problem::{Fault, ListProblems};
use super::request::{Parameters, document_id};
use super::time;
use crate::access::{AccessControl, Action, Caller, Principal, Standing, authorize};
use axum::Json;
use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};
use tiebreak_protocol::DocumentId;
use tiebreak_storage::{DocumentPage, DocumentSummary, PAGE_DOCUMENTS_MAX};
use utoipa::{IntoParams, ToSchema};

const PAGE_DOCUMENTS: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The `next` of the page before.
    after: Option<String>,
    /// Most documents on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
}

/// One page of documents, in the order of their ids.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentList {
    items: Vec<DocumentItem>,
    /// What to ask for as `after` to get the next page; null on the last one.
    next: Option<String>,
}

/// What is known of a document without opening it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentItem {
    id: String,
    /// The changes that nothing else depends on: two replicas with equal heads are equal.
    heads: Vec<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    /// Changes ever stored.
    changes: u64,
    /// Size as stored.
    bytes: u64,
    /// The entry fails its checksum, so the rest of it may be wrong; `tiebreak check` tells more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    damaged: bool,
}

/// One page of the documents that an account has a role on, and its credential reaches.
async fn own(
    documents: &Documents,
    access: &AccessControl,
    caller: &Caller,
    (after, limit): (Option<DocumentId>, usize),
) -> Result<DocumentPage, Fault> {
    let roles = access.documents_of(caller.account, after, limit).await?;
    let next = roles.last().map(|(document, _)| *document).filter(|_| roles.len() == limit);
    let mut page = DocumentPage { documents: Vec::new(), next };
    for (document, role) in roles {
        let standing = Standing { document, role: Some(role), exists: true };
        if authorize(&Principal::Account(caller.clone()), Action::ReadDocument, Some(&standing)).is_ok() {
            page.documents.extend(documents.summary(document).await?);
        }
    }
    Ok(page)
}

/// List documents
///
/// Those that the caller has a role on; where nobody is asked who they are, all.
#[utoipa::path(
    get,
    path = "/v1/documents",
    tag = "documents",
    params(Page),
    responses((status = OK, description = "A page of documents", body = DocumentList), ListProblems)
)]
pub(super) async fn list_documents(
    State(documents): State<Documents>,
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    Parameters(page): Parameters<Page>,
) -> Result<Json<DocumentList>, Fault> {
    let after = page.after.as_deref().map(document_id).transpose()?;
    let limit = page.limit.unwrap_or(PAGE_DOCUMENTS);
    if !(1..=PAGE_DOCUMENTS_MAX).contains(&limit) {
        return Err(Fault::InvalidParameter(format!("limit must be from 1 to {PAGE_DOCUMENTS_MAX}")));
    }
    let page = match principal.caller() {
        Some(caller) if !caller.scope.reaches_everything() => {
            own(&documents, &access, caller, (after, limit)).await?
        }
        _everything => documents.list(after, limit).await?,
    };
    let items = page.documents.into_iter().map(DocumentItem::from).collect();
    Ok(Json(DocumentList { items, next: page.next.map(|id| id.to_string()) }))
}

impl From<DocumentSummary> for DocumentItem {
    fn from(summary: DocumentSummary) -> Self {
        Self {
            id: summary.document.to_string(),
            heads: summary.heads.iter().map(ToString::to_string).collect(),
            created_at: time::from_milliseconds(summary.created_ms),
            updated_at: time::from_milliseconds(summary.updated_ms),
            changes: summary.changes,
            bytes: summary.bytes,
            damaged: summary.damaged,
        }
    }
}
