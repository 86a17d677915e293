//! Small JSON bodies: read once, with one meaning, and refused with the place where they go wrong.

use super::problem::Fault;
use super::request::{Body, ContentType, JSON};
use super::strict_json::{self, ReadError};
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use tiebreak_protocol::Refusal;

/// Deepest nesting of a body.
const DEPTH_MAX: usize = 8;

/// The largest body, bytes.
const BYTES_MAX: usize = 64 * 1024;

/// A JSON body as a value.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        if ContentType::of(request.headers()) != ContentType::Json {
            return Err(Fault::UnsupportedMediaType(JSON));
        }
        let Body(body) = Body::from_request(request, state).await?;
        if body.len() > BYTES_MAX {
            return Err(Fault::BodyTooLarge);
        }
        let json = strict_json::read(&body, DEPTH_MAX).map_err(|error| match error {
            ReadError::TooDeep => Refusal::DepthExceeded.into(),
            ReadError::Malformed(error) => Fault::MalformedJson(error.to_string()),
        })?;
        serde_json::from_value(json).map(Self).map_err(|error| Fault::MalformedJson(error.to_string()))
    }
}
