//! The HTTP surface: one file an endpoint, one router, from which its OpenAPI document is made.

mod account;
mod accounts;
mod attached;
mod callers;
mod conflicts;
mod cors;
mod create_document;
mod delete_document;
pub(crate) mod demo;
mod documents;
mod etag;
mod events;
mod file;
mod gate;
mod grants;
mod guard;
pub(crate) mod health;
mod history;
mod import_document;
mod invitations;
mod json_body;
mod jwks;
mod keys;
mod kinds;
mod list_documents;
pub(crate) mod listener;
mod merged;
mod openapi;
mod operators;
pub(crate) mod peer_address;
pub(crate) mod problem;
mod read_budget;
mod request;
mod sessions;
mod show_document;
mod state;
mod strangers;
mod time;
pub(crate) mod tls;
mod websocket;
mod write_deadline;

pub(crate) use callers::{Callers, LocalPages};
pub(crate) use documents::Documents;
pub(crate) use guard::Guard;
pub(crate) use peer_address::Remote;
pub(crate) use problem::Fault;
pub(crate) use state::{App, LocalApp};
pub(crate) use strangers::{Addresses, Strangers};
pub(crate) use time::from_milliseconds;

use crate::access::{AccessControl, Principal};
use crate::config::Demo;
use crate::conflicts::ConflictRecords;
use crate::server::Health;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, FromRef};
use axum::middleware::from_fn_with_state;
use tiebreak_protocol::Limits;
use tower::util::option_layer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Everything that the main listener serves.
pub(crate) fn router(app: App, demo: Demo, guard: Guard) -> Router {
    let body_bytes_max = body_bytes_max(app.documents.limits());
    let routes = match demo {
        // Files for people: the description lists what programs ask for.
        Demo::Served => routes().merge(OpenApiRouter::from(demo::routes())),
        Demo::LeftOut => routes(),
    };
    let gate = from_fn_with_state(app.access.clone(), gate::gate);
    let routes = routes.layer(gate);
    finish(routes, body_bytes_max, guard).with_state(app)
}

/// What operators need, for a listener of its own.
pub(crate) fn operations(health: Health, guard: Guard) -> Router {
    finish(operation_routes(), 0, guard).with_state(health)
}

/// What operators ask, for the command line without a server: nobody else can ask.
pub(crate) fn local(app: LocalApp, guard: Guard) -> Router {
    let body_bytes_max = body_bytes_max(app.documents.limits());
    let routes = document_routes()
        .merge(conflict_routes())
        .merge(grant_routes())
        .merge(operators::routes())
        .routes(routes!(accounts::create_account))
        .layer(Extension(Principal::Operator));
    finish(routes, body_bytes_max, guard).with_state(app)
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
        .routes(routes!(kinds::list_kinds))
        .routes(routes!(kinds::show_kind))
        .merge(conflict_routes())
        .routes(routes!(events::events))
        .merge(account_routes())
        .merge(grant_routes())
        .merge(sharing_routes())
        .merge(operators::routes())
        .merge(operation_routes())
}

fn document_routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S>
where
    Documents: FromRef<S>,
    AccessControl: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_documents::list_documents, create_document::create_document))
        .routes(routes!(show_document::show_document, delete_document::delete_document))
        .routes(routes!(history::history))
        .routes(routes!(import_document::import_document))
}

fn conflict_routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S>
where
    ConflictRecords: FromRef<S>,
    Documents: FromRef<S>,
    AccessControl: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(conflicts::list_conflicts))
        .routes(routes!(conflicts::show_conflict))
        .routes(routes!(conflicts::resolve_conflict))
}

fn account_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(accounts::create_account))
        .routes(routes!(sessions::login))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::logout))
        .routes(routes!(account::show_account, account::change_account, account::delete_account))
        .routes(routes!(account::change_password))
        .routes(routes!(account::export_account))
        .routes(routes!(account::list_devices))
        .routes(routes!(account::revoke_device))
        .routes(routes!(account::create_ticket))
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::delete_key))
        .routes(routes!(jwks::jwks))
}

fn grant_routes<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S>
where
    Documents: FromRef<S>,
    AccessControl: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(grants::list_grants))
        .routes(routes!(grants::put_grant, grants::delete_grant))
}

fn sharing_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(grants::leave))
        .routes(routes!(invitations::list_invitations, invitations::create_invitation))
        .routes(routes!(invitations::delete_invitation))
        .routes(routes!(invitations::redeem))
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
    let cors = guard.callers().map(cors::cors);
    router
        .fallback(async || Fault::NotFound)
        .method_not_allowed_fallback(async || Fault::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(from_fn_with_state(guard, guard::guard))
        .layer(option_layer(cors))
}
