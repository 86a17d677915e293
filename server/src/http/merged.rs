//! The answer to whoever brought changes.

use super::documents::Merged;
use super::etag::Etag;
use axum::Json;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tiebreak_sync::room::Refused;
use utoipa::ToSchema;

/// A document after changes were merged into it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergedDocument {
    id: String,
    heads: Vec<String>,
    /// Changes that were left out; all others are durable.
    refused: Vec<RefusedChange>,
}

/// A change that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedChange {
    /// Null where the change is so broken that it has none.
    hash: Option<String>,
    code: &'static str,
    detail: String,
    /// Where it wrote what the document's kind does not allow, as a JSON Pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl IntoResponse for Merged {
    fn into_response(self) -> Response {
        let etag = Etag::of(&self.heads).to_string();
        let body = MergedDocument {
            id: self.document.to_string(),
            heads: self.heads.iter().map(ToString::to_string).collect(),
            refused: self.refused.into_iter().map(RefusedChange::from).collect(),
        };
        ([(ETAG, etag)], Json(body)).into_response()
    }
}

impl From<Refused> for RefusedChange {
    fn from(Refused { change, refusal, path }: Refused) -> Self {
        let hash = change.map(|hash| hash.to_string());
        Self { hash, code: refusal.code(), detail: refusal.to_string(), path }
    }
}
