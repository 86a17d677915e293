//! The HTTP surface: one file an endpoint, one router, from which its OpenAPI document is made.

mod callers;
mod create_document;
mod delete_document;
mod documents;
mod etag;
mod file;
mod guard;
mod health;
mod history;
mod import_document;
mod list_documents;
pub(crate) mod listener;
mod merged;
mod openapi;
pub(crate) mod problem;
mod request;
mod show_document;
mod strict_json;
mod time;
mod websocket;

pub(crate) use callers::Callers;
pub(crate) use documents::Documents;

use crate::doors::automerge::Door;
use crate::server::Health;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::from_fn_with_state;
use problem::Fault;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What handlers may use.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) door: Door,
    pub(crate) documents: Documents,
    pub(crate) health: Health,
}

impl FromRef<App> for Door {
    fn from_ref(app: &App) -> Self {
        app.door.clone()
    }
}

impl FromRef<App> for Documents {
    fn from_ref(app: &App) -> Self {
        app.documents.clone()
    }
}

impl FromRef<App> for Health {
    fn from_ref(app: &App) -> Self {
        app.health.clone()
    }
}

/// Everything that the main listener serves.
pub(crate) fn router(app: App, callers: Callers) -> Router {
    let body_bytes_max = app.documents.limits().message_bytes_max;
    finish(routes(), body_bytes_max, Some(callers)).with_state(app)
}

/// What operators need, for a listener of its own.
pub(crate) fn operations(health: Health, callers: Callers) -> Router {
    finish(operation_routes(), 0, Some(callers)).with_state(health)
}

/// Documents alone, for the command line without a server: nobody else can ask.
pub(crate) fn documents_only(documents: Documents) -> Router {
    let body_bytes_max = documents.limits().message_bytes_max;
    finish(document_routes(), body_bytes_max, None).with_state(documents)
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Frame::openapi())
        .routes(routes!(websocket::welcome))
        .routes(routes!(websocket::connect))
        .routes(routes!(openapi::openapi))
        .merge(document_routes())
        .merge(operation_routes())
}

fn document_routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S>
where
    Documents: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_documents::list_documents, create_document::create_document))
        .routes(routes!(show_document::show_document, delete_document::delete_document))
        .routes(routes!(history::history))
        .routes(routes!(import_document::import_document))
}

fn operation_routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S>
where
    Health: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

fn finish<S: Clone + Send + Sync + 'static>(
    routes: OpenApiRouter<S>,
    body_bytes_max: usize,
    callers: Option<Callers>,
) -> Router<S> {
    let (router, _description) = routes.split_for_parts();
    router
        .fallback(async || Fault::NotFound)
        .method_not_allowed_fallback(async || Fault::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(from_fn_with_state(callers, guard::guard))
}
