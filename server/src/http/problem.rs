//! Every error answer, as RFC 9457 problem details.

mod codes;
mod sets;

pub(super) use sets::*;

use crate::access::AccessError;
use crate::accounts::AccountError;
use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tiebreak_document::SettleError;
use tiebreak_protocol::Refusal;
use utoipa::ToSchema;

const MEDIA_TYPE: &str = "application/problem+json";

/// Seconds after which a caller may try again what the server could not do now.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("5");

/// Why a request was not answered as the caller wished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there is nothing at this address; /v1/openapi.json lists what there is")]
    NotFound,
    #[error(
        "the server was built without the page of the demo; `make build` builds both, from a checkout with Node"
    )]
    DemoNotBuilt,
    #[error(
        "pages of this origin may not connect; the operator can let them in with `tiebreak serve --allow-origin`"
    )]
    OriginNotAllowed,
    #[error(
        "the server is not known by this Host; the operator can let it in with `tiebreak serve --allow-host`"
    )]
    HostNotAllowed,
    #[error("this address does not take this method; the Allow header lists those it takes")]
    MethodNotAllowed,
    #[error("the body must have one of these content types: {0}")]
    UnsupportedMediaType(&'static str),
    #[error("this address answers with one of these content types: {0}")]
    NotAcceptable(&'static str),
    #[error("the JSON in the body is not accepted: {0}")]
    MalformedJson(String),
    #[error("the file in the body is not accepted: {0}")]
    MalformedFile(String),
    #[error("the file in the body unfolds to more than the limits allow")]
    FileTooLarge,
    #[error("the file in the body holds no change; a document needs at least one")]
    EmptyFile,
    #[error("the body could not be read: {0}")]
    UnreadableBody(String),
    #[error("the body is larger than the limit")]
    BodyTooLarge,
    #[error("a parameter is not accepted: {0}")]
    InvalidParameter(String),
    #[error("a document id is 16 bytes in base58check, as in 4NMNnkMhL8jXrdJ9jamS58PAVdXu")]
    InvalidDocumentId,
    #[error("a condition is `*` or a list of entity tags in double quotes")]
    MalformedCondition,
    #[error("there is no such document, or this account may not see it")]
    DocumentNotFound,
    #[error("there is no kind of this name; /v1/kinds lists those that there are")]
    KindNotFound,
    #[error("there is no such conflict, or this account may not see its document")]
    ConflictNotFound,
    #[error("the conflict is closed; what stands in the document now can be edited like anything else")]
    ConflictClosed,
    #[error("the conflict has changed since; read it again and decide anew")]
    ConflictChanged,
    #[error(
        "this account has as many event streams open as it may; close one, or listen to one for all pages"
    )]
    TooManyEventStreams,
    #[error(transparent)]
    Unsettled(SettleError),
    #[error("a document with this id exists already; leave the id out, or import an Automerge file into it")]
    DocumentExists,
    #[error("what you go by has changed meanwhile; read it again and decide anew")]
    PreconditionFailed,
    #[error("this address speaks WebSocket: connect to it with ws://")]
    UpgradeRequired,
    #[error("the body of the request did not arrive in time")]
    RequestTimedOut,
    #[error("the server did not answer in time; what was asked for may still happen")]
    AnswerTimedOut,
    #[error("the server made a mistake; its log tells more")]
    Internal,
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Access(AccessError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Every change was refused, for this reason first; each has been counted by itself.
    #[error("{0}")]
    NothingTaken(Refusal),
}

/// One error, for a program (`code`) and for a person (`detail`).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the code says it all.
    r#type: &'static str,
    /// The name of the HTTP status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, in a word that does not change between versions.
    code: &'static str,
    /// What went wrong, and what to do about it, in a sentence.
    detail: String,
}

impl From<AccessError> for Fault {
    /// What an account or the core says is told the same way, whoever passes it on.
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Account(error) => Self::Account(error),
            AccessError::Refused(refusal) => Self::Refused(refusal),
            AccessError::DocumentNotFound => Self::DocumentNotFound,
            AccessError::AccountsOff
            | AccessError::AccountNotFound
            | AccessError::LastOwner
            | AccessError::GrantNotFound
            | AccessError::KeyNotFound
            | AccessError::TooManyKeys
            | AccessError::InvitationNotFound
            | AccessError::InvitationInvalid => Self::Access(error),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        let title = status.canonical_reason().unwrap_or("Error");
        let problem =
            Problem { r#type: "about:blank", title, status: status.as_u16(), code, detail: self.to_string() };
        let mut response = (status, Json(problem)).into_response();
        if !matches!(self, Self::NothingTaken(_)) {
            response.extensions_mut().insert(Code(code));
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::INSUFFICIENT_STORAGE {
            headers.insert(RETRY_AFTER, RETRY_AFTER_S);
        }
        if let Self::Account(AccountError::TooManyAttempts(wait)) = &self {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Marks an answer whose refusal has not been counted yet.
#[derive(Debug, Clone, Copy)]
struct Code(&'static str);

/// The code of a refusal that has not been counted yet.
pub(super) fn code_of(response: &Response) -> Option<&'static str> {
    response.extensions().get::<Code>().map(|Code(code)| *code)
}

/// The answer for a refusal by the server's core.
pub(crate) fn refused(refusal: Refusal) -> Fault {
    Fault::Refused(refusal)
}
