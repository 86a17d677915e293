//! The HTTP surface: one file an endpoint, one router.

mod health;
pub(crate) mod problem;

use crate::doors::automerge::{self, Door};
use crate::server::Health;
use axum::Router;
use axum::routing::get;

/// What handlers may use.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) door: Door,
    pub(crate) health: Health,
}

/// Everything that the main listener serves.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/automerge", get(automerge::open).with_state(app.door.clone()))
        // Stock sync servers listen at the root; clients configured for them find us there too.
        .route("/", get(automerge::open).with_state(app.door.clone()))
        .merge(operations(app.health))
}

/// What operators need, also on a listener of its own.
pub(crate) fn operations(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready).with_state(health))
        .route("/metrics", get(health::metrics))
}
