//! One document: what is stored of it, and, once something has to look inside, the CRDT engine over it.
//!
//! Opening costs time and memory in proportion to the history, so it happens late: heads, and all that a
//! new device needs, are known from the stored chunks alone.

use crate::engine::{Engine, fold, prove};
use crate::gatekeeper::CheckedChange;
use bytes::Bytes;
use std::collections::BTreeSet;
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
    pub later: BTreeSet<ChangeHash>,
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

    /// Opens the engine over the stored chunks, if it is not open. Linear in the history. Whatever looks
    /// inside opens the document itself; this says when it happens.
    ///
    /// # Errors
    /// When the chunks do not make a document, or make another one than was stored.
    pub fn open(&mut self) -> Result<(), OpenError> {
        self.opened().map(drop)
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
        if let Some(engine) = &mut self.engine {
            engine.weigh_again(&snapshot, &self.tail);
        }
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
        let engine = self.opened().map_err(|error| MergeError::Failed(error.to_string()))?;
        engine.merge(changes, &heads)?;
        self.append(changes, heads);
        Ok(())
    }

    /// The engine, to write in. Whoever does not put it back leaves the document as it was: it opens again
    /// from what is stored of it.
    pub(crate) fn take_engine(&mut self) -> Result<Box<Engine>, OpenError> {
        match self.engine.take() {
            Some(engine) => Ok(engine),
            None => Engine::open(self.snapshot.as_deref(), &self.tail, &self.heads).map(Box::new),
        }
    }

    /// Puts the engine back, and takes in the changes that were written in it as [`Document::merge`] takes those
    /// from elsewhere.
    pub(crate) fn put_back(
        &mut self,
        mut engine: Box<Engine>,
        written: &[CheckedChange],
    ) -> Result<(), OpenError> {
        let heads = advance(&self.heads, written);
        engine.take_written(written, &heads)?;
        self.append(written, heads);
        self.engine = Some(engine);
        Ok(())
    }

    /// Notes changes that the engine holds.
    fn append(&mut self, changes: &[CheckedChange], heads: Heads) {
        self.heads = heads;
        for change in changes {
            self.stored_bytes += change.bytes().len() as u64;
            self.tail_bytes += change.bytes().len() as u64;
            self.tail.push(SavedChange { hash: change.hash(), bytes: change.bytes().clone() });
        }
    }

    /// Whether the document holds this change. Only an open document knows more than its heads.
    pub fn has(&self, hash: &ChangeHash) -> bool {
        self.heads.contains(hash) || self.engine.as_ref().is_some_and(|engine| engine.has(hash))
    }

    /// What a replica with `frontier` lacks, in causal order, up to about `bytes_max` bytes; hashes that the
    /// document does not hold are ignored.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn missing(&mut self, frontier: &[ChangeHash], bytes_max: usize) -> Result<Missing, OpenError> {
        let heads = self.heads.clone();
        if heads.iter().all(|head| frontier.contains(head)) {
            return Ok(Missing { heads, ..Missing::default() });
        }
        let missing = self.opened()?.read(|engine| engine.missing(frontier, bytes_max))?;
        let is_all = missing.later.is_empty();
        Ok(if is_all { Missing { heads, ..missing } } else { missing })
    }

    /// One change by its hash.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn change(&mut self, hash: &ChangeHash) -> Result<Option<SavedChange>, OpenError> {
        self.opened()?.read(|engine| engine.change(hash))
    }

    /// Hashes of every change that a replica with `frontier` lacks.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn hashes_since(&mut self, frontier: &[ChangeHash]) -> Result<Vec<ChangeHash>, OpenError> {
        self.opened()?.read(|engine| engine.hashes_since(frontier))
    }

    /// How many changes a replica with `frontier` lacks; hashes that the document does not hold are ignored.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn pending(&mut self, frontier: &[ChangeHash]) -> Result<usize, OpenError> {
        if self.heads.iter().all(|head| frontier.contains(head)) {
            return Ok(0);
        }
        self.hashes_since(frontier).map(|hashes| hashes.len())
    }

    /// One compact chunk that holds the whole history, proven to load again with the same heads.
    ///
    /// # Errors
    /// When the document does not open or its saved form does not read back: then the changes must be kept.
    pub fn snapshot(&self) -> Result<Bytes, OpenError> {
        let Some(engine) = &self.engine else {
            return Ok(fold(self.snapshot.as_deref(), &self.tail, &self.heads)?.into());
        };
        let saved = engine.read(|engine| engine.automerge.save())?;
        prove(&saved, &self.heads)?;
        Ok(saved.into())
    }

    fn count_bytes(&mut self) {
        self.tail_bytes = self.tail.iter().map(|change| change.bytes.len() as u64).sum();
        self.stored_bytes =
            self.tail_bytes + self.snapshot.as_ref().map_or(0, |snapshot| snapshot.len() as u64);
    }

    /// For tests that only look: the engine of a document that is open.
    #[cfg(test)]
    pub(crate) fn opened_before(&self) -> &Engine {
        self.engine.as_deref().unwrap()
    }

    /// The engine, if it is open.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.engine.as_deref()
    }

    /// The engine, open.
    pub(crate) fn opened(&mut self) -> Result<&mut Engine, OpenError> {
        let engine = self.take_engine()?;
        Ok(self.engine.insert(engine))
    }
}

/// Our heads once `changes` have joined them.
fn advance(heads: &Heads, changes: &[CheckedChange]) -> Heads {
    let mut open: BTreeSet<_> = heads.iter().copied().collect();
    for change in changes {
        for dep in change.deps() {
            open.remove(dep);
        }
        open.insert(change.hash());
    }
    open.into_iter().collect()
}
