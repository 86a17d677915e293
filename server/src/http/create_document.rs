//! `POST /v1/documents`: a new document, from JSON or from an Automerge file.

use super::documents::{Documents, Offered};
use super::file;
use super::gate::submitter;
use super::merged::MergedDocument;
use super::problem::{CreateProblems, Fault};
use super::request::{Body, ContentType, Parameters, document_id};
use crate::access::Principal;
use axum::extract::{Extension, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use tiebreak_document::{Document, ImportError, Writer, check_change};
use tiebreak_driver::unix_ms;
use tiebreak_protocol::strict_json::{self, ReadError};
use tiebreak_protocol::{Limits, Refusal};
use utoipa::IntoParams;
use uuid::Uuid;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NewDocument {
    /// The id of the new document; a random one if left out.
    id: Option<String>,
}

/// Create a document
///
/// A JSON object becomes a change by a new actor, or several if it is large. An Automerge file keeps its history.
#[utoipa::path(
    post,
    path = "/v1/documents",
    tag = "documents",
    params(NewDocument),
    request_body(content(
        (serde_json::Value = "application/json"),
        ([u8] = "application/octet-stream"),
    )),
    responses(
        (
            status = CREATED,
            description = "The document is durable",
            body = MergedDocument,
            headers(
                ("Location" = String, description = "The address of the document"),
                ("ETag" = String, description = "Its version"),
            ),
        ),
        CreateProblems,
    )
)]
pub(super) async fn create_document(
    State(documents): State<Documents>,
    Extension(principal): Extension<Principal>,
    Parameters(new): Parameters<NewDocument>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<impl IntoResponse, Fault> {
    let id = new.id.as_deref().map(document_id).transpose()?;
    let offered = match ContentType::of(&headers) {
        ContentType::Json => documents.parse(move |limits| from_json(&body, limits)).await?,
        ContentType::File => documents.parse(move |limits| file::read(body, limits)).await?,
        ContentType::Other => {
            return Err(Fault::UnsupportedMediaType("application/json, application/octet-stream"));
        }
    };
    let created = documents.create(submitter(&principal, Writer::Owner), id, offered).await?;
    let location = format!("/v1/documents/{}", created.document);
    Ok((StatusCode::CREATED, [(LOCATION, location)], created))
}

fn from_json(body: &[u8], limits: &Limits) -> Result<Offered, Fault> {
    let json = strict_json::read(body, limits.depth_max);
    let json = json.map_err(|error| match error {
        ReadError::TooDeep => Refusal::DepthExceeded.into(),
        ReadError::Malformed(error) => Fault::MalformedJson(error.to_string()),
    })?;
    let actor = Uuid::new_v4();
    let made = Document::changes_from_json(&json, actor.as_bytes(), unix_ms() / 1000, limits);
    let made = made.map_err(|error| match error {
        ImportError::NotAnObject | ImportError::Library(_) => Fault::MalformedJson(error.to_string()),
        ImportError::TooDeep(_) => Refusal::DepthExceeded.into(),
        ImportError::TooLarge => Refusal::DocumentTooLarge.into(),
    })?;
    let changes = made.into_iter().map(|change| check_change(change.bytes, limits));
    Ok(Offered { changes: changes.collect::<Result<_, _>>()?, refused: Vec::new() })
}
