//! Small JSON bodies: read once, with one meaning, and refused with the place where they go wrong.

use super::problem::Fault;
use super::request::{Body, ContentType, JSON};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tiebreak_protocol::Refusal;
use tiebreak_protocol::strict_json::{self, ReadError};
use tokio::time::timeout;

/// Deepest nesting of a body.
const DEPTH_MAX: usize = 8;

/// How long a body may take.
const TIME_MAX: Duration = Duration::from_secs(10);

/// The largest body, bytes.
const BYTES_MAX: usize = 64 * 1024;

/// A JSON body as a value.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Fault> {
        if ContentType::of(request.headers()) != ContentType::Json {
            return Err(Fault::UnsupportedMediaType(JSON));
        }
        // Before much is kept: whoever asks may be anybody.
        DefaultBodyLimit::max(BYTES_MAX).apply(&mut request);
        let read = timeout(TIME_MAX, Body::from_request(request, state)).await;
        let Body(body) = read.map_err(|_slow| Fault::RequestTimedOut)??;
        let json = strict_json::read(&body, DEPTH_MAX).map_err(|error| match error {
            ReadError::TooDeep => Refusal::DepthExceeded.into(),
            ReadError::Malformed(error) => Fault::MalformedJson(error.to_string()),
        })?;
        serde_json::from_value(json).map(Self).map_err(|error| Fault::MalformedJson(error.to_string()))
    }
}
