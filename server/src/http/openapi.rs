//! `GET /v1/openapi.json`: what the server answers to, for programs. It is made from the router itself.

use super::problem::AnyProblems;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use std::sync::LazyLock;
use utoipa::OpenApi;

/// What stands in the document besides the addresses.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tiebreak",
        description = "Local-first sync with a referee. Every error is an RFC 9457 problem with a stable `code`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(),
    ),
    tags(
        (name = "documents", description = "Documents, for programs that do not sync"),
        (name = "kinds", description = "What documents hold, and how they merge"),
        (name = "accounts", description = "Who is who: signing up, in and out"),
        (name = "sharing", description = "Who may do what with a document"),
        (name = "sync", description = "Where devices connect"),
        (name = "operations", description = "For operators and their monitoring"),
    ),
    components(schemas(super::problem::Problem))
)]
pub(super) struct Frame;

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    // A document made from constants either always serializes or never; a test looks at it.
    super::routes().into_openapi().to_pretty_json().unwrap_or_default()
});

/// Read this document
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    tag = "operations",
    responses((status = OK, description = "The OpenAPI document", body = serde_json::Value), AnyProblems)
)]
pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION.as_str())
}
