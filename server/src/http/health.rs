//! `GET /healthz`, `/readyz`, `/metrics`.

use super::problem::{AnyProblems, Fault, ReadyProblems};
use crate::metrics as recorder;
use crate::server::Health;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// Tells a caller whether this is the server that it means.
pub(crate) const STORAGE_ID: HeaderName = HeaderName::from_static("tiebreak-storage-id");

/// The process runs and answers
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operations",
    responses(
        (
            status = OK,
            description = "It does",
            body = String,
            content_type = "text/plain",
            headers(("Tiebreak-Storage-Id" = String, description = "Whose documents these are")),
        ),
        AnyProblems,
    )
)]
pub(super) async fn alive(State(health): State<Health>) -> impl IntoResponse {
    ([(STORAGE_ID, health.storage().as_str().to_owned())], "ok\n")
}

/// The server takes connections and its store works
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    responses(
        (status = OK, description = "It does", body = String, content_type = "text/plain"),
        ReadyProblems,
    )
)]
pub(super) async fn ready(State(health): State<Health>) -> Result<&'static str, Fault> {
    health.check().await?;
    Ok("ok\n")
}

/// All metrics in the Prometheus text format
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses(
        (status = OK, description = "All metrics", body = String, content_type = "text/plain"),
        AnyProblems,
    )
)]
pub(super) async fn metrics() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], recorder::render())
}
