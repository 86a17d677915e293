//! Doing what a replica wants: the store, the connection, and whoever waits for an answer.

use super::{DocumentTask, NOTICES_MAX};
use crate::status::{StatusBoard, SyncError};
use futures_util::FutureExt;
use std::sync::Arc;
use tiebreak_driver::{NewChanges, RoomStore, refusal};
use tiebreak_protocol::Heads;
use tiebreak_storage::StorageError;
use tiebreak_sync::replica::{Effect, Standing};
use tiebreak_sync::room;
use tracing::{debug, error, warn};

impl DocumentTask {
    pub(super) async fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Room(effect) => self.perform_room(effect).await,
                // Those who watch were told when it came about.
                Effect::Changed(heads) if heads.is_empty() => {}
                Effect::Changed(_) => self.parts.hub.kept(self.document.id),
                Effect::Stands(standing) => self.stand(standing),
                Effect::Remember(heads) => self.remember(heads),
                Effect::Refused(refused) => {
                    debug!(document = %self.document.id, code = refused.code, "a change was refused");
                    let (document, refused) = (self.document.id, refused);
                    self.parts.board.failed(SyncError::Refused { document, refused });
                }
                Effect::Stalled(refusal) => {
                    let (document, reason) = (Some(self.document.id), refusal.to_string());
                    self.parts.board.failed(SyncError::Storage { document, reason });
                    self.stall();
                }
            }
        }
    }

    fn stand(&self, standing: Standing) {
        self.parts.board.stands(self.document.id, standing);
        self.parts.hub.stands(self.document.id, self.session, standing);
    }

    /// Takes no part in the connection any more until the hub lets it begin anew.
    pub(super) fn stall(&mut self) {
        self.notices.clear();
        self.parts.hub.stalled(self.document.id);
    }

    async fn perform_room(&mut self, effect: room::Effect) {
        match effect {
            room::Effect::Load => {
                let (store, board) = (self.store.clone(), Arc::clone(&self.parts.board));
                let load = async move {
                    let loaded = store.load().await.map_err(|error| noted(&board, &store, &error));
                    Some(room::Input::Loaded(loaded))
                };
                self.work.push(load.boxed());
            }
            room::Effect::Append { changes, heads, actors, owner, conflicts: _ } => {
                let (store, board) = (self.store.clone(), Arc::clone(&self.parts.board));
                let append = async move {
                    let new = NewChanges { changes, heads, actors, owner, beside: Vec::new() };
                    let stored = store.append(new).await;
                    Some(room::Input::Appended(stored.map_err(|error| noted(&board, &store, &error))))
                };
                self.work.push(append.boxed());
            }
            room::Effect::Tell { notice, .. } if self.notices.len() < NOTICES_MAX => {
                self.notices.push_back(notice);
            }
            room::Effect::Tell { .. } => self.is_overfull = true,
            room::Effect::Quarantine { change, reason } => {
                error!(document = %self.document.id, change = %change.hash, reason, "a change was set aside");
                let store = self.store.clone();
                let keep = async move {
                    if let Err(error) = store.quarantine(change, reason).await {
                        warn!(document = %store.document(), %error, "a change that was set aside was not kept");
                    }
                    None
                };
                self.work.push(keep.boxed());
            }
            room::Effect::Compact => {
                let (compactor, document) = (self.parts.compactor.clone(), self.document.id);
                let compact = async move { Some(room::Input::Compacted(compactor.compact(document).await)) };
                self.work.push(compact.boxed());
            }
            room::Effect::Delete => {
                let (store, board) = (self.store.clone(), Arc::clone(&self.parts.board));
                let delete = async move {
                    let deleted = store.store().delete(store.document()).await;
                    let deleted = deleted.map(drop).map_err(|error| noted(&board, &store, &error));
                    Some(room::Input::Deleted(deleted))
                };
                self.work.push(delete.boxed());
            }
            room::Effect::Answer { ticket, answer } => {
                let caller = self.document.state.lock().await.callers.remove(&ticket);
                if let Some(caller) = caller {
                    // A caller that has gone wants no answer.
                    caller.send(answer).ok();
                }
            }
            room::Effect::Broken(reason) => {
                error!(document = %self.document.id, reason, "the stored document is unreadable");
                self.parts.board.failed(SyncError::Storage { document: Some(self.document.id), reason });
            }
            room::Effect::Done => self.is_resting = true,
            // Only rooms that look for disagreements record any.
            room::Effect::Record { .. } | room::Effect::Unreviewed(_) => {}
            // Told as `Effect::Refused`, or of no concern to who has one peer.
            room::Effect::Refused(_) | room::Effect::Recall { .. } | room::Effect::Remember { .. } => {}
        }
    }

    fn remember(&self, heads: Heads) {
        let (store, server) = (self.store.clone(), self.parts.server.clone());
        let remember = async move {
            if let Err(error) = store.store().remember_shared_heads(server, store.document(), heads).await {
                warn!(document = %store.document(), %error, "what the server has was not remembered");
            }
            None
        };
        self.work.push(remember.boxed());
    }
}

/// What the app is told of a storage error.
fn noted(board: &StatusBoard, store: &RoomStore, error: &StorageError) -> tiebreak_protocol::Refusal {
    warn!(document = %store.document(), %error, "the local store did not do what it was asked");
    let (document, reason) = (Some(store.document()), error.to_string());
    board.failed(SyncError::Storage { document, reason });
    refusal(error)
}
