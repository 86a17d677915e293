//! The HTTP surface: one file an endpoint, one router, from which its OpenAPI document is made.

mod attached;
mod callers;
mod create_document;
mod delete_document;
pub(crate) mod demo;
mod documents;
mod etag;
mod file;
mod guard;
pub(crate) mod health;
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
mod write_deadline;

pub(crate) use callers::Callers;
pub(crate) use documents::Documents;
pub(crate) use guard::Guard;

use crate::config::Demo;
use crate::doors::automerge::Door;
use crate::server::Health;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::from_fn_with_state;
use problem::Fault;
use tiebreak_protocol::Limits;
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
pub(crate) fn router(app: App, demo: Demo, guard: Guard) -> Router {
    let body_bytes_max = body_bytes_max(app.documents.limits());
    let routes = match demo {
        // Files for people: the description lists what programs ask for.
        Demo::Served => routes().merge(OpenApiRouter::from(demo::routes())),
        Demo::LeftOut => routes(),
    };
    finish(routes, body_bytes_max, guard).with_state(app)
}

/// What operators need, for a listener of its own.
pub(crate) fn operations(health: Health, guard: Guard) -> Router {
    finish(operation_routes(), 0, guard).with_state(health)
}

/// Documents alone, for the command line without a server: nobody else can ask.
pub(crate) fn documents_only(documents: Documents, guard: Guard) -> Router {
    let body_bytes_max = body_bytes_max(documents.limits());
    finish(document_routes(), body_bytes_max, guard).with_state(documents)
}

/// Whatever was exported can be imported: a document may hold more than one message of a device.
fn body_bytes_max(limits: &Limits) -> usize {
    let document_bytes_max = usize::try_from(limits.document_bytes_max).unwrap_or(usize::MAX);
    limits.message_bytes_max.max(document_bytes_max)
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
    guard: Guard,
) -> Router<S> {
    let (router, _description) = routes.split_for_parts();
    router
        .fallback(async || Fault::NotFound)
        .method_not_allowed_fallback(async || Fault::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(from_fn_with_state(guard, guard::guard))
}
