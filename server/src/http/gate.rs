//! In front of every address: who asks, what that means, and whether it may be. An address without a rule is not
//! served.

use super::problem::Fault;
use super::request::document_id;
use crate::access::{self, AccessControl, Denial, Principal, Standing, Target};
use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use tiebreak_protocol::Refusal;
use tokio::time::timeout;

/// What is read of a body that nobody will look at.
const DRAIN_BYTES_MAX: usize = 64 * 1024;
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);

/// Lets a request through to its handler, with its [`Principal`] among its extensions.
pub(super) async fn gate(State(access): State<AccessControl>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match admit(&access, &parts).await {
        Ok(principal) => {
            parts.extensions.insert(principal);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(fault) => {
            // A connection closed with unread bytes in it is reset, and may take the answer with it.
            timeout(DRAIN_TIME_MAX, to_bytes(body, DRAIN_BYTES_MAX)).await.ok();
            fault.into_response()
        }
    }
}

async fn admit(access: &AccessControl, request: &Parts) -> Result<Principal, Fault> {
    let path = request.extensions.get::<MatchedPath>().ok_or(Fault::NotFound)?;
    let Some(rule) = access::rule_of(request.method.as_str(), path.as_str()) else {
        let is_known = access::knows(path.as_str());
        return Err(if is_known { Fault::MethodNotAllowed } else { Fault::NotFound });
    };
    let principal = access.principal(&request.headers, &request.uri, rule.action).await?;
    let standing = match rule.target {
        Target::Oneself => None,
        Target::Document => Some(standing(access, &principal, request.uri.path()).await?),
    };
    match access::authorize(&principal, rule.action, standing.as_ref()) {
        Ok(()) => Ok(principal),
        Err(Denial::SignIn) => Err(Refusal::Unauthorized.into()),
        Err(Denial::NotThere) => Err(Fault::DocumentNotFound),
        Err(Denial::NotAllowed) => Err(Refusal::AccessDenied.into()),
    }
}

/// How who asks stands to the document that an address names.
async fn standing(access: &AccessControl, principal: &Principal, path: &str) -> Result<Standing, Fault> {
    // /v1/documents/{id}[/…]: ids are plain text, so nothing in them is escaped.
    let id = path.split('/').nth(3).ok_or(Fault::InvalidDocumentId)?;
    Ok(access.standing(principal, document_id(id)?).await?)
}
