//! The only place that knows the HTTP status codes of errors.

use super::Fault;
use crate::access::AccessError;
use crate::accounts::AccountError;
use axum::http::StatusCode;
use tiebreak_document::SettleError;
use tiebreak_protocol::Refusal;

impl Fault {
    /// Its status, and its name for programs, which does not change between versions.
    pub(super) fn status_and_code(&self) -> (StatusCode, &'static str) {
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
            Self::KindNotFound => (StatusCode::NOT_FOUND, "kind_not_found"),
            Self::ConflictNotFound => (StatusCode::NOT_FOUND, "conflict_not_found"),
            Self::ConflictClosed | Self::Unsettled(SettleError::NotOpen) => {
                (StatusCode::CONFLICT, "conflict_closed")
            }
            Self::ConflictChanged => (StatusCode::CONFLICT, "conflict_changed"),
            Self::Unsettled(SettleError::NoSuchCandidate(_)) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "no_such_candidate")
            }
            Self::Unsettled(SettleError::KeepWhich(_)) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "candidate_needed")
            }
            Self::Unsettled(SettleError::WholeDocument) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "whole_document")
            }
            Self::Unsettled(SettleError::Refused(refusal)) => (status(*refusal), refusal.code()),
            Self::TooManyEventStreams => (StatusCode::TOO_MANY_REQUESTS, "too_many_event_streams"),
            Self::DocumentExists => (StatusCode::CONFLICT, "document_exists"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "precondition_failed"),
            Self::UpgradeRequired => (StatusCode::UPGRADE_REQUIRED, "upgrade_required"),
            Self::RequestTimedOut => (StatusCode::REQUEST_TIMEOUT, "request_timed_out"),
            Self::AnswerTimedOut => (StatusCode::GATEWAY_TIMEOUT, "answer_timed_out"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Account(error) => of_account(error),
            Self::Access(error) => of_access(error),
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
        AccountError::NoPassword => (StatusCode::CONFLICT, "no_password"),
        AccountError::DeviceNotFound => (StatusCode::NOT_FOUND, "device_not_found"),
        AccountError::Refused(refusal) => (status(*refusal), refusal.code()),
        AccountError::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

fn of_access(error: &AccessError) -> (StatusCode, &'static str) {
    match error {
        AccessError::DocumentNotFound => Fault::DocumentNotFound.status_and_code(),
        AccessError::AccountsOff => (StatusCode::NOT_FOUND, "accounts_off"),
        AccessError::AccountNotFound => (StatusCode::NOT_FOUND, "account_not_found"),
        AccessError::LastOwner => (StatusCode::CONFLICT, "last_owner"),
        AccessError::GrantNotFound => (StatusCode::NOT_FOUND, "grant_not_found"),
        AccessError::KeyNotFound => (StatusCode::NOT_FOUND, "key_not_found"),
        AccessError::TooManyKeys => (StatusCode::CONFLICT, "too_many_keys"),
        AccessError::InvitationNotFound => (StatusCode::NOT_FOUND, "invitation_not_found"),
        AccessError::InvitationInvalid => (StatusCode::GONE, "invitation_invalid"),
        AccessError::Account(error) => of_account(error),
        AccessError::Refused(refusal) => (status(*refusal), refusal.code()),
    }
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
        Refusal::AccessDenied
        | Refusal::ReadOnly
        | Refusal::ActorTaken
        | Refusal::ProtectedPath
        | Refusal::OwnerOnly => StatusCode::FORBIDDEN,
        Refusal::RateExceeded | Refusal::TooManyDocuments => StatusCode::TOO_MANY_REQUESTS,
        Refusal::DocumentDeleted => StatusCode::GONE,
        Refusal::Equivocation | Refusal::KindFixed => StatusCode::CONFLICT,
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
        | Refusal::WrongType
        | Refusal::Quarantined => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
