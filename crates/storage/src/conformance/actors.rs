//! Actors are bound to accounts by the append that brings their changes.

use super::{batch, compaction, document, load, through};
use crate::{Append, Committed, DocumentStore, StorageError};
use std::collections::BTreeMap;
use tiebreak_protocol::{AccountId, ActorId};

pub async fn the_first_binding_of_an_actor_stays(store: &dyn DocumentStore) {
    let (id, other) = (document("bound"), document("bound elsewhere"));
    let (ann, bob) = (AccountId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));
    let actor = |number: u8| ActorId::from_bytes(&[number; 3]);
    let binding = |document, number: u64, actors| Append { actors, ..batch(document, number..=number, 0) };
    let appends = [
        binding(id, 1, vec![(actor(1), ann), (actor(2), bob), (actor(2), ann)]),
        binding(id, 2, vec![(actor(1), bob), (actor(3), ann)]),
        binding(other, 1, vec![(actor(1), bob)]),
    ];
    for append in appends {
        assert!(store.append(append).await.is_ok());
    }
    let bound = BTreeMap::from([(actor(1), ann), (actor(2), bob), (actor(3), ann)]);
    assert_eq!(load(store, id).await.actors, bound);
    assert_eq!(load(store, other).await.actors, BTreeMap::from([(actor(1), bob)]));
    assert_eq!(store.compact(compaction(id, 2)).await, Ok(()));
    assert_eq!(load(store, id).await.actors, bound, "they outlive the changes that brought them");
    assert_eq!(store.delete(id).await, Ok(true));
    assert_eq!(load(store, id).await.actors, BTreeMap::new());
    assert_eq!(load(store, other).await.actors.len(), 1);
}

pub async fn an_append_that_is_refused_binds_nobody(store: &dyn DocumentStore) {
    let id = document("bound to nothing");
    let actors = vec![(ActorId::from_bytes(b"actor"), AccountId::from_bytes([1; 16]))];
    let empty = Append { changes: Vec::new(), actors: actors.clone(), ..batch(id, 1..=1, 0) };
    assert_eq!(store.append(empty).await, Ok(Committed { through: 0, created: false }));
    assert_eq!(through(store.append(batch(id, 1..=1, 0)).await), 1);
    assert_eq!(load(store, id).await.actors, BTreeMap::new());
    assert_eq!(store.delete(id).await, Ok(true));
    let refused = store.append(Append { actors, ..batch(id, 2..=2, 0) }).await;
    assert_eq!(refused, Err(StorageError::Deleted));
    assert_eq!(load(store, id).await.actors, BTreeMap::new());
}
