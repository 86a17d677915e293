//! The CRDT library's document inside ours, and the notes that make it quick to ask.

use crate::document::{MergeError, OpenError, SavedChange};
use crate::document_chunk::plain_length;
use crate::gatekeeper::{ActorBytes, CheckedChange, OPERATION_WEIGHT};
use crate::operations::Operations;
use automerge::{ActorId, Automerge, AutomergeError, Change, ReadDoc};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use tiebreak_protocol::{ChangeHash, Heads};

/// The CRDT library's document and what the gatekeeper asks of it most.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) automerge: Automerge,
    /// Sequence number of the last change of every actor that ever wrote.
    pub(crate) last_seq_by_actor: BTreeMap<ActorBytes, u64>,
    /// The greatest operation counter in the document.
    pub(crate) max_op: u64,
    /// What the history counts for, as [`CheckedChange::weight`] does for a change.
    pub(crate) weight: u64,
    /// Noted when first asked for: documents without sequences seldom need them.
    operations: OnceLock<Operations>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::over(empty())
    }
}

impl Engine {
    const fn over(automerge: Automerge) -> Self {
        Self {
            automerge,
            last_seq_by_actor: BTreeMap::new(),
            max_op: 0,
            weight: 0,
            operations: OnceLock::new(),
        }
    }

    pub(crate) fn open(
        snapshot: Option<&[u8]>,
        tail: &[SavedChange],
        heads: &Heads,
    ) -> Result<Self, OpenError> {
        let (engine, loaded_heads) = Self::open_what_is_readable(snapshot, tail)?;
        if loaded_heads != *heads {
            return Err(OpenError::OtherHeads);
        }
        Ok(engine)
    }

    pub(crate) fn open_what_is_readable(
        snapshot: Option<&[u8]>,
        tail: &[SavedChange],
    ) -> Result<(Self, Heads), OpenError> {
        let mut weight = 0;
        let mut tail_operations = 0;
        let automerge = guarded(|| -> Result<Automerge, AutomergeError> {
            let mut automerge = match snapshot {
                Some(snapshot) => Automerge::load(snapshot)?.with_actor(server_actor()),
                None => empty(),
            };
            let mut changes = Vec::with_capacity(tail.len());
            for SavedChange { bytes, .. } in tail {
                let change = Change::from_bytes(bytes.to_vec())?;
                let operations = change.len() as u64;
                tail_operations += operations;
                weight += plain_length(bytes).max(operations * OPERATION_WEIGHT);
                changes.push(change);
            }
            automerge.apply_changes(changes)?;
            Ok(automerge)
        })?
        .map_err(|error| OpenError::Unreadable(error.to_string()))?;
        let heads = heads_of(&automerge);
        let mut engine = Self::over(automerge);
        let mut operations = 0;
        for meta in engine.automerge.get_changes_meta(&[]) {
            operations += (meta.max_op + 1).saturating_sub(meta.start_op);
            engine.max_op = engine.max_op.max(meta.max_op);
            let last_seq = engine.last_seq_by_actor.entry(meta.actor.to_bytes().into()).or_default();
            *last_seq = meta.seq.max(*last_seq);
        }
        let snapshot_operations = operations.saturating_sub(tail_operations);
        let snapshot_length = snapshot.map_or(0, plain_length);
        engine.weight = weight + snapshot_length.max(snapshot_operations * OPERATION_WEIGHT);
        Ok((engine, heads))
    }

    pub(crate) fn merge(&mut self, changes: &[CheckedChange], heads: &Heads) -> Result<(), MergeError> {
        let automerge = &mut self.automerge;
        let merged = catch_unwind(AssertUnwindSafe(|| -> Result<(), AutomergeError> {
            #[cfg(feature = "failpoints")]
            fail::fail_point!(
                "library panics",
                changes.iter().any(|change| change.message() == Some("poison")),
                |_| Ok(())
            );
            let changes = changes.iter().map(|change| Change::from_bytes(change.plain_bytes().to_vec()));
            automerge.apply_changes(changes.collect::<Result<Vec<_>, _>>()?)
        }));
        match merged {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(MergeError::Failed(error.to_string())),
            Err(panic) => return Err(MergeError::Failed(panic_text(panic.as_ref()))),
        }
        if heads_of(automerge) != *heads {
            return Err(MergeError::Incomplete);
        }
        for change in changes {
            self.max_op = self.max_op.max(change.max_op());
            self.weight += change.weight();
            self.last_seq_by_actor.insert(change.actor().into(), change.seq());
            if let Some(operations) = self.operations.get_mut() {
                operations.note(change);
            }
        }
        Ok(())
    }

    /// What every operation did. The first call is linear in the history.
    pub(crate) fn operations(&self) -> &Operations {
        self.operations.get_or_init(|| Operations::of(&self.automerge))
    }

    pub(crate) fn has_noted_operations(&self) -> bool {
        self.operations.get().is_some()
    }

    pub(crate) fn has(&self, hash: &ChangeHash) -> bool {
        let hash = library_hash(*hash);
        !self.automerge.get_missing_deps(&[hash]).contains(&hash)
    }

    pub(crate) fn meta(&self, hash: &ChangeHash) -> Option<automerge::ChangeMetadata<'_>> {
        self.automerge.get_change_meta_by_hash(&library_hash(*hash))
    }
}

fn empty() -> Automerge {
    Automerge::new().with_actor(server_actor())
}

/// The library wants an actor for every document; the server never writes with this one.
fn server_actor() -> ActorId {
    ActorId::from([0_u8; 16].as_slice())
}

fn heads_of(automerge: &Automerge) -> Heads {
    automerge.get_heads().into_iter().map(our_hash).collect()
}

pub(crate) fn saved(change: &Change) -> SavedChange {
    SavedChange { hash: our_hash(change.hash()), bytes: Bytes::copy_from_slice(change.raw_bytes()) }
}

pub(crate) fn our_hash(hash: automerge::ChangeHash) -> ChangeHash {
    ChangeHash(hash.0)
}

pub(crate) fn library_hash(hash: ChangeHash) -> automerge::ChangeHash {
    automerge::ChangeHash(hash.0)
}

/// Runs library code on bytes that may be damaged.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| OpenError::Unreadable(panic_text(panic.as_ref())))
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic").to_owned()
}
