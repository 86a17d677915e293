//! Every error answer, as RFC 9457 problem details. The only place that knows HTTP status codes.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tiebreak_protocol::Refusal;

/// Seconds after which a caller may try again what the server could not do now.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("5");

/// One error, for a program (`code`) and for a person (`detail`).
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// Always `about:blank`: the code says it all.
    r#type: &'static str,
    title: &'static str,
    code: &'static str,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status, r#type: "about:blank", title, code, detail: detail.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::INSUFFICIENT_STORAGE {
            headers.insert(RETRY_AFTER, RETRY_AFTER_S);
        }
        response
    }
}

/// The answer for a refusal by the server's core.
pub(crate) fn refused(refusal: Refusal) -> Problem {
    Problem::new(status(refusal), refusal.code(), refusal.to_string())
}

fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::Busy
        | Refusal::StorageUnavailable
        | Refusal::ShuttingDown
        | Refusal::TooSlow
        | Refusal::HandshakeTimedOut => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::MessageTooLarge | Refusal::ChangeTooLarge | Refusal::DocumentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::RateExceeded | Refusal::TooManyDocuments => StatusCode::TOO_MANY_REQUESTS,
        Refusal::DocumentDeleted => StatusCode::GONE,
        Refusal::Equivocation => StatusCode::CONFLICT,
        Refusal::MalformedMessage
        | Refusal::UnsupportedVersion
        | Refusal::HandshakeExpected
        | Refusal::HandshakeRepeated => StatusCode::BAD_REQUEST,
        Refusal::MalformedChange
        | Refusal::NotAChange
        | Refusal::ChecksumMismatch
        | Refusal::TooManyOperations
        | Refusal::NotCanonical
        | Refusal::OperationCounterOutOfRange
        | Refusal::SequenceGap
        | Refusal::MissingDependencies
        | Refusal::UnknownActor
        | Refusal::UnknownObject
        | Refusal::DepthExceeded
        | Refusal::TooManyActors
        | Refusal::TooManyHeads
        | Refusal::Quarantined => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
