//! What handlers take out of a request, each refusal a problem of its own.

use super::problem::Fault;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use tiebreak_protocol::DocumentId;

pub(super) const JSON: &str = "application/json";
pub(super) const FILE: &str = "application/octet-stream";

/// The `{id}` of a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DocumentPath(pub(super) DocumentId);

impl<S: Send + Sync> FromRequestParts<S> for DocumentPath {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let Path(parameters) = Path::<BTreeMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(|_| Fault::InvalidDocumentId)?;
        document_id(parameters.get("id").ok_or(Fault::InvalidDocumentId)?).map(Self)
    }
}

pub(super) fn document_id(text: &str) -> Result<DocumentId, Fault> {
    text.parse().map_err(|_| Fault::InvalidDocumentId)
}

/// The query of an address.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        let Query(parameters) = query.map_err(|rejection| Fault::InvalidParameter(rejection.body_text()))?;
        Ok(Self(parameters))
    }
}

/// The whole body, within the limit that the router sets.
#[derive(Debug)]
pub(crate) struct Body(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            if let BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) = rejection {
                Fault::BodyTooLarge
            } else {
                Fault::UnreadableBody(rejection.body_text())
            }
        })?;
        Ok(Self(body))
    }
}

/// What a body is, by its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentType {
    Json,
    File,
    Other,
}

impl ContentType {
    /// Browsers send the plain types that this refuses across origins without asking; the two that it takes
    /// they do not.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match value.split(';').next().unwrap_or_default().trim() {
            essence if essence.eq_ignore_ascii_case(JSON) => Self::Json,
            essence if essence.eq_ignore_ascii_case(FILE) => Self::File,
            _other => Self::Other,
        }
    }
}

/// How a caller wants to see a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    File,
}

impl Form {
    /// The form that `Accept` prefers; JSON where it does not care.
    pub(super) fn accepted(headers: &HeaderMap) -> Result<Self, Fault> {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
        if ranges.is_empty() {
            return Ok(Self::Json);
        }
        let (json, file) = (quality(&ranges, JSON), quality(&ranges, FILE));
        if json == 0.0 && file == 0.0 {
            return Err(Fault::NotAcceptable("application/json, application/octet-stream"));
        }
        Ok(if file > json { Self::File } else { Self::Json })
    }
}

/// The weight that the most specific matching range gives a type; 0 when none matches.
fn quality(ranges: &[&str], media_type: &str) -> f32 {
    let mut best = (0, 0.0);
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let specificity = match parts.next().unwrap_or_default() {
            name if name.eq_ignore_ascii_case(media_type) => 3,
            "application/*" => 2,
            "*/*" => 1,
            _other => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if specificity >= best.0 {
            best = (specificity, weight);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_preferred_form_is_chosen() {
        let accepted = |accept: &'static str| {
            Form::accepted(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
        };
        assert_eq!(Form::accepted(&HeaderMap::new()), Ok(Form::Json));
        for accept in
            ["*/*", "application/json", "text/html, */*;q=0.8", "application/octet-stream;q=0.5, */*"]
        {
            assert_eq!(accepted(accept), Ok(Form::Json), "{accept}");
        }
        for accept in ["application/octet-stream", "application/json;q=0.1, application/octet-stream"] {
            assert_eq!(accepted(accept), Ok(Form::File), "{accept}");
        }
        assert!(accepted("text/html").is_err());
    }
}
