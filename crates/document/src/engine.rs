//! The CRDT library's document inside ours, and the notes that make it quick to ask.

use crate::document::{MergeError, OpenError, SavedChange};
use crate::document_chunk::plain_length;
use crate::gatekeeper::{ActorBytes, CheckedChange, OPERATION_WEIGHT};
use crate::operations::Operations;
use automerge::{ActorId, Automerge, AutomergeError, Change, ReadDoc};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use tiebreak_protocol::{ChangeHash, Heads};

/// The CRDT library's document and what the gatekeeper asks of it most.
#[derive(Debug)]
pub(crate) struct Engine {
    /// Holds what `known` names and nothing else: no change waits inside it for another.
    pub(crate) automerge: Automerge,
    known: BTreeSet<ChangeHash>,
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
            known: BTreeSet::new(),
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

    /// Opens what is here of a history. Changes of the tail whose dependencies do not stand before them
    /// are left out: the library would keep them to itself, and come out with them at the wrong moment.
    pub(crate) fn open_what_is_readable(
        snapshot: Option<&[u8]>,
        tail: &[SavedChange],
    ) -> Result<(Self, Heads), OpenError> {
        let opened = guarded(|| -> Result<Self, AutomergeError> {
            let mut engine = match snapshot {
                Some(snapshot) => Self::over(Automerge::load(snapshot)?.with_actor(server_actor())),
                None => Self::default(),
            };
            engine.note_history();
            engine.weight = snapshot.map_or(0, |snapshot| engine.weight.max(plain_length(snapshot)));
            let mut founded = Vec::with_capacity(tail.len());
            for SavedChange { bytes, .. } in tail {
                let change = Change::from_bytes(bytes.to_vec())?;
                let is_new = !engine.has(&our_hash(change.hash()));
                if is_new && change.deps().iter().all(|dep| engine.has(&our_hash(*dep))) {
                    engine.note_saved(&change, plain_length(bytes));
                    founded.push(change);
                }
            }
            engine.automerge.apply_changes(founded)?;
            Ok(engine)
        })?;
        let engine = opened.map_err(|error| OpenError::Unreadable(error.to_string()))?;
        if !engine.automerge.get_missing_deps(&[]).is_empty() {
            return Err(OpenError::Unreadable("the library holds changes back".to_owned()));
        }
        let heads = heads_of(&engine.automerge);
        Ok((engine, heads))
    }

    /// Notes what the library read from a snapshot. What its changes weighed is not known any more.
    fn note_history(&mut self) {
        for meta in self.automerge.get_changes_meta(&[]) {
            let operations = (meta.max_op + 1).saturating_sub(meta.start_op);
            self.known.insert(our_hash(meta.hash));
            self.max_op = self.max_op.max(meta.max_op);
            self.weight += operations * OPERATION_WEIGHT;
            let last_seq = self.last_seq_by_actor.entry(meta.actor.to_bytes().into()).or_default();
            *last_seq = meta.seq.max(*last_seq);
        }
    }

    fn note_saved(&mut self, change: &Change, plain_length: u64) {
        self.known.insert(our_hash(change.hash()));
        self.max_op = self.max_op.max(change.max_op());
        self.weight += plain_length.max(change.len() as u64 * OPERATION_WEIGHT);
        self.last_seq_by_actor.insert(change.actor_id().to_bytes().into(), change.seq());
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
            self.known.insert(change.hash());
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
        self.known.contains(hash)
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
