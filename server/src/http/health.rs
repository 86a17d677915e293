//! `GET /healthz`, `/readyz`, `/metrics`.

use crate::http::problem;
use crate::metrics as recorder;
use crate::server::Health;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use tiebreak_protocol::Refusal;

/// The process runs and answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The server takes connections and its store works.
pub(super) async fn ready(State(health): State<Health>) -> Response {
    match health.check().await {
        Ok(()) => "ok\n".into_response(),
        Err(refusal @ Refusal::ShuttingDown) => problem::refused(refusal).into_response(),
        Err(refusal) => problem::refused(refusal).into_response(),
    }
}

/// All metrics in the Prometheus text format.
pub(super) async fn metrics() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], recorder::render())
}
