//! `GET /v1/audit`: one page of the audit log.

use super::page_rows;
use crate::access::{AccessControl, AccessError, Principal};
use crate::http::problem::{AuditProblems, Fault};
use crate::http::request::Parameters;
use crate::http::time;
use axum::Json;
use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};
use tiebreak_storage::audit::{AuditRow, to_hex};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditPage {
    /// The `next` of the page before, or the number of any row.
    after: Option<i64>,
    /// Most rows on the page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
}

/// One page of the audit log, in the order in which it was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditList {
    items: Vec<AuditItem>,
    /// What to ask for as `after` to get the next page; null on the last one.
    next: Option<i64>,
}

/// Somebody did something to something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditItem {
    /// Counted from 1, without gaps.
    seq: i64,
    at: Option<String>,
    /// Who: an account's id, or `operator`.
    actor: String,
    /// What, as in `grant.given`.
    action: String,
    /// To what: an id.
    subject: String,
    detail: String,
    /// The hash of the row before.
    previous: String,
    /// Covers this row and, through `previous`, all before it.
    hash: String,
}

impl From<AuditRow> for AuditItem {
    fn from(row: AuditRow) -> Self {
        Self {
            seq: row.seq,
            at: time::from_milliseconds(row.at_ms),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: row.detail,
            previous: to_hex(&row.previous),
            hash: to_hex(&row.hash),
        }
    }
}

/// Read the audit log
#[utoipa::path(
    get,
    path = "/v1/audit",
    tag = "operations",
    params(AuditPage),
    responses((status = OK, description = "A page of the log", body = AuditList), AuditProblems)
)]
pub(in crate::http) async fn read_audit(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    Parameters(page): Parameters<AuditPage>,
) -> Result<Json<AuditList>, Fault> {
    let (after, limit) = (page.after.unwrap_or_default(), page_rows(page.limit)?);
    let rows = access.accounts(&principal)?.audit_page(after, limit).await.map_err(AccessError::from)?;
    let next = rows.last().map(|last| last.seq).filter(|_| rows.len() == limit);
    Ok(Json(AuditList { items: rows.into_iter().map(AuditItem::from).collect(), next }))
}
