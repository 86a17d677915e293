//! `POST /v1/documents/{id}/import`: merges an Automerge file into a document.

use super::documents::Documents;
use super::etag::IfMatch;
use super::file;
use super::gate::Asker;
use super::merged::MergedDocument;
use super::problem::{Fault, ImportProblems};
use super::request::{Body, ContentType, DocumentPath};
use crate::access::Action;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;

/// Merge a file into a document
///
/// Every change in the file is judged by itself, as if a device had sent it.
#[utoipa::path(
    post,
    path = "/v1/documents/{id}/import",
    tag = "documents",
    params(
        ("id" = String, Path, description = "The document's id"),
        ("If-Match" = Option<String>, Header, description = "Merge only if this is still the document's version"),
    ),
    request_body(content = [u8], content_type = "application/octet-stream", description = "An Automerge file"),
    responses(
        (
            status = OK,
            description = "What was taken is durable",
            body = MergedDocument,
            headers(("ETag" = String, description = "The document's version now")),
        ),
        ImportProblems,
    )
)]
pub(super) async fn import_document(
    State(documents): State<Documents>,
    asker: Asker,
    DocumentPath(document): DocumentPath,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<impl IntoResponse, Fault> {
    if ContentType::of(&headers) != ContentType::File {
        return Err(Fault::UnsupportedMediaType("application/octet-stream"));
    }
    let condition = IfMatch::read(&headers)?;
    let offered = documents.parse(move |limits| file::read(body, limits)).await?;
    // A file takes its time to come and to be read; the right to write may be gone by now.
    asker.still_may(Action::WriteDocument, document).await?;
    documents.import(asker.submitter(document).await, document, &condition, offered).await
}
