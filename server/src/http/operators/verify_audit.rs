//! `GET /v1/audit/verify`: whether the audit log is as it was written.

use crate::access::{AccessControl, AccessError, Principal};
use crate::http::problem::{AuditProblems, Fault};
use crate::http::request::Parameters;
use crate::http::time;
use axum::Json;
use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};
use tiebreak_storage::accounts::{AuditEnd, AuditVerdict};
use tiebreak_storage::audit::{from_hex, to_hex};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotedHead {
    /// A `head` that was answered earlier, and must still be in the log.
    head: Option<String>,
}

/// What the rows of the log are worth.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditState {
    /// Nothing was changed, moved or taken out; at the end only, if a `head` was given.
    whole: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    /// The row at which the chain breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_at: Option<i64>,
    #[serde(flatten)]
    end: Option<AuditTail>,
}

/// The end of a log whose rows follow each other.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditTail {
    rows: u64,
    /// The hash of the last row: noted elsewhere, it tells later whether rows were cut off.
    head: String,
    head_at: Option<String>,
}

impl From<AuditEnd> for AuditTail {
    fn from(end: AuditEnd) -> Self {
        let head_at = end.at_ms.and_then(time::from_milliseconds);
        Self { rows: end.rows, head: to_hex(&end.head), head_at }
    }
}

impl From<AuditVerdict> for AuditState {
    fn from(verdict: AuditVerdict) -> Self {
        match verdict {
            AuditVerdict::Verified(end) => {
                Self { whole: true, why: None, broken_at: None, end: Some(end.into()) }
            }
            AuditVerdict::Broken { seq, why } => {
                Self { whole: false, why: Some(why), broken_at: Some(seq), end: None }
            }
            AuditVerdict::CutOff(end) => Self {
                whole: false,
                why: Some("the head that was noted is not in the log: rows were cut off at its end"),
                broken_at: None,
                end: Some(end.into()),
            },
        }
    }
}

/// Verify the audit log
///
/// From the first row to the last.
#[utoipa::path(
    get,
    path = "/v1/audit/verify",
    tag = "operations",
    params(NotedHead),
    responses((status = OK, description = "Whether it is whole", body = AuditState), AuditProblems)
)]
pub(in crate::http) async fn verify_audit(
    State(access): State<AccessControl>,
    Extension(principal): Extension<Principal>,
    Parameters(noted): Parameters<NotedHead>,
) -> Result<Json<AuditState>, Fault> {
    let store = access.accounts(&principal)?;
    let verdict = match noted.head.as_deref() {
        None => store.verify_audit(|_rows| {}).await,
        Some(head) => {
            let invalid = || Fault::InvalidParameter("head is 64 hexadecimal digits".to_owned());
            store.verify_audit_since(from_hex(head).ok_or_else(invalid)?, |_rows| {}).await
        }
    };
    Ok(Json(verdict.map_err(AccessError::from)?.into()))
}
