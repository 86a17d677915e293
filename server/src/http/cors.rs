//! Lets pages of the origins that are taken read answers, as browsers demand it (Fetch, "CORS protocol"). Nothing here
//! decides who is taken, and no cookie is ever looked at.

use super::callers::Callers;
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, LOCATION, RETRY_AFTER,
};
use axum::http::{Method, request};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser need not ask again.
const REMEMBERED_FOR: Duration = Duration::from_mins(10);

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

const ASKED_WITH: [HeaderName; 7] = [
    ACCEPT,
    AUTHORIZATION,
    CONTENT_TYPE,
    IF_MATCH,
    IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
];

const ANSWERED_WITH: [HeaderName; 3] = [ETAG, LOCATION, RETRY_AFTER];

pub(super) fn cors(callers: Callers) -> CorsLayer {
    let is_taken = move |_origin: &_, request: &request::Parts| callers.check(&request.headers).is_ok();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_taken))
        .allow_methods(METHODS)
        .allow_headers(ASKED_WITH)
        .expose_headers(ANSWERED_WITH)
        .max_age(REMEMBERED_FOR)
}
