//! What holds for every request: callers who may ask, bounds on how many are worked on, an end in time, an answer
//! even after a panic, careful browsers, and a count of what was refused.

use super::attached::Attached;
use super::callers::Callers;
use super::problem::{self, Fault};
use crate::accounts::passwords_in_hand_max;
use crate::config::HttpArgs;
use crate::memory::Memory;
use crate::metrics;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream::iter;
use futures_util::{FutureExt, StreamExt};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tiebreak_protocol::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Where documents are asked for. Devices have bounds of their own, and operators are always answered.
const BOUNDED_PATHS: &str = "/v1/";

/// What is read of a body before its request takes a place …
const BEGINNING_BYTES_MAX: usize = 64 * 1024;
/// … and in what time.
const BEGINNING_TIME_MAX: Duration = Duration::from_secs(10);

/// Where people bring passwords. A hash and the queue in front of it take seconds on a busy day: these requests have
/// places of their own, so that those for documents keep theirs.
const PASSWORD_PATHS: [&str; 3] = ["/v1/accounts", "/v1/sessions", "/v1/account/password"];

/// What the guard of one listener goes by; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    callers: Option<Callers>,
    memory: Memory,
    in_flight: Arc<Semaphore>,
    with_passwords: Arc<Semaphore>,
    request_time_max: Duration,
}

impl Guard {
    /// `callers` is left out where nobody else can ask.
    pub(crate) fn new(callers: Option<Callers>, memory: Memory, limits: &HttpArgs) -> Self {
        // Beside those that are hashed or wait for it, as many that are told to come back, or need no hash.
        let with_passwords = (passwords_in_hand_max() + limits.requests_max()).min(Semaphore::MAX_PERMITS);
        Self {
            callers,
            memory,
            in_flight: Arc::new(Semaphore::new(limits.requests_max())),
            with_passwords: Arc::new(Semaphore::new(with_passwords)),
            request_time_max: limits.request_time_max(),
        }
    }

    /// Which pages may ask; `None` where nobody else can.
    pub(super) fn callers(&self) -> Option<Callers> {
        self.callers.clone()
    }

    /// Lets a request begin, or says why not.
    async fn admit(&self, request: Request) -> Result<(Request, Option<Place>), Fault> {
        if let Some(callers) = &self.callers {
            callers.check(request.headers())?;
        }
        let path = request.uri().path();
        if !path.starts_with(BOUNDED_PATHS) {
            return Ok((request, None));
        }
        if self.memory.is_full() {
            return Err(Refusal::Busy.into());
        }
        let places = if PASSWORD_PATHS.contains(&path) { &self.with_passwords } else { &self.in_flight };
        let request = begun(request).await?;
        match Arc::clone(places).try_acquire_owned() {
            Ok(permit) => Ok((request, Some(Place::taken(permit)))),
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
        match timeout(self.request_time_max, answering).await {
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

/// Marks an answer that has no end by itself: whoever gives it counts it, and it takes no place from others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lasting;

/// The place of one request among those that are worked on at once.
struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn taken(permit: OwnedSemaphorePermit) -> Self {
        metrics::request_begun();
        Self { _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::request_ended();
    }
}

pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.admit(request).await {
        Ok((request, place)) => {
            let response = guard.answer(request, next).await;
            if response.extensions().get::<Lasting>().is_some() {
                response
            } else {
                // Until the last byte has been taken, the answer is in memory.
                response.map(|body| Attached::body(body, place, |_place| ()))
            }
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

/// Reads the beginning of a body, which for most is all of it: who sends slowly, or nothing, takes no place from others
/// meanwhile.
async fn begun(request: Request) -> Result<Request, Fault> {
    let (head, body) = request.into_parts();
    let mut rest = body.into_data_stream();
    let (mut beginning, mut bytes) = (Vec::new(), 0);
    let is_whole = timeout(BEGINNING_TIME_MAX, async {
        while bytes <= BEGINNING_BYTES_MAX {
            let Some(piece) = rest.next().await else { return true };
            bytes += piece.as_ref().map_or(0, Bytes::len);
            beginning.push(piece);
        }
        false
    });
    let is_whole = is_whole.await.map_err(|_slow| Fault::RequestTimedOut)?;
    let body = match <[_; 1]>::try_from(beginning) {
        Ok([Ok(only)]) if is_whole => Body::from(only),
        Ok([only]) => Body::from_stream(iter([only]).chain(rest)),
        Err(none) if is_whole && none.is_empty() => Body::empty(),
        Err(pieces) => Body::from_stream(iter(pieces).chain(rest)),
    };
    Ok(Request::from_parts(head, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::extract::DefaultBodyLimit;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use tower::ServiceExt;

    fn router(request_time_max: Duration) -> Router {
        let one = || Arc::new(Semaphore::new(1));
        let (in_flight, with_passwords) = (one(), one());
        let guard =
            Guard { callers: None, memory: Memory::default(), in_flight, with_passwords, request_time_max };
        Router::new()
            .route("/v1/slow", post(async |_body: Bytes| std::future::pending::<()>().await))
            .route("/v1/sessions", post(async |body: Bytes| body))
            .route("/v1/echo", post(async |body: Bytes| body))
            .route("/v1/long", post(async |body: Bytes| body).layer(DefaultBodyLimit::disable()))
            .layer(from_fn_with_state(guard, super::guard))
    }

    async fn post_to(router: &Router, path: &str, body: Body) -> Response {
        let request = Request::builder().method("POST").uri(path).body(body).unwrap();
        router.clone().oneshot(request).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
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

    #[tokio::test(start_paused = true)]
    async fn who_begins_a_body_and_sends_no_more_takes_no_place() {
        let router = router(Duration::from_secs(60));
        let one_byte = iter([Ok::<_, std::io::Error>(Bytes::from_static(b"x"))]);
        let endless = Body::from_stream(one_byte.chain(futures_util::stream::pending()));
        let slow = tokio::spawn({
            let router = router.clone();
            async move { post_to(&router, "/v1/echo", endless).await.status() }
        });
        tokio::task::yield_now().await;
        assert_eq!(post_to(&router, "/v1/echo", Body::from("whole")).await.status(), StatusCode::OK);
        assert_eq!(slow.await.unwrap(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test]
    async fn a_body_of_any_length_comes_through_whole() {
        let router = router(Duration::from_secs(60));
        for pieces in [0, 1, 2, 5, 100] {
            let piece = Bytes::from(vec![7; BEGINNING_BYTES_MAX / 3]);
            let whole = piece.repeat(pieces);
            let body = Body::from_stream(iter(vec![piece; pieces]).map(Ok::<_, std::io::Error>));
            let answer = post_to(&router, "/v1/long", body).await;
            assert_eq!(axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap(), whole);
        }
    }

    #[tokio::test]
    async fn who_signs_in_takes_no_place_of_others_and_waits_for_none_of_theirs() {
        let router = router(Duration::from_secs(60));
        let signing_in = post_to(&router, "/v1/sessions", Body::from("held")).await;
        assert_eq!(signing_in.status(), StatusCode::OK);
        let one_past = post_to(&router, "/v1/sessions", Body::from("more")).await;
        assert_eq!(one_past.status(), StatusCode::SERVICE_UNAVAILABLE, "their places are bounded, too");
        let reading = post_to(&router, "/v1/echo", Body::from("held")).await;
        assert_eq!(reading.status(), StatusCode::OK);
        drop(signing_in);
        let next = post_to(&router, "/v1/sessions", Body::from("next")).await;
        assert_eq!(next.status(), StatusCode::OK);
    }
}
