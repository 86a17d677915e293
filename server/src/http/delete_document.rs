//! `DELETE /v1/documents/{id}`: removes a document for good, for every device.

use super::documents::Documents;
use super::etag::IfMatch;
use super::problem::{DeleteProblems, Fault};
use super::request::DocumentPath;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

/// Delete a document
///
/// Devices that still hold it cannot bring it back: its id stays taken.
#[utoipa::path(
    delete,
    path = "/v1/documents/{id}",
    tag = "documents",
    params(
        ("id" = String, Path, description = "The document's id"),
        ("If-Match" = Option<String>, Header, description = "Delete only if this is still the document's version"),
    ),
    responses((status = NO_CONTENT, description = "The document is gone"), DeleteProblems)
)]
pub(super) async fn delete_document(
    State(documents): State<Documents>,
    DocumentPath(document): DocumentPath,
    headers: HeaderMap,
) -> Result<StatusCode, Fault> {
    documents.delete(document, &IfMatch::read(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
