//! The CRDT library's document inside ours, and the notes that make it quick to ask.

use crate::conflicts::{Registers, RulesLook};
use crate::document::{MergeError, Missing, OpenError, SavedChange};
use crate::document_chunk::plain_length;
use crate::gatekeeper::{ActorBytes, CheckedChange, OPERATION_WEIGHT};
use crate::operations::Operations;
use automerge::{ActorId, Automerge, AutomergeError, Change, ReadDoc};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use tiebreak_protocol::{ChangeHash, Heads};

/// Weight of the changes that the library takes at once. It needs three hundred bytes for each of their
/// operations while it does, of which it keeps sixty.
const PORTION_WEIGHT_MAX: u64 = 8 << 20;

/// The CRDT library's document and what the gatekeeper asks of it most.
#[derive(Debug)]
pub(crate) struct Engine {
    /// Holds the changes noted here and nothing else: no change waits inside it for another.
    pub(crate) automerge: Automerge,
    /// The greatest counter in each change, or just before it if it has no operations.
    max_op_by_change: BTreeMap<ChangeHash, u64>,
    /// The last change of every actor that ever wrote.
    pub(crate) last_by_actor: BTreeMap<ActorBytes, Last>,
    /// The greatest operation counter in the document.
    pub(crate) max_op: u64,
    /// What the history counts for, as [`CheckedChange::weight`] does for a change.
    pub(crate) weight: u64,
    /// How many operations there ever were.
    pub(crate) operation_count: u64,
    /// Noted when first asked for: documents without sequences seldom need them.
    operations: OnceLock<Operations>,
    /// What of the past may still disagree; noted when it is first looked for.
    registers: Option<Box<Registers>>,
    /// When it was last seen whether the document keeps the rules of its kind.
    pub(crate) rules_look: Option<RulesLook>,
}

/// What is asked of an actor's last change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Last {
    pub(crate) hash: ChangeHash,
    pub(crate) seq: u64,
    pub(crate) max_op: u64,
}

/// Changes that the library is to take at once.
#[derive(Debug, Default)]
struct Portion {
    changes: Vec<Change>,
    weight: u64,
}

impl Portion {
    /// Has the library take what has gathered, if the change would make it too much.
    fn add(&mut self, change: Change, weight: u64, automerge: &mut Automerge) -> Result<(), AutomergeError> {
        if self.weight + weight > PORTION_WEIGHT_MAX {
            self.apply(automerge)?;
        }
        self.weight += weight;
        self.changes.push(change);
        Ok(())
    }

    fn apply(&mut self, automerge: &mut Automerge) -> Result<(), AutomergeError> {
        self.weight = 0;
        automerge.apply_changes(std::mem::take(&mut self.changes))
    }
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
            max_op_by_change: BTreeMap::new(),
            last_by_actor: BTreeMap::new(),
            max_op: 0,
            weight: 0,
            operation_count: 0,
            operations: OnceLock::new(),
            registers: None,
            rules_look: None,
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
        let opened = guarded(|| -> Result<(Self, Heads), AutomergeError> {
            let mut engine = match snapshot {
                Some(snapshot) => Self::over(Automerge::load(snapshot)?.with_actor(server_actor())),
                None => Self::default(),
            };
            engine.note_history();
            engine.weigh_again(snapshot.unwrap_or_default(), &[]);
            let mut portion = Portion::default();
            for SavedChange { bytes, .. } in tail {
                let change = Change::from_bytes(bytes.to_vec())?;
                let is_new = !engine.has(&our_hash(change.hash()));
                if is_new && change.deps().iter().all(|dep| engine.has(&our_hash(*dep))) {
                    let last =
                        Last { hash: our_hash(change.hash()), seq: change.seq(), max_op: change.max_op() };
                    let operations = change.len() as u64;
                    let weight = plain_length(bytes).max(operations * OPERATION_WEIGHT);
                    engine.note(change.actor_id().to_bytes(), last, operations, weight);
                    portion.add(change, weight, &mut engine.automerge)?;
                }
            }
            portion.apply(&mut engine.automerge)?;
            if !engine.automerge.get_missing_deps(&[]).is_empty() {
                return Err(AutomergeError::MissingDeps);
            }
            let heads = heads_of(&engine.automerge);
            Ok((engine, heads))
        })?;
        opened.map_err(|error| OpenError::Unreadable(error.to_string()))
    }

    /// Weighs the history as a snapshot and what came after it: in a snapshot changes take up less. The
    /// operations of what came after count twice, which matters little: it is short.
    pub(crate) fn weigh_again(&mut self, snapshot: &[u8], tail: &[SavedChange]) {
        let tail_weight: u64 = tail.iter().map(|change| plain_length(&change.bytes)).sum();
        self.weight = plain_length(snapshot).max(self.operation_count * OPERATION_WEIGHT) + tail_weight;
    }

    /// Notes what the library read from a snapshot.
    fn note_history(&mut self) {
        let Self { automerge, max_op_by_change, last_by_actor, .. } = self;
        for meta in automerge.get_changes_meta(&[]) {
            let (hash, seq, max_op) = (our_hash(meta.hash), meta.seq, meta.max_op);
            max_op_by_change.insert(hash, max_op);
            self.max_op = self.max_op.max(max_op);
            self.operation_count += (max_op + 1).saturating_sub(meta.start_op);
            let last = Last { hash, seq, max_op };
            match last_by_actor.get_mut(meta.actor.to_bytes()) {
                Some(before) if before.seq < seq => *before = last,
                Some(_) => {}
                None => drop(last_by_actor.insert(meta.actor.to_bytes().into(), last)),
            }
        }
    }

    fn note(&mut self, actor: &[u8], last: Last, operations: u64, weight: u64) {
        self.operation_count += operations;
        self.max_op_by_change.insert(last.hash, last.max_op);
        self.max_op = self.max_op.max(last.max_op);
        self.weight += weight;
        self.last_by_actor.insert(actor.into(), last);
    }

    pub(crate) fn merge(&mut self, changes: &[CheckedChange], heads: &Heads) -> Result<(), MergeError> {
        let automerge = &mut self.automerge;
        let merged = catch_unwind(AssertUnwindSafe(|| -> Result<Heads, AutomergeError> {
            #[cfg(feature = "failpoints")]
            fail::fail_point!(
                "library panics",
                changes.iter().any(|change| change.message() == Some("poison")),
                |_| Ok(Heads::default())
            );
            let mut portion = Portion::default();
            for change in changes {
                let library = Change::from_bytes(change.plain_bytes().to_vec())?;
                portion.add(library, change.weight(), automerge)?;
            }
            portion.apply(automerge)?;
            Ok(heads_of(automerge))
        }));
        match merged {
            Ok(Ok(merged)) if merged == *heads => {}
            Ok(Ok(_)) => return Err(MergeError::Incomplete),
            Ok(Err(error)) => return Err(MergeError::Failed(error.to_string())),
            Err(panic) => return Err(MergeError::Failed(panic_text(panic.as_ref()))),
        }
        self.note_changes(changes);
        Ok(())
    }

    /// Notes changes that were written in the library's document itself.
    pub(crate) fn take_written(&mut self, changes: &[CheckedChange], heads: &Heads) -> Result<(), OpenError> {
        let library = &mut self.automerge;
        if guarded(|| heads_of(library.set_actor(server_actor())))? != *heads {
            return Err(OpenError::OtherHeads);
        }
        self.note_changes(changes);
        Ok(())
    }

    fn note_changes(&mut self, changes: &[CheckedChange]) {
        for change in changes {
            let last = Last { hash: change.hash(), seq: change.seq(), max_op: change.max_op() };
            self.note(change.actor(), last, change.operations(), change.weight());
            if let Some(operations) = self.operations.get_mut() {
                operations.note(change);
            }
            if let Some(registers) = &mut self.registers {
                registers.note(change);
            }
        }
    }

    /// Reads the library's document. Everything that it is asked goes this way, or through [`guarded`]:
    /// histories pass the gatekeeper, but that it knows every input the library fails on is not proven.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Self) -> T) -> Result<T, OpenError> {
        guarded(|| work(self))
    }

    /// See [`crate::Document::missing`].
    pub(crate) fn missing(&self, frontier: &[ChangeHash], bytes_max: usize) -> Missing {
        let mut heads: BTreeSet<_> = frontier.iter().filter(|hash| self.has(hash)).copied().collect();
        let (mut missing, mut bytes) = (Missing::default(), 0);
        for change in self.automerge.get_changes(&self.library_frontier(frontier)) {
            let next = saved(&change);
            // What comes after may depend on what did not fit.
            if !missing.later.is_empty() || (bytes > 0 && bytes + next.bytes.len() > bytes_max) {
                missing.later.insert(next.hash);
                continue;
            }
            bytes += next.bytes.len();
            for dep in change.deps() {
                heads.remove(&our_hash(*dep));
            }
            heads.insert(next.hash);
            missing.changes.push(next);
        }
        missing.heads = heads.into_iter().collect();
        missing
    }

    pub(crate) fn change(&self, hash: &ChangeHash) -> Option<SavedChange> {
        self.automerge.get_change_by_hash(&library_hash(*hash)).as_ref().map(saved)
    }

    pub(crate) fn hashes_since(&self, frontier: &[ChangeHash]) -> Vec<ChangeHash> {
        let metas = self.automerge.get_changes_meta(&self.library_frontier(frontier));
        metas.iter().map(|meta| our_hash(meta.hash)).collect()
    }

    fn library_frontier(&self, frontier: &[ChangeHash]) -> Vec<automerge::ChangeHash> {
        frontier.iter().filter(|hash| self.has(hash)).map(|hash| library_hash(*hash)).collect()
    }

    /// What every operation did. The first call is linear in the history.
    pub(crate) fn operations(&self) -> &Operations {
        self.operations.get_or_init(|| Operations::of(&self.automerge))
    }

    /// What of the past may still disagree. The first call is linear in the history; `new` are those of its
    /// changes that nobody has looked at.
    pub(crate) fn registers(&mut self, new: &BTreeSet<ChangeHash>) -> Result<&mut Registers, OpenError> {
        let registers = match self.registers.take() {
            Some(registers) => registers,
            None => Box::new(guarded(|| Registers::of(&self.automerge, new))??),
        };
        Ok(self.registers.insert(registers))
    }

    pub(crate) fn noted_registers(&self) -> Option<&Registers> {
        self.registers.as_deref()
    }

    pub(crate) fn has_noted_operations(&self) -> bool {
        self.operations.get().is_some()
    }

    pub(crate) fn has(&self, hash: &ChangeHash) -> bool {
        self.max_op_by_change.contains_key(hash)
    }

    pub(crate) fn max_op_of(&self, hash: &ChangeHash) -> Option<u64> {
        self.max_op_by_change.get(hash).copied()
    }

    pub(crate) fn deps_of(&self, hash: &ChangeHash) -> Vec<ChangeHash> {
        let meta = self.automerge.get_change_meta_by_hash(&library_hash(*hash));
        meta.map(|meta| meta.deps.into_iter().map(our_hash).collect()).unwrap_or_default()
    }
}

fn empty() -> Automerge {
    Automerge::new().with_actor(server_actor())
}

/// One chunk that holds the history of these, proven to load again with the same heads. Does without the notes
/// that judging changes needs.
pub(crate) fn fold(
    snapshot: Option<&[u8]>,
    tail: &[SavedChange],
    heads: &Heads,
) -> Result<Vec<u8>, OpenError> {
    let folded = guarded(|| -> Result<_, AutomergeError> {
        let mut automerge = snapshot.map_or_else(|| Ok(empty()), Automerge::load)?;
        let mut portion = Portion::default();
        for SavedChange { bytes, .. } in tail {
            portion.add(Change::from_bytes(bytes.to_vec())?, plain_length(bytes), &mut automerge)?;
        }
        portion.apply(&mut automerge)?;
        Ok((heads_of(&automerge), automerge.save()))
    })?;
    let (folded_heads, saved) = folded.map_err(|error| OpenError::Unreadable(error.to_string()))?;
    if folded_heads != *heads {
        return Err(OpenError::OtherHeads);
    }
    prove(&saved, heads)?;
    Ok(saved)
}

/// Whether a chunk loads, and leads to these heads.
pub(crate) fn prove(saved: &[u8], heads: &Heads) -> Result<(), OpenError> {
    let loaded = guarded(|| Automerge::load(saved).map(|automerge| heads_of(&automerge)))?;
    match loaded {
        Ok(loaded_heads) if loaded_heads == *heads => Ok(()),
        Ok(_) => Err(OpenError::OtherHeads),
        Err(error) => Err(OpenError::Unreadable(error.to_string())),
    }
}

/// The library wants an actor for every document; nobody writes with this one.
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

/// Runs library code, and makes an error of its panics.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, OpenError> {
    let work = || {
        #[cfg(test)]
        tests::fail_if_told_to();
        work()
    };
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| OpenError::Unreadable(panic_text(panic.as_ref())))
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic").to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Document, check_change};
    use automerge::transaction::Transactable;
    use automerge::{AutoCommit, ROOT};
    use std::cell::Cell;
    use tiebreak_protocol::{Limits, Refusal};

    thread_local! {
        static LIBRARY_FAILS: Cell<bool> = const { Cell::new(false) };
    }

    /// Does something while the library fails.
    pub(crate) fn while_library_fails<T>(work: impl FnOnce() -> T) -> T {
        LIBRARY_FAILS.set(true);
        let done = work();
        LIBRARY_FAILS.set(false);
        done
    }

    impl Engine {
        /// What is noted beside the library's document.
        pub(crate) fn notes(&self) -> impl PartialEq + std::fmt::Debug + use<> {
            let last =
                |(actor, last): (&ActorBytes, &Last)| (actor.clone(), last.hash, last.seq, last.max_op);
            (
                self.max_op_by_change.clone(),
                self.last_by_actor.iter().map(last).collect::<Vec<_>>(),
                (self.max_op, self.weight, self.operation_count),
                self.automerge.get_actor().clone(),
            )
        }
    }

    pub(super) fn fail_if_told_to() {
        assert!(!LIBRARY_FAILS.get(), "the library fails");
    }

    #[test]
    fn a_panic_of_the_library_is_an_error_wherever_it_is_asked() {
        let mut author = AutoCommit::new();
        let mut write = |key: &str| {
            author.put(ROOT, key, 1).unwrap();
            author.commit();
            let change = author.get_last_local_change().unwrap();
            check_change(change.raw_bytes().to_vec().into(), &Limits::default()).unwrap()
        };
        let (change, next) = (write("a"), write("b"));
        let mut document = Document::new();
        document.merge(std::slice::from_ref(&change)).unwrap();
        LIBRARY_FAILS.set(true);
        let errors = [
            document.to_json().err(),
            document.history(0, 1).err(),
            document.snapshot().err(),
            document.missing(&[], 1).err(),
            document.hashes_since(&[]).err(),
            document.change(&change.hash()).err(),
        ];
        let admitted = document.admit(vec![next.clone()], &Limits::default()).unwrap();
        document.close();
        let closed = [document.open().err(), document.admit(vec![next.clone()], &Limits::default()).err()];
        LIBRARY_FAILS.set(false);
        for error in errors.into_iter().chain(closed) {
            assert!(matches!(error, Some(OpenError::Unreadable(_))), "{error:?}");
        }
        assert_eq!(admitted.refused, [(next.clone(), Refusal::Quarantined)]);
        assert_eq!(document.admit(vec![next.clone()], &Limits::default()).unwrap().ready, [next]);
    }
}
