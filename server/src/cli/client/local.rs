//! The server's router without a server: for a data directory that no server has open.

use crate::access::{AccessControl, Live};
use crate::accounts::AccountDirectory;
use crate::config::Config;
use crate::conflicts::ConflictRecords;
use crate::events::EventStreams;
use crate::http::{self, Documents, Guard, LocalApp};
use crate::memory::Memory;
use crate::rooms::{RoomContext, Rooms};
use crate::server::AddressFile;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use std::sync::Arc;
use tiebreak_driver::{Clock, Compactor};
use tiebreak_kinds::Kinds;
use tiebreak_storage::{AccountStore, DocumentStore, OpenError, SqliteOptions, SqliteStore, StorageError};
use tiebreak_sync::room::Flagging;
use tower::ServiceExt;

/// Holds the data directory until it is closed.
pub(in crate::cli) struct Local {
    store: Arc<dyn DocumentStore>,
    rooms: Rooms,
    router: Router,
}

impl Local {
    pub(super) fn open(config: &Config, kinds: Kinds) -> Result<Self, OpenError> {
        let opened =
            tokio::task::block_in_place(|| SqliteStore::open(&config.data, &SqliteOptions::default()));
        let opened = Arc::new(opened?);
        let store: Arc<dyn DocumentStore> = Arc::<SqliteStore>::clone(&opened);
        // Whoever left it does not serve any more.
        drop(AddressFile::claim(&config.data));
        let limits = Arc::new(config.limits.limits());
        let conflicts =
            ConflictRecords::new(Arc::<SqliteStore>::clone(&opened), kinds.clone(), EventStreams::default());
        let rooms = Rooms::new(RoomContext {
            store: Arc::clone(&store),
            limits: Arc::clone(&limits),
            clock: Clock::start(),
            compactor: Compactor::new(Arc::clone(&store)),
            memory: Memory::default(),
            flagging: Flagging { kinds, plain: config.plain_documents.into() },
            conflicts: conflicts.clone(),
        });
        let (accounts, live) = (AccountStore::new(opened), Live::default());
        let app = LocalApp {
            documents: Documents::new(rooms.clone(), Arc::clone(&store), limits),
            conflicts,
            access: AccessControl::new(accounts.clone(), None, live.clone(), None),
            accounts: None,
            directory: AccountDirectory::new(accounts, live),
        };
        let router = http::local(app, Guard::new(None, Memory::default(), &config.http));
        Ok(Self { store, rooms, router })
    }

    pub(super) async fn ask(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }

    pub(super) async fn close(self) -> Result<(), StorageError> {
        self.rooms.close().await;
        self.store.close().await
    }
}
