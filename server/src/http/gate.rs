//! In front of every address: who asks, what that means, and whether it may be. An address without a rule is not
//! served.

use super::peer_address::PeerAddress;
use super::problem::Fault;
use super::request::document_id;
use crate::access::{
    self, AccessControl, Action, Denial, FailedAttempt, Principal, Registration, Rule, Target, network,
};
use axum::body::to_bytes;
use axum::extract::{FromRef, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use tiebreak_document::Writer;
use tiebreak_protocol::{DocumentId, Refusal};
use tiebreak_sync::SessionId;
use tiebreak_sync::room::{NewActors, Submitter};
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
    let refused = |principal: &Principal, refusal: Refusal| {
        access.note_refused(refusal, || attempt(principal, rule, request, refusal));
    };
    let principal = access.principal(&request.headers, &request.uri, rule.action).await;
    let principal = principal.inspect_err(|refusal| refused(&Principal::Anonymous, *refusal))?;
    let document = match rule.target {
        Target::Oneself => None,
        Target::Document => Some(named_in(request.uri.path())?),
    };
    allow(access, &principal, rule.action, document).await.inspect_err(|fault| {
        if let Fault::Refused(refusal) = fault {
            refused(&principal, *refusal);
        }
    })?;
    Ok(principal)
}

/// What the audit log keeps of a refusal. A document is named only by who may know of it, or strangers would choose
/// what is kept; nothing else of the path is kept, since it may name people.
fn attempt(principal: &Principal, rule: &Rule, request: &Parts, refusal: Refusal) -> FailedAttempt {
    let document = document_in(request.uri.path())
        .filter(|_| rule.target == Target::Document && refusal == Refusal::AccessDenied);
    let path = document.map_or_else(|| rule.path.to_owned(), |id| rule.path.replacen("{id}", id, 1));
    FailedAttempt {
        actor: principal.actor(),
        action: "access.refused",
        subject: format!("{} {path}", rule.method),
        why: refusal.code(),
        from: Some(network(PeerAddress::of(request).0)),
    }
}

/// Who asks, for handlers that look at its rights once more.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(super) principal: Principal,
    access: AccessControl,
}

impl<S: Send + Sync> FromRequestParts<S> for Asker
where
    AccessControl: FromRef<S>,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let principal = parts.extensions.get().cloned().ok_or(Fault::Internal)?;
        Ok(Self { principal, access: AccessControl::from_ref(state) })
    }
}

impl Asker {
    /// As whom it brings changes to a document, by its rights as of now.
    pub(super) async fn submitter(&self, document: DocumentId) -> Submitter {
        let owns = self.still_may(Action::ShareDocument, document).await.is_ok();
        submitter(&self.principal, if owns { Writer::Owner } else { Writer::Editor })
    }

    /// Its place among what is open in its account's name; none where nobody is asked who they are.
    ///
    /// # Errors
    /// When what it came with was taken away meanwhile: from its place on, it hears of that.
    pub(super) async fn register(&self, session: SessionId) -> Result<Option<Registration>, Fault> {
        let Some(caller) = self.principal.caller() else { return Ok(None) };
        let registration = self.access.live().register(caller.account, caller.device, session);
        self.access.check_again(caller).await?;
        Ok(Some(registration))
    }

    pub(super) async fn still_may(&self, action: Action, document: DocumentId) -> Result<(), Fault> {
        allow(&self.access, &self.principal, action, Some(document)).await
    }
}

/// Whose the actors and the document are that a caller brings. What a service brings over from elsewhere is the work
/// of others: actors that are new are left to whoever goes on as them. Operators bring back what the server wrote.
pub(super) fn submitter(by: &Principal, writer: Writer) -> Submitter {
    let writer = if *by == Principal::Operator { Writer::Server } else { writer };
    let Some(caller) = by.caller() else { return Submitter { writer, ..Submitter::default() } };
    let new_actors = if caller.scope.is_persons() { NewActors::Submitters } else { NewActors::Strangers };
    Submitter { account: Some(caller.account), new_actors, writer }
}

/// Whether somebody may do something as of now: with this document, for actions on one.
///
/// # Errors
/// Why not, in as much as may be said.
async fn allow(
    access: &AccessControl,
    principal: &Principal,
    action: Action,
    document: Option<DocumentId>,
) -> Result<(), Fault> {
    let standing = match document {
        Some(document) => Some(access.standing(principal, document).await?),
        None => None,
    };
    access::authorize(principal, action, standing.as_ref()).map_err(|denial| match denial {
        Denial::SignIn => Refusal::Unauthorized.into(),
        Denial::NotThere => Fault::DocumentNotFound,
        Denial::NotAllowed => Refusal::AccessDenied.into(),
    })
}

/// The document that an address names.
fn named_in(path: &str) -> Result<DocumentId, Fault> {
    document_id(document_in(path).ok_or(Fault::InvalidDocumentId)?)
}

/// The id in `/v1/documents/{id}[/…]`: ids are plain text, so nothing in them is escaped.
fn document_in(path: &str) -> Option<&str> {
    path.split('/').nth(3)
}
