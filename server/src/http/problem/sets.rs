//! Which problems an address may answer with, for the OpenAPI document.

use super::{Fault, MEDIA_TYPE};
use crate::access::AccessError;
use crate::accounts::{AccountError, InvalidPassword, InvalidUsername};
use std::collections::BTreeMap;
use std::time::Duration;
use tiebreak_document::SettleError;
use tiebreak_protocol::Refusal;
use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response};

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
    Fault::Access(AccessError::AccountsOff),
    Fault::Account(AccountError::InvalidCredentials),
    Fault::Account(AccountError::TooManyAttempts(Duration::ZERO)),
    Fault::Account(AccountError::InvalidText("")),
];

const ACCOUNT: &[Fault] = &[
    Fault::Access(AccessError::AccountsOff),
    Fault::Account(AccountError::NameTaken),
    Fault::Account(AccountError::InvalidUsername(InvalidUsername::Length)),
    Fault::Account(AccountError::InvalidPassword(InvalidPassword::Length)),
    Fault::Account(AccountError::InvalidText("")),
    Fault::Account(AccountError::InvalidCredentials),
    Fault::Account(AccountError::SessionOver),
    Fault::Account(AccountError::TooManyAttempts(Duration::ZERO)),
    Fault::Account(AccountError::InvalidIdempotencyKey),
    Fault::Account(AccountError::IdempotencyKeyReused),
    Fault::Account(AccountError::SoleOwner(Vec::new())),
];

const SHARING: &[Fault] = &[
    Fault::Access(AccessError::AccountsOff),
    Fault::Access(AccessError::LastOwner),
    Fault::Access(AccessError::AccountNotFound),
    Fault::Access(AccessError::GrantNotFound),
];

const OPERATOR: &[Fault] = &[
    Fault::InvalidDocumentId,
    Fault::Access(AccessError::AccountsOff),
    Fault::Access(AccessError::AccountNotFound),
    Fault::Access(AccessError::KeyNotFound),
    Fault::Access(AccessError::TooManyKeys),
    Fault::Account(AccountError::InvalidText("")),
    Fault::Account(AccountError::NoPassword),
    Fault::Account(AccountError::InvalidPassword(InvalidPassword::Length)),
    Fault::Account(AccountError::DeviceNotFound),
    Fault::Account(AccountError::SoleOwner(Vec::new())),
];

const RESOLUTION: &[Fault] = &[
    Fault::ConflictNotFound,
    Fault::ConflictClosed,
    Fault::ConflictChanged,
    Fault::Unsettled(SettleError::NoSuchCandidate(Vec::new())),
    Fault::Unsettled(SettleError::KeepWhich(Vec::new())),
    Fault::Unsettled(SettleError::WholeDocument),
];

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
    Fault::Refused(Refusal::ProtectedPath),
    Fault::Refused(Refusal::OwnerOnly),
    Fault::Refused(Refusal::WrongType),
    Fault::Refused(Refusal::KindFixed),
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
        $(pub(in crate::http) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<response::Response>> {
                let faults: &[&[Fault]] = &[$($faults),+];
                describe(&faults.concat())
            }
        })+
    };
}

problem_sets! {
    AnyProblems = EVERYWHERE;
    ListProblems = EVERYWHERE, GATE, CORE, &[Fault::InvalidParameter(String::new()), Fault::InvalidDocumentId];
    CreateProblems = EVERYWHERE, GATE, CORE, FILE, CHANGE, NEW;
    ShowProblems = EVERYWHERE, GATE, CORE, DOCUMENT, &[Fault::MalformedCondition, Fault::NotAcceptable("")];
    HistoryProblems = EVERYWHERE, GATE, CORE, DOCUMENT, &[Fault::InvalidParameter(String::new())];
    ImportProblems = EVERYWHERE, GATE, CORE, DOCUMENT, CONDITION, FILE;
    DeleteProblems = EVERYWHERE, GATE, CORE, DOCUMENT, CONDITION;
    KindsProblems = EVERYWHERE, GATE, CORE;
    KindProblems = EVERYWHERE, GATE, CORE, &[Fault::KindNotFound];
    ConflictsProblems = EVERYWHERE, GATE, CORE, DOCUMENT, &[Fault::InvalidParameter(String::new())];
    ConflictProblems = EVERYWHERE, GATE, CORE, &[Fault::ConflictNotFound];
    EventsProblems = EVERYWHERE, GATE, CORE, DOCUMENT, &[Fault::InvalidParameter(String::new()), Fault::TooManyEventStreams];
    ResolutionProblems = EVERYWHERE, GATE, CORE, JSON, CONDITION, CHANGE, RESOLUTION;
    GrantsProblems = EVERYWHERE, GATE, CORE, DOCUMENT, &[Fault::Access(AccessError::AccountsOff)];
    GrantProblems = EVERYWHERE, GATE, CORE, DOCUMENT, JSON, SHARING;
    InvitationProblems = EVERYWHERE, GATE, CORE, DOCUMENT, JSON, &[Fault::Access(AccessError::AccountsOff), Fault::Access(AccessError::InvitationNotFound)];
    AccountProblems = EVERYWHERE, GATE, CORE, JSON, ACCOUNT;
    LoginProblems = EVERYWHERE, CORE, JSON, LOGIN;
    RefreshProblems = EVERYWHERE, CORE, JSON, &[Fault::Access(AccessError::AccountsOff), Fault::Account(AccountError::SessionOver)];
    OneselfProblems = EVERYWHERE, GATE, CORE, &[
        Fault::Access(AccessError::AccountsOff),
        Fault::Account(AccountError::SessionOver),
        Fault::Account(AccountError::DeviceNotFound),
    ];
    KeyProblems = EVERYWHERE, GATE, CORE, JSON, &[
        Fault::Access(AccessError::AccountsOff),
        Fault::InvalidDocumentId,
        Fault::Access(AccessError::KeyNotFound),
        Fault::Access(AccessError::TooManyKeys),
        Fault::Account(AccountError::InvalidText("")),
    ];
    RedeemProblems = EVERYWHERE, GATE, CORE, JSON, &[Fault::Access(AccessError::AccountsOff), Fault::Access(AccessError::InvitationInvalid)];
    OperatorProblems = EVERYWHERE, GATE, CORE, JSON, OPERATOR;
    AuditProblems = EVERYWHERE, GATE, CORE, &[
        Fault::Access(AccessError::AccountsOff),
        Fault::InvalidParameter(String::new()),
    ];
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
