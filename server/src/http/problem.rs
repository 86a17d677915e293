//! Every error answer, as RFC 9457 problem details. The only place that knows the HTTP status codes of errors.

use crate::accounts::AccountError;
use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tiebreak_protocol::Refusal;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response};
use utoipa::{IntoResponses, ToSchema};

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
    #[error("the document would be left without an owner; make another account its owner first")]
    LastOwner,
    #[error("there is no such account")]
    AccountNotFound,
    #[error("the account has no role on this document")]
    GrantNotFound,
    #[error("this account has no such key")]
    KeyNotFound,
    #[error("this account has as many keys as it may; revoke one first")]
    TooManyKeys,
    #[error("there is no such invitation")]
    InvitationNotFound,
    #[error("the invitation is over, used up or was taken back; ask for another")]
    InvitationInvalid,
    #[error(
        "this server has no accounts; the operator can switch them on with `tiebreak serve --auth accounts`"
    )]
    AccountsOff,
    #[error("a document with this id exists already; leave the id out, or import an Automerge file into it")]
    DocumentExists,
    #[error("the document has changed; read it again and decide anew")]
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
    Refused(#[from] Refusal),
    /// Every change was refused, for this reason first; each has been counted by itself.
    #[error("{0}")]
    NothingTaken(Refusal),
}

impl Fault {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::DemoNotBuilt => (StatusCode::NOT_FOUND, "demo_not_built"),
            Self::OriginNotAllowed => (StatusCode::FORBIDDEN, "origin_not_allowed"),
            Self::HostNotAllowed => (StatusCode::FORBIDDEN, "host_not_allowed"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::UnsupportedMediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::NotAcceptable(_) => (StatusCode::NOT_ACCEPTABLE, "not_acceptable"),
            Self::MalformedJson(_) => (StatusCode::BAD_REQUEST, "malformed_json"),
            Self::MalformedFile(_) => (StatusCode::UNPROCESSABLE_ENTITY, "malformed_file"),
            Self::FileTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"),
            Self::EmptyFile => (StatusCode::UNPROCESSABLE_ENTITY, "empty_file"),
            Self::UnreadableBody(_) => (StatusCode::BAD_REQUEST, "unreadable_body"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::InvalidParameter(_) => (StatusCode::BAD_REQUEST, "invalid_parameter"),
            Self::InvalidDocumentId => (StatusCode::BAD_REQUEST, "invalid_document_id"),
            Self::MalformedCondition => (StatusCode::BAD_REQUEST, "malformed_condition"),
            Self::DocumentNotFound => (StatusCode::NOT_FOUND, "document_not_found"),
            Self::LastOwner => (StatusCode::CONFLICT, "last_owner"),
            Self::AccountNotFound => (StatusCode::NOT_FOUND, "account_not_found"),
            Self::GrantNotFound => (StatusCode::NOT_FOUND, "grant_not_found"),
            Self::KeyNotFound => (StatusCode::NOT_FOUND, "key_not_found"),
            Self::TooManyKeys => (StatusCode::CONFLICT, "too_many_keys"),
            Self::InvitationNotFound => (StatusCode::NOT_FOUND, "invitation_not_found"),
            Self::InvitationInvalid => (StatusCode::GONE, "invitation_invalid"),
            Self::AccountsOff => (StatusCode::NOT_FOUND, "accounts_off"),
            Self::DocumentExists => (StatusCode::CONFLICT, "document_exists"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "precondition_failed"),
            Self::UpgradeRequired => (StatusCode::UPGRADE_REQUIRED, "upgrade_required"),
            Self::RequestTimedOut => (StatusCode::REQUEST_TIMEOUT, "request_timed_out"),
            Self::AnswerTimedOut => (StatusCode::GATEWAY_TIMEOUT, "answer_timed_out"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Account(error) => of_account(error),
            Self::Refused(refusal) | Self::NothingTaken(refusal) => (status(*refusal), refusal.code()),
        }
    }
}

fn of_account(error: &AccountError) -> (StatusCode, &'static str) {
    match error {
        AccountError::NameTaken => (StatusCode::CONFLICT, "username_taken"),
        AccountError::InvalidUsername(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_username"),
        AccountError::InvalidPassword(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_password"),
        AccountError::InvalidText(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_name"),
        AccountError::InvalidCredentials => (StatusCode::UNAUTHORIZED, "invalid_credentials"),
        AccountError::SessionOver => (StatusCode::UNAUTHORIZED, "session_over"),
        AccountError::TooManyAttempts(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
        AccountError::InvalidIdempotencyKey => (StatusCode::BAD_REQUEST, "invalid_idempotency_key"),
        AccountError::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
        AccountError::SoleOwner(_) => (StatusCode::CONFLICT, "sole_owner"),
        AccountError::DeviceNotFound => (StatusCode::NOT_FOUND, "device_not_found"),
        AccountError::Refused(refusal) => (status(*refusal), refusal.code()),
        AccountError::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
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

fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::Busy
        | Refusal::StorageUnavailable
        | Refusal::ShuttingDown
        | Refusal::TooSlow
        | Refusal::HandshakeTimedOut => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::MessageTooLarge | Refusal::ChangeTooLarge | Refusal::DocumentTooLarge => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        Refusal::Unauthorized | Refusal::TokenExpired | Refusal::SignedOut => StatusCode::UNAUTHORIZED,
        Refusal::AccessDenied | Refusal::ReadOnly | Refusal::ActorTaken => StatusCode::FORBIDDEN,
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
        | Refusal::UnknownOperation
        | Refusal::DepthExceeded
        | Refusal::TooManyActors
        | Refusal::TooManyHeads
        | Refusal::Quarantined => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// What may go wrong at every address, before it is looked at.
const EVERYWHERE: &[Fault] = &[Fault::OriginNotAllowed, Fault::HostNotAllowed];

/// What may go wrong wherever the core is asked.
const CORE: &[Fault] = &[
    Fault::Internal,
    Fault::AnswerTimedOut,
    Fault::Refused(Refusal::Busy),
    Fault::Refused(Refusal::StorageUnavailable),
    Fault::Refused(Refusal::ShuttingDown),
];

const DOCUMENT: &[Fault] =
    &[Fault::InvalidDocumentId, Fault::DocumentNotFound, Fault::Refused(Refusal::DocumentDeleted)];

/// What the gate may say in front of a document.
const GATE: &[Fault] = &[
    Fault::Refused(Refusal::Unauthorized),
    Fault::Refused(Refusal::TokenExpired),
    Fault::Refused(Refusal::SignedOut),
    Fault::Refused(Refusal::AccessDenied),
];

const JSON: &[Fault] = &[
    Fault::UnsupportedMediaType(""),
    Fault::MalformedJson(String::new()),
    Fault::UnreadableBody(String::new()),
    Fault::BodyTooLarge,
    Fault::InvalidParameter(String::new()),
    Fault::Refused(Refusal::StorageFull),
];

const LOGIN: &[Fault] = &[
    Fault::AccountsOff,
    Fault::Account(AccountError::InvalidCredentials),
    Fault::Account(AccountError::TooManyAttempts(Duration::ZERO)),
    Fault::Account(AccountError::InvalidText("")),
];

const ACCOUNT: &[Fault] = &[
    Fault::AccountsOff,
    Fault::Account(AccountError::NameTaken),
    Fault::Account(AccountError::InvalidText("")),
    Fault::Account(AccountError::InvalidCredentials),
    Fault::Account(AccountError::SessionOver),
    Fault::Account(AccountError::TooManyAttempts(Duration::ZERO)),
    Fault::Account(AccountError::InvalidIdempotencyKey),
    Fault::Account(AccountError::IdempotencyKeyReused),
    Fault::Account(AccountError::SoleOwner(Vec::new())),
];

const SHARING: &[Fault] =
    &[Fault::AccountsOff, Fault::LastOwner, Fault::AccountNotFound, Fault::GrantNotFound];

const CONDITION: &[Fault] = &[Fault::MalformedCondition, Fault::PreconditionFailed];

/// What the gatekeeper and the document's history may say of a change.
const CHANGE: &[Fault] = &[
    Fault::Refused(Refusal::MalformedChange),
    Fault::Refused(Refusal::NotAChange),
    Fault::Refused(Refusal::ChecksumMismatch),
    Fault::Refused(Refusal::ChangeTooLarge),
    Fault::Refused(Refusal::TooManyOperations),
    Fault::Refused(Refusal::NotCanonical),
    Fault::Refused(Refusal::OperationCounterOutOfRange),
    Fault::Refused(Refusal::SequenceGap),
    Fault::Refused(Refusal::Equivocation),
    Fault::Refused(Refusal::MissingDependencies),
    Fault::Refused(Refusal::UnknownActor),
    Fault::Refused(Refusal::UnknownObject),
    Fault::Refused(Refusal::UnknownOperation),
    Fault::Refused(Refusal::DepthExceeded),
    Fault::Refused(Refusal::TooManyActors),
    Fault::Refused(Refusal::TooManyHeads),
    Fault::Refused(Refusal::DocumentTooLarge),
    Fault::Refused(Refusal::Quarantined),
];

const FILE: &[Fault] = &[
    Fault::RequestTimedOut,
    Fault::MalformedFile(String::new()),
    Fault::FileTooLarge,
    Fault::UnsupportedMediaType(""),
    Fault::UnreadableBody(String::new()),
    Fault::BodyTooLarge,
    Fault::Refused(Refusal::StorageFull),
];

const NEW: &[Fault] = &[
    Fault::MalformedJson(String::new()),
    Fault::EmptyFile,
    Fault::InvalidDocumentId,
    Fault::DocumentExists,
    Fault::InvalidParameter(String::new()),
    Fault::Refused(Refusal::DocumentDeleted),
];

macro_rules! problem_sets {
    ($($name:ident = $($faults:expr),+;)+) => {
        $(pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<response::Response>> {
                let faults: &[&[Fault]] = &[$($faults),+];
                describe(&faults.concat())
            }
        })+
    };
}

// For the OpenAPI document: which problems an address may answer with.
problem_sets! {
    AnyProblems = EVERYWHERE;
    ListProblems = EVERYWHERE, GATE, CORE, &[Fault::InvalidParameter(String::new()), Fault::InvalidDocumentId];
    CreateProblems = EVERYWHERE, GATE, CORE, FILE, CHANGE, NEW;
    ShowProblems = EVERYWHERE, GATE, CORE, DOCUMENT, &[Fault::MalformedCondition, Fault::NotAcceptable("")];
    HistoryProblems = EVERYWHERE, GATE, CORE, DOCUMENT, &[Fault::InvalidParameter(String::new())];
    ImportProblems = EVERYWHERE, GATE, CORE, DOCUMENT, CONDITION, FILE;
    DeleteProblems = EVERYWHERE, GATE, CORE, DOCUMENT, CONDITION;
    GrantsProblems = EVERYWHERE, GATE, CORE, DOCUMENT, &[Fault::AccountsOff];
    GrantProblems = EVERYWHERE, GATE, CORE, DOCUMENT, JSON, SHARING;
    InvitationProblems = EVERYWHERE, GATE, CORE, DOCUMENT, JSON, &[Fault::AccountsOff, Fault::InvitationNotFound];
    AccountProblems = EVERYWHERE, GATE, CORE, JSON, ACCOUNT;
    LoginProblems = EVERYWHERE, CORE, JSON, LOGIN;
    RefreshProblems = EVERYWHERE, CORE, JSON, &[Fault::AccountsOff, Fault::Account(AccountError::SessionOver)];
    OneselfProblems = EVERYWHERE, GATE, CORE, &[
        Fault::AccountsOff,
        Fault::Account(AccountError::SessionOver),
        Fault::Account(AccountError::DeviceNotFound),
    ];
    KeyProblems = EVERYWHERE, GATE, CORE, JSON, &[
        Fault::AccountsOff,
        Fault::InvalidDocumentId,
        Fault::KeyNotFound,
        Fault::TooManyKeys,
        Fault::Account(AccountError::InvalidText("")),
    ];
    RedeemProblems = EVERYWHERE, GATE, CORE, JSON, &[Fault::AccountsOff, Fault::InvitationInvalid];
    UpgradeProblems = EVERYWHERE, &[
        Fault::UpgradeRequired,
        Fault::Refused(Refusal::Busy),
        Fault::Refused(Refusal::ShuttingDown),
    ];
    ReadyProblems = EVERYWHERE, &[
        Fault::Refused(Refusal::ShuttingDown),
        Fault::Refused(Refusal::StorageUnavailable),
        Fault::Refused(Refusal::StorageFull),
    ];
}

fn describe(faults: &[Fault]) -> BTreeMap<String, RefOr<response::Response>> {
    let mut codes_by_status: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for fault in faults {
        let (status, code) = fault.status_and_code();
        codes_by_status.entry(status.as_str().to_owned()).or_default().push(code);
    }
    let describe = |(status, codes): (String, Vec<&str>)| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let description = format!("`{}`", codes.join("`, `"));
        let response = ResponseBuilder::new().description(description).content(MEDIA_TYPE, content).build();
        (status, RefOr::T(response))
    };
    codes_by_status.into_iter().map(describe).collect()
}
