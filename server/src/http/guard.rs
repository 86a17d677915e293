//! What holds for every request: callers who may ask, an end in time, an answer even after a panic, careful browsers.

use super::callers::Callers;
use super::problem::Fault;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// From the end of a request's head to its answer; slow uploads end here.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);

pub(super) async fn guard(State(callers): State<Option<Callers>>, request: Request, next: Next) -> Response {
    let allowed = callers.map_or(Ok(()), |callers| callers.check(request.headers()));
    let mut response = match allowed {
        Ok(()) => answer(request, next).await,
        Err(fault) => fault.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

async fn answer(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(REQUEST_TIME_MAX, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            tracing::error!(path, "a handler panicked");
            Fault::Internal.into_response()
        }
        Err(_elapsed) => Fault::RequestTimedOut.into_response(),
    }
}
