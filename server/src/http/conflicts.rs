//! `/v1/conflicts`: what people disagree about, and what they make of it.

mod shown;

use super::documents::Documents;
use super::etag::{self, IfMatch};
use super::gate::Asker;
use super::json_body::JsonBody;
use super::problem::{ConflictProblems, ConflictsProblems, Fault, ResolutionProblems};
use super::request::{Parameters, document_id};
use crate::access::{AccessControl, Action};
use crate::conflicts::{ConflictRecords, open_conflict};
use crate::inboxes::fresh;
use crate::storage::refusal;
use axum::Json;
use axum::extract::{FromRef, FromRequestParts, Path, State};
use axum::http::header::ETAG;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shown::{ConflictItem, ConflictList, People, cursor, cursor_text};
use tiebreak_document::Choice;
use tiebreak_protocol::ConflictState;
use tiebreak_storage::accounts::PAGE_ROWS_MAX;
use tiebreak_storage::conflicts::{ConflictFilter, ConflictRow};
use utoipa::{IntoParams, ToSchema};

const PAGE_CONFLICTS: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Only those of this document.
    document: Option<String>,
    /// Only those that are `open`, `settled` or `overtaken`.
    state: Option<String>,
    /// `me`: only those that the caller is in, or is told of. That is so without a document, for whoever may not see all.
    r#for: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// Most conflicts on the page.
    #[param(minimum = 1, maximum = 100, default = 100)]
    limit: Option<usize>,
}

/// What somebody makes of a conflict: one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolution {
    /// The candidate with this id.
    #[serde(default)]
    candidate: Option<String>,
    /// Something else. A list or an object becomes a new one; a string becomes a text where the candidates are texts.
    #[serde(default, deserialize_with = "given")]
    value: Option<serde_json::Value>,
    /// What one side wants to remove stays, or goes.
    #[serde(default)]
    keep: Option<bool>,
}

/// Null is a value.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(from).map(Some)
}

impl Resolution {
    fn choice(self) -> Result<Choice, Fault> {
        match (self.candidate, self.value, self.keep) {
            (Some(candidate), None, None) => Ok(Choice::Candidate(candidate)),
            (None, Some(value), None) => Ok(Choice::Value(value)),
            (None, None, Some(true)) => Ok(Choice::Keep),
            (None, None, Some(false)) => Ok(Choice::Remove),
            _none_or_several => {
                let what =
                    "a resolution is one of {\"candidate\": id}, {\"value\": …}, {\"keep\": true or false}";
                Err(Fault::InvalidParameter(what.to_owned()))
            }
        }
    }
}

/// List conflicts
///
/// Those of one document, for whoever may read it; else those that the caller is in or is told of; all of them where
/// nobody is asked who they are. The last opened come first.
#[utoipa::path(
    get,
    path = "/v1/conflicts",
    tag = "conflicts",
    params(Page),
    responses((status = OK, description = "A page of conflicts", body = ConflictList), ConflictsProblems)
)]
pub(super) async fn list_conflicts(
    State(records): State<ConflictRecords>,
    asker: Asker,
    Parameters(page): Parameters<Page>,
) -> Result<Json<ConflictList>, Fault> {
    let is_mine = page.r#for.is_some();
    let filter = filter(&asker, page).await?;
    let found = records.list(filter).await.map_err(|error| Fault::Refused(refusal(&error)))?;
    let mut rows = Vec::with_capacity(found.conflicts.len());
    for row in found.conflicts {
        // Whoever may not read the document any more, may not read of it here.
        if filter.document.is_some() || asker.still_may(Action::ReadDocument, row.document).await.is_ok() {
            rows.push(row);
        }
    }
    let people = People::of(&records, &rows).await?;
    let items = rows.into_iter().map(|row| ConflictItem::of(row, &people)).collect();
    let inbox = match asker.principal.caller().filter(|_| is_mine) {
        Some(caller) => {
            let inbox = records.accounts().inbox(caller.account, fresh()).await;
            Some(inbox.map_err(|error| Fault::Refused(refusal(&error)))?.document.to_string())
        }
        None => None,
    };
    Ok(Json(ConflictList { items, inbox, next: found.next.map(|next| cursor_text(&next)) }))
}

async fn filter(asker: &Asker, page: Page) -> Result<ConflictFilter, Fault> {
    let invalid = |what: String| Fault::InvalidParameter(what);
    let document = page.document.as_deref().map(document_id).transpose()?;
    if let Some(document) = document {
        asker.still_may(Action::ReadDocument, document).await?;
    }
    let state = page.state.map(|state| state.parse::<ConflictState>());
    let state = state.transpose().map_err(|error| invalid(error.to_string()))?;
    let is_mine = match page.r#for.as_deref() {
        None => false,
        Some("me") => true,
        Some(_) => return Err(invalid("for is `me` or left out".to_owned())),
    };
    let caller = asker.principal.caller();
    let sees_all = caller.is_none_or(|caller| caller.scope.reaches_everything());
    let account = caller.filter(|_| is_mine || (document.is_none() && !sees_all));
    let limit = page.limit.unwrap_or(PAGE_CONFLICTS);
    if !(1..=PAGE_ROWS_MAX).contains(&limit) {
        return Err(invalid(format!("limit must be from 1 to {PAGE_ROWS_MAX}")));
    }
    let after = page.after.as_deref().map(cursor).transpose()?;
    Ok(ConflictFilter { document, state, account: account.map(|caller| caller.account), after, limit })
}

/// Read a conflict
#[utoipa::path(
    get,
    path = "/v1/conflicts/{id}",
    tag = "conflicts",
    params(("id" = String, Path, description = "The conflict's id, as in `cnf_…`")),
    responses(
        (
            status = OK,
            description = "The conflict",
            body = ConflictItem,
            headers(("ETag" = String, description = "Its version: another one once a candidate came or went")),
        ),
        ConflictProblems,
    )
)]
pub(super) async fn show_conflict(Found { row, records, asker }: Found) -> Result<Response, Fault> {
    allow(&asker, Action::ReadDocument, &row).await?;
    answer(&records, row).await
}

/// Settle a conflict
///
/// The choice is a change of the document like any other: it reaches every device, and stands in the history under the
/// name of who chose. It knows the candidates that the conflict has, and nothing later: an edit that comes late is in
/// conflict with it, not lost.
#[utoipa::path(
    post,
    path = "/v1/conflicts/{id}/resolution",
    tag = "conflicts",
    params(
        ("id" = String, Path, description = "The conflict's id, as in `cnf_…`"),
        ("If-Match" = Option<String>, Header, description = "Settle only if this is still the conflict's version"),
    ),
    request_body = Resolution,
    responses(
        (
            status = OK,
            description = "The conflict, settled",
            body = ConflictItem,
            headers(("ETag" = String, description = "Its version")),
        ),
        ResolutionProblems,
    )
)]
pub(super) async fn resolve_conflict(
    Found { row, records, asker }: Found,
    State(documents): State<Documents>,
    headers: HeaderMap,
    JsonBody(resolution): JsonBody<Resolution>,
) -> Result<Response, Fault> {
    allow(&asker, Action::WriteDocument, &row).await?;
    let condition = IfMatch::read(&headers)?;
    if !condition.names(&etag::of_version(row.version)) {
        return Err(Fault::PreconditionFailed);
    }
    let choice = resolution.choice()?;
    if row.state != ConflictState::Open {
        return Err(Fault::ConflictClosed);
    }
    let by = asker.submitter(row.document).await;
    let settled = documents.settle(by, row.document, open_conflict(&row), choice).await;
    settled.map_err(|fault| {
        let was_conditional = fault == Fault::ConflictChanged && condition.is_given();
        if was_conditional { Fault::PreconditionFailed } else { fault }
    })?;
    let settled = records.find(row.id).await.map_err(|error| Fault::Refused(refusal(&error)))?;
    answer(&records, settled.ok_or(Fault::ConflictNotFound)?).await
}

/// The conflict that the path names, and who asks for it.
#[derive(Debug)]
pub(crate) struct Found {
    row: ConflictRow,
    records: ConflictRecords,
    asker: Asker,
}

impl<S: Send + Sync> FromRequestParts<S> for Found
where
    ConflictRecords: FromRef<S>,
    AccessControl: FromRef<S>,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let asker = Asker::from_request_parts(parts, state).await?;
        let id = Path::<String>::from_request_parts(parts, state).await;
        // What is no id names nothing.
        let id = id.ok().and_then(|Path(id)| id.parse().ok()).ok_or(Fault::ConflictNotFound)?;
        let records = ConflictRecords::from_ref(state);
        let row = records.find(id).await.map_err(|error| Fault::Refused(refusal(&error)))?;
        Ok(Self { row: row.ok_or(Fault::ConflictNotFound)?, records, asker })
    }
}

/// A conflict in a document that is not there for somebody is not there either.
async fn allow(asker: &Asker, action: Action, row: &ConflictRow) -> Result<(), Fault> {
    let allowed = asker.still_may(action, row.document).await;
    allowed.map_err(|fault| if fault == Fault::DocumentNotFound { Fault::ConflictNotFound } else { fault })
}

async fn answer(records: &ConflictRecords, row: ConflictRow) -> Result<Response, Fault> {
    let rows = [row];
    let people = People::of(records, &rows).await?;
    let [row] = rows;
    let version: [(HeaderName, String); 1] = [(ETAG, etag::of_version(row.version))];
    Ok((version, Json(ConflictItem::of(row, &people))).into_response())
}
