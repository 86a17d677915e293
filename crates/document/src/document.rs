//! One document: what is stored of it, and, once something has to look inside, the CRDT engine over it.
//!
//! Opening costs time and memory in proportion to the history, so it happens late: heads, and all that a
//! new device needs, are known from the stored chunks alone.

use crate::gatekeeper::{ActorBytes, CheckedChange};
use crate::operations::Operations;
use automerge::{ActorId, Automerge, AutomergeError, Change, ReadDoc};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use tiebreak_protocol::{ChangeHash, Heads};

/// A change that is part of a document, as it came from the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedChange {
    pub hash: ChangeHash,
    pub bytes: Bytes,
}

/// What a replica lacks, as far as it fits into a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    pub changes: Vec<SavedChange>,
    /// Changes that did not fit.
    pub later: std::collections::BTreeSet<ChangeHash>,
    /// The heads of the replica once it has `changes`.
    pub heads: Heads,
}

/// The stored chunks of a document do not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the stored chunks are not a readable document: {0}")]
    Unreadable(String),
    /// What was read is not what was written: chunks are missing or altered.
    #[error("the stored chunks lead to other heads than the ones stored with them")]
    OtherHeads,
}

/// Changes that passed the gatekeeper did not merge. The document in memory is worthless after this:
/// drop it, read it back from the store, and find the culprit by merging one change at a time.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    #[error("the library failed on the changes: {0}")]
    Failed(String),
    /// The library returned success but holds another history than the changes make.
    #[error("the library did not take every change")]
    Incomplete,
}

/// One Automerge document.
#[derive(Debug)]
pub struct Document {
    heads: Heads,
    /// A document chunk with the oldest part of the history.
    snapshot: Option<Bytes>,
    /// The changes after the snapshot, in the order they were merged.
    tail: Vec<SavedChange>,
    stored_bytes: u64,
    tail_bytes: u64,
    /// Boxed: most rooms are idle, and it is large.
    engine: Option<Box<Engine>>,
}

/// The CRDT library's document and what the gatekeeper asks of it most.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) automerge: Automerge,
    /// Sequence number of the last change of every actor that ever wrote.
    pub(crate) last_seq_by_actor: BTreeMap<ActorBytes, u64>,
    /// The greatest operation counter in the document.
    pub(crate) max_op: u64,
    /// Noted when first asked for: documents without sequences seldom need them.
    operations: OnceLock<Operations>,
}

impl Default for Document {
    fn default() -> Self {
        Self::new()
    }
}

impl Document {
    /// A document without history.
    pub fn new() -> Self {
        Self {
            heads: Heads::default(),
            snapshot: None,
            tail: Vec::new(),
            stored_bytes: 0,
            tail_bytes: 0,
            engine: None,
        }
    }

    /// A document as a store keeps it. Nothing is read yet: see [`Document::open`].
    pub fn from_stored(snapshot: Option<Bytes>, tail: Vec<SavedChange>, heads: Heads) -> Self {
        let mut document = Self { heads, snapshot, tail, stored_bytes: 0, tail_bytes: 0, engine: None };
        document.count_bytes();
        document
    }

    /// What this replica has seen. Empty: the document does not exist (yet).
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// Bytes of the snapshot and of the changes since.
    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Changes merged since the snapshot.
    pub fn tail_len(&self) -> usize {
        self.tail.len()
    }

    /// Bytes of those.
    pub fn tail_bytes(&self) -> u64 {
        self.tail_bytes
    }

    /// Whether the engine is in memory.
    pub fn is_open(&self) -> bool {
        self.engine.is_some()
    }

    /// Gives the engine's memory back; the next look inside opens it again.
    pub fn close(&mut self) {
        self.engine = None;
    }

    /// Opens the engine over the stored chunks, if it is not open. Linear in the history.
    ///
    /// # Errors
    /// When the chunks do not make a document, or make another one than was stored.
    pub fn open(&mut self) -> Result<(), OpenError> {
        if self.engine.is_none() {
            self.engine = Some(Box::new(Engine::open(self.snapshot.as_deref(), &self.tail, &self.heads)?));
        }
        Ok(())
    }

    /// Opens what is left of a document some of whose stored chunks are lost. Changes that depend on lost
    /// ones are left out too: devices that have them bring them again.
    ///
    /// # Errors
    /// When not even that makes a document.
    pub fn open_what_is_readable(&mut self) -> Result<(), OpenError> {
        let (engine, heads) = Engine::open_what_is_readable(self.snapshot.as_deref(), &self.tail)?;
        self.tail.retain(|change| engine.has(&change.hash));
        self.count_bytes();
        self.heads = heads;
        self.engine = Some(Box::new(engine));
        Ok(())
    }

    /// The whole document as a sequence of chunks that any replica loads as one: a snapshot, then changes.
    pub fn chunks(&self) -> impl Iterator<Item = &Bytes> {
        self.snapshot.iter().chain(self.tail.iter().map(|change| &change.bytes))
    }

    /// Puts a snapshot in place of the oldest `changes` of the tail; both must hold the same history.
    pub fn compacted(&mut self, snapshot: Bytes, changes: usize) {
        self.tail.drain(..changes.min(self.tail.len()));
        self.snapshot = Some(snapshot);
        self.count_bytes();
    }

    /// Merges changes that [`Document::admit`] called ready, in the order it gave them.
    ///
    /// # Errors
    /// When the library fails; see [`MergeError`] for what to do then.
    pub fn merge(&mut self, changes: &[CheckedChange]) -> Result<(), MergeError> {
        if changes.is_empty() {
            return Ok(());
        }
        let heads = advance(&self.heads, changes);
        let engine = self.engine.get_or_insert_default();
        engine.merge(changes, &heads)?;
        self.heads = heads;
        for change in changes {
            self.stored_bytes += change.bytes().len() as u64;
            self.tail_bytes += change.bytes().len() as u64;
            self.tail.push(SavedChange { hash: change.hash(), bytes: change.bytes().clone() });
        }
        Ok(())
    }

    /// Whether the document holds this change. Only an open document knows more than its heads.
    pub fn has(&self, hash: &ChangeHash) -> bool {
        self.heads.contains(hash) || self.engine.as_ref().is_some_and(|engine| engine.has(hash))
    }

    /// What a replica with `frontier` lacks, in causal order, up to about `bytes_max` bytes. Opens the document
    /// if need be; hashes that it does not hold are ignored.
    ///
    /// # Errors
    /// When the document does not open.
    pub fn missing(&mut self, frontier: &[ChangeHash], bytes_max: usize) -> Result<Missing, OpenError> {
        if self.heads.iter().all(|head| frontier.contains(head)) {
            return Ok(Missing { heads: self.heads.clone(), ..Missing::default() });
        }
        self.open()?;
        let Some(engine) = &self.engine else { return Err(OpenError::OtherHeads) };
        let frontier: Vec<_> = frontier.iter().filter(|hash| engine.has(hash)).copied().collect();
        let known: Vec<_> = frontier.iter().map(|hash| library_hash(*hash)).collect();
        let mut open: std::collections::BTreeSet<_> = frontier.into_iter().collect();
        let (mut missing, mut bytes) = (Missing::default(), 0);
        for change in guarded(|| engine.automerge.get_changes(&known))? {
            let next = saved(&change);
            // What comes after may depend on what did not fit.
            if !missing.later.is_empty() || (bytes > 0 && bytes + next.bytes.len() > bytes_max) {
                missing.later.insert(next.hash);
                continue;
            }
            bytes += next.bytes.len();
            for dep in change.deps() {
                open.remove(&our_hash(*dep));
            }
            open.insert(next.hash);
            missing.changes.push(next);
        }
        let is_all = missing.later.is_empty();
        missing.heads = if is_all { self.heads.clone() } else { open.into_iter().collect() };
        Ok(missing)
    }

    /// One change by its hash. The document must be open.
    pub fn change(&self, hash: &ChangeHash) -> Option<SavedChange> {
        let change = self.engine.as_ref()?.automerge.get_change_by_hash(&library_hash(*hash))?;
        Some(saved(&change))
    }

    /// Hashes of every change that a replica with `frontier` lacks. The document must be open.
    pub fn hashes_since(&self, frontier: &[ChangeHash]) -> Vec<ChangeHash> {
        let Some(engine) = &self.engine else { return Vec::new() };
        let frontier: Vec<_> =
            frontier.iter().filter(|hash| engine.has(hash)).map(|hash| library_hash(*hash)).collect();
        engine.automerge.get_changes_meta(&frontier).iter().map(|meta| our_hash(meta.hash)).collect()
    }

    /// One compact chunk that holds the whole history, proven to load again with the same heads.
    ///
    /// # Errors
    /// When the document does not open or its saved form does not read back: then the changes must be kept.
    pub fn snapshot(&mut self) -> Result<Bytes, OpenError> {
        self.open()?;
        let Some(engine) = &self.engine else { return Err(OpenError::OtherHeads) };
        let saved = guarded(|| engine.automerge.save())?;
        let reopened = Engine::open(Some(&saved), &[], &self.heads)?;
        drop(reopened);
        Ok(saved.into())
    }

    fn count_bytes(&mut self) {
        self.tail_bytes = self.tail.iter().map(|change| change.bytes.len() as u64).sum();
        self.stored_bytes =
            self.tail_bytes + self.snapshot.as_ref().map_or(0, |snapshot| snapshot.len() as u64);
    }

    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.engine.as_deref()
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::over(empty())
    }
}

impl Engine {
    const fn over(automerge: Automerge) -> Self {
        Self { automerge, last_seq_by_actor: BTreeMap::new(), max_op: 0, operations: OnceLock::new() }
    }

    fn open(snapshot: Option<&[u8]>, tail: &[SavedChange], heads: &Heads) -> Result<Self, OpenError> {
        let (engine, loaded_heads) = Self::open_what_is_readable(snapshot, tail)?;
        if loaded_heads != *heads {
            return Err(OpenError::OtherHeads);
        }
        Ok(engine)
    }

    fn open_what_is_readable(
        snapshot: Option<&[u8]>,
        tail: &[SavedChange],
    ) -> Result<(Self, Heads), OpenError> {
        let automerge = guarded(|| -> Result<Automerge, AutomergeError> {
            let mut automerge = match snapshot {
                Some(snapshot) => Automerge::load(snapshot)?.with_actor(server_actor()),
                None => empty(),
            };
            let changes = tail.iter().map(|change| Change::from_bytes(change.bytes.to_vec()));
            automerge.apply_changes(changes.collect::<Result<Vec<_>, _>>()?)?;
            Ok(automerge)
        })?
        .map_err(|error| OpenError::Unreadable(error.to_string()))?;
        let heads = heads_of(&automerge);
        let mut engine = Self::over(automerge);
        for meta in engine.automerge.get_changes_meta(&[]) {
            engine.max_op = engine.max_op.max(meta.max_op);
            let last_seq = engine.last_seq_by_actor.entry(meta.actor.to_bytes().into()).or_default();
            *last_seq = meta.seq.max(*last_seq);
        }
        Ok((engine, heads))
    }

    fn merge(&mut self, changes: &[CheckedChange], heads: &Heads) -> Result<(), MergeError> {
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

/// Our heads once `changes` have joined them.
fn advance(heads: &Heads, changes: &[CheckedChange]) -> Heads {
    let mut open: std::collections::BTreeSet<_> = heads.iter().copied().collect();
    for change in changes {
        for dep in change.deps() {
            open.remove(dep);
        }
        open.insert(change.hash());
    }
    open.into_iter().collect()
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
