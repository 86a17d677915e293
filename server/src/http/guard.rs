//! What holds for every request: callers who may ask, bounds on how many are worked on, an end in time, an answer
//! even after a panic, careful browsers, and a count of what was refused.

use super::attached::Attached;
use super::callers::Callers;
use super::problem::{self, Fault};
use crate::config::HttpArgs;
use crate::memory::Memory;
use crate::metrics;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tiebreak_protocol::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Where documents are asked for. Devices have bounds of their own, and operators are always answered.
const BOUNDED_PATHS: &str = "/v1/";

/// What the guard of one listener goes by; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    callers: Option<Callers>,
    memory: Memory,
    in_flight: Arc<Semaphore>,
    request_time_max: Duration,
}

impl Guard {
    /// `callers` is left out where nobody else can ask.
    pub(crate) fn new(callers: Option<Callers>, memory: Memory, limits: &HttpArgs) -> Self {
        let in_flight = Arc::new(Semaphore::new(limits.requests_max()));
        Self { callers, memory, in_flight, request_time_max: limits.request_time_max() }
    }

    /// Which pages may ask; `None` where nobody else can.
    pub(super) fn callers(&self) -> Option<Callers> {
        self.callers.clone()
    }

    fn admit(&self, request: &Request) -> Result<Option<OwnedSemaphorePermit>, Fault> {
        if let Some(callers) = &self.callers {
            callers.check(request.headers())?;
        }
        if !request.uri().path().starts_with(BOUNDED_PATHS) {
            return Ok(None);
        }
        if self.memory.is_full() {
            return Err(Refusal::Busy.into());
        }
        match Arc::clone(&self.in_flight).try_acquire_owned() {
            Ok(permit) => Ok(Some(permit)),
            Err(_full) => Err(Refusal::Busy.into()),
        }
    }

    async fn answer(&self, request: Request, next: Next) -> Response {
        let path = request.uri().path().to_owned();
        let is_body_in = Arc::new(AtomicBool::new(false));
        let attached = Arc::clone(&is_body_in);
        let request =
            request.map(|body| Attached::body(body, attached, |is_in| is_in.store(true, Ordering::Relaxed)));
        let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(self.request_time_max, answering).await {
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => {
                tracing::error!(path, "a handler panicked");
                Fault::Internal.into_response()
            }
            Err(_elapsed) if is_body_in.load(Ordering::Relaxed) => Fault::AnswerTimedOut.into_response(),
            Err(_elapsed) => Fault::RequestTimedOut.into_response(),
        }
    }
}

pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.admit(&request) {
        Ok(permit) => {
            let response = guard.answer(request, next).await;
            // Until the last byte has been taken, the answer is in memory.
            response.map(|body| Attached::body(body, permit, |_permit| ()))
        }
        Err(fault) => fault.into_response(),
    };
    if let Some(code) = problem::code_of(&response) {
        metrics::refused_request(code);
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::{Body, Bytes};
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use tower::ServiceExt;

    fn router(request_time_max: Duration) -> Router {
        let in_flight = Arc::new(Semaphore::new(1));
        let guard = Guard { callers: None, memory: Memory::default(), in_flight, request_time_max };
        Router::new()
            .route("/v1/slow", post(async |_body: Bytes| std::future::pending::<()>().await))
            .route("/v1/echo", post(async |body: Bytes| body))
            .layer(from_fn_with_state(guard, super::guard))
    }

    async fn post_to(router: &Router, path: &str, body: Body) -> Response {
        let request = Request::builder().method("POST").uri(path).body(body).unwrap();
        router.clone().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn whoever_was_slow_is_named() {
        let router = router(Duration::from_millis(50));
        for body in [Body::from("whole"), Body::empty()] {
            let server = post_to(&router, "/v1/slow", body).await;
            assert_eq!(server.status(), StatusCode::GATEWAY_TIMEOUT);
        }
        let endless = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let client = post_to(&router, "/v1/slow", Body::from_stream(endless)).await;
        assert_eq!(client.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn an_answer_counts_until_its_last_byte_is_taken() {
        let router = router(Duration::from_secs(60));
        let held = post_to(&router, "/v1/echo", Body::from("held")).await;
        assert_eq!(held.status(), StatusCode::OK);
        let one_past = post_to(&router, "/v1/echo", Body::from("more")).await;
        assert_eq!(one_past.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(axum::body::to_bytes(held.into_body(), 100).await.unwrap(), "held");
        assert_eq!(post_to(&router, "/v1/echo", Body::from("again")).await.status(), StatusCode::OK);
    }
}
