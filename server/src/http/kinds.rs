//! `/v1/kinds`: what documents hold, and how they merge.

use super::problem::{Fault, KindProblems, KindsProblems};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use tiebreak_kinds::{Kind, Kinds};
use utoipa::ToSchema;

/// The kinds of documents that this server knows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KindList {
    items: Vec<KindItem>,
}

/// One kind.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KindItem {
    /// What documents write at `@kind`.
    name: String,
    /// Higher after each breaking change.
    version: u32,
    /// What people call it.
    title: String,
}

impl From<&Kind> for KindItem {
    fn from(kind: &Kind) -> Self {
        Self { name: kind.name().to_owned(), version: kind.version(), title: kind.title().to_owned() }
    }
}

/// List the kinds of documents
#[utoipa::path(
    get,
    path = "/v1/kinds",
    tag = "kinds",
    responses((status = OK, description = "All kinds, by name", body = KindList), KindsProblems)
)]
pub(super) async fn list_kinds(State(kinds): State<Kinds>) -> Json<KindList> {
    Json(KindList { items: kinds.iter().map(|kind| KindItem::from(&**kind)).collect() })
}

/// Read a kind
///
/// A JSON Schema (2020-12) with `x-tiebreak-…` keywords that say how each path merges and who writes it.
#[utoipa::path(
    get,
    path = "/v1/kinds/{name}",
    tag = "kinds",
    params(("name" = String, Path, description = "The kind's name, as in `profile`")),
    responses((status = OK, description = "The kind", body = serde_json::Value), KindProblems)
)]
pub(super) async fn show_kind(
    State(kinds): State<Kinds>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<serde_json::Value>, Fault> {
    // What is no text names nothing.
    let kind = name.ok().and_then(|Path(name)| kinds.get(&name)).ok_or(Fault::KindNotFound)?;
    Ok(Json(kind.schema().clone()))
}
