//! `GET /v1/documents/{id}`: a document as JSON, or as an Automerge file.

use super::documents::Documents;
use super::etag::{Etag, IfNoneMatch};
use super::problem::{Fault, ShowProblems};
use super::request::{DocumentPath, FILE, Form};
use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use tiebreak_protocol::Heads;

/// Read a document
///
/// `Accept: application/octet-stream` answers the Automerge file, which every Automerge library loads.
#[utoipa::path(
    get,
    path = "/v1/documents/{id}",
    tag = "documents",
    params(("id" = String, Path, description = "The document's id")),
    responses(
        (
            status = OK,
            description = "The document",
            content((serde_json::Value = "application/json"), ([u8] = "application/octet-stream")),
            headers(("ETag" = String, description = "Its version, whatever it is shown as")),
        ),
        (status = NOT_MODIFIED, description = "`If-None-Match` names this version"),
        ShowProblems,
    )
)]
pub(super) async fn show_document(
    State(documents): State<Documents>,
    DocumentPath(document): DocumentPath,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let form = Form::accepted(&headers)?;
    let seen = IfNoneMatch::read(&headers)?;
    let heads = documents.heads(document).await?;
    if seen.has(&Etag::of(&heads)) {
        return Ok((StatusCode::NOT_MODIFIED, version(&heads)).into_response());
    }
    match form {
        Form::Json => {
            let (heads, json) = documents.json(document).await?;
            Ok((version(&heads), Json(json)).into_response())
        }
        Form::File => {
            let (heads, file) = documents.file(document).await?;
            Ok((version(&heads), [(CONTENT_TYPE, FILE)], file).into_response())
        }
    }
}

fn version(heads: &Heads) -> [(HeaderName, String); 2] {
    [(ETAG, Etag::of(heads).to_string()), (VARY, "Accept".to_owned())]
}
