//! `GET /v1/documents/{id}/history`: who changed what, and when, from the newest change back.

use super::documents::Documents;
use super::problem::{Fault, HistoryProblems};
use super::request::{DocumentPath, Parameters};
use super::time;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::str::FromStr;
use tiebreak_document::{HistoryEntry, Made, PathStep, Touch, TouchAction};
use tiebreak_protocol::{DocumentId, Refusal};
use utoipa::{IntoParams, ToSchema};

const PAGE_CHANGES: usize = 50;
const PAGE_CHANGES_MAX: usize = 200;
/// How often a page is asked for anew because the document grew meanwhile.
const ATTEMPTS_MAX: usize = 10;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Most changes on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// One page of a document's history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct History {
    items: Vec<HistoryItem>,
    /// What to ask for as `cursor` to get the next page; null on the last one.
    next: Option<String>,
    /// Changes in all.
    total: usize,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryItem {
    hash: String,
    /// Who: one actor per device and session.
    actor: String,
    seq: u64,
    /// When, as the author's device claimed; null when it did not say.
    time: Option<String>,
    message: Option<String>,
    deps: Vec<String>,
    operations: u64,
    /// What was done, in order.
    touched: Vec<TouchedPlace>,
    /// Operations that `touched` leaves out because there are many.
    operations_left_out: u64,
}

/// One act of a change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TouchedPlace {
    /// Keys, and positions in lists as of today; null stands for an element that was removed since.
    path: Vec<Value>,
    action: &'static str,
    /// `map`, `list` or `text`, where an object was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    made: Option<&'static str>,
    /// What was written, cut off when it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// What was typed, cut off when it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// How many operations this stands for.
    operations: u64,
}

/// Read a document's history
#[utoipa::path(
    get,
    path = "/v1/documents/{id}/history",
    tag = "documents",
    params(("id" = String, Path, description = "The document's id"), Page),
    responses((status = OK, description = "Changes from newest to oldest", body = History), HistoryProblems)
)]
pub(super) async fn history(
    State(documents): State<Documents>,
    DocumentPath(document): DocumentPath,
    Parameters(page): Parameters<Page>,
) -> Result<Json<History>, Fault> {
    let limit = page.limit.unwrap_or(PAGE_CHANGES);
    if !(1..=PAGE_CHANGES_MAX).contains(&limit) {
        return Err(Fault::InvalidParameter(format!("limit must be from 1 to {PAGE_CHANGES_MAX}")));
    }
    let cursor = page.cursor.as_deref().map(Cursor::from_str).transpose()?;
    read(&documents, document, cursor, limit).await.map(Json)
}

/// Changes that a caller has seen, of so many that there were: a page goes on where the last one ended, though
/// new changes have come in front of it.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    seen: usize,
    of: usize,
}

impl FromStr for Cursor {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let invalid = || Fault::InvalidParameter("cursor must be the `next` of a page".to_owned());
        let (seen, of) = text.split_once('-').ok_or_else(invalid)?;
        Ok(Self { seen: seen.parse().map_err(|_| invalid())?, of: of.parse().map_err(|_| invalid())? })
    }
}

async fn read(
    documents: &Documents,
    document: DocumentId,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<History, Fault> {
    let mut known = cursor.map_or(0, |cursor| cursor.of);
    for _ in 0..ATTEMPTS_MAX {
        let skip = cursor.map_or(0, |cursor| cursor.seen.saturating_add(known.saturating_sub(cursor.of)));
        let (changes, total) = documents.history(document, skip, limit).await?;
        if cursor.is_some() && total != known {
            known = total;
            continue;
        }
        let seen = skip.saturating_add(changes.len());
        let next = (seen < total && !changes.is_empty()).then(|| format!("{seen}-{total}"));
        return Ok(History { items: changes.into_iter().map(HistoryItem::from).collect(), next, total });
    }
    Err(Fault::Refused(Refusal::Busy))
}

impl From<HistoryEntry> for HistoryItem {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            hash: entry.hash.to_string(),
            actor: entry.actor,
            seq: entry.seq,
            time: Some(entry.time_s).filter(|time| *time != 0).and_then(time::from_seconds),
            message: entry.message,
            deps: entry.deps.iter().map(ToString::to_string).collect(),
            operations: entry.operations,
            touched: entry.touched.into_iter().map(TouchedPlace::from).collect(),
            operations_left_out: entry.operations_left_out,
        }
    }
}

impl From<Touch> for TouchedPlace {
    fn from(touch: Touch) -> Self {
        let step = |step| match step {
            PathStep::Key(key) => Value::String(key),
            PathStep::Position(position) => Value::from(position),
            PathStep::Removed => Value::Null,
        };
        let (mut made, mut value, mut text) = (None, None, None);
        let action = match touch.action {
            TouchAction::Make(kind) => {
                made = Some(match kind {
                    Made::Map => "map",
                    Made::List => "list",
                    Made::Text => "text",
                });
                "make"
            }
            TouchAction::Set(written) => {
                value = Some(written);
                "set"
            }
            TouchAction::Insert => "insert",
            TouchAction::InsertText(typed) => {
                text = Some(typed);
                "insert"
            }
            TouchAction::Delete => "delete",
            TouchAction::Increment(by) => {
                value = Some(Value::from(by));
                "increment"
            }
            TouchAction::Mark(name) => {
                value = name.map(Value::String);
                "mark"
            }
        };
        let path = touch.path.into_iter().map(step).collect();
        Self { path, action, made, value, text, operations: touch.operations }
    }
}
