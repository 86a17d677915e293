//! May a change join this document? Judged change by change against the history it joins, before the merge.
//!
//! The change's own bytes were judged before (see `gatekeeper`); here it meets its dependencies, its
//! actor's earlier changes and the objects it writes into.

mod references;
mod steps;

use crate::engine::{Engine, Last, guarded};
use crate::gatekeeper::kind::{Breach, Gate, History, WriteRules};
use crate::gatekeeper::{ActorBytes, CheckedChange, Object, OperationId};
use crate::operations::{Id, Operations};
use crate::{Document, OpenError};
use automerge::{ActorId, ObjId, ReadDoc};
use references::References;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use steps::Steps;
use tiebreak_protocol::{ChangeHash, Heads, Limits, Refusal};

/// The verdicts on a batch. Changes that the document already holds are in none of the lists.
#[derive(Debug, Default)]
pub struct Admitted {
    /// May be merged, in this order.
    pub ready: Vec<CheckedChange>,
    /// Depend on changes that are not here.
    pub waiting: Vec<CheckedChange>,
    pub refused: Vec<(CheckedChange, Refusal)>,
    /// Where those of the refused stumbled that the document's kind does not allow.
    pub breaches: Vec<Breach>,
}

impl Document {
    /// Judges every change on its own: a bad one never takes a good one with it.
    /// The order of the batch does not matter.
    ///
    /// # Errors
    /// When the document does not open.
    pub fn admit(&mut self, changes: Vec<CheckedChange>, limits: &Limits) -> Result<Admitted, OpenError> {
        let heads = self.heads().clone();
        let mut admission = Admission::new(self.opened()?, &heads, limits);
        admission.run(changes);
        Ok(admission.verdicts)
    }

    /// The same, and judges what each change writes by the kind of the document: see [`WriteRules`].
    ///
    /// # Errors
    /// When the document does not open.
    pub fn admit_as(
        &mut self,
        changes: Vec<CheckedChange>,
        limits: &Limits,
        rules: &WriteRules<'_>,
    ) -> Result<Admitted, OpenError> {
        let heads = self.heads().clone();
        let mut admission = Admission::new(self.opened()?, &heads, limits);
        admission.gate = Some(Gate::new(rules));
        admission.run(changes);
        Ok(admission.verdicts)
    }
}

/// What the document would look like with the ready changes of this batch in it.
struct Admission<'a> {
    engine: &'a Engine,
    limits: &'a Limits,
    /// What ready changes may still weigh.
    free_weight: u64,
    /// The greatest operation counter, also among the ready changes.
    max_op: u64,
    joined: BTreeMap<ChangeHash, Joined>,
    last_by_actor: BTreeMap<ActorBytes, Last>,
    actors: usize,
    heads: BTreeSet<ChangeHash>,
    /// What the first `noted` ready changes did.
    ready_operations: Operations,
    noted: usize,
    steps: Steps,
    gate: Option<Gate<'a>>,
    verdicts: Admitted,
    #[cfg(test)]
    deps_looked_up: usize,
}

/// A change that is being judged, and how far its dependencies have been found: each is looked up once,
/// however often the change has to wait for the next one.
struct Candidate {
    change: CheckedChange,
    deps_found: usize,
    max_op_of_deps: u64,
}

/// A change of this batch that is ready.
struct Joined {
    deps: Vec<ChangeHash>,
    max_op: u64,
}

enum Verdict {
    Known,
    Ready,
    /// Cannot be judged before this change is here.
    After(ChangeHash),
    /// Its counter is ahead of everything here: changes by others that its author had seen are missing.
    Ahead,
    Refused(Refusal),
}

impl<'a> Admission<'a> {
    fn new(engine: &'a Engine, heads: &Heads, limits: &'a Limits) -> Self {
        Self {
            engine,
            limits,
            free_weight: limits.document_bytes_max.saturating_sub(engine.weight),
            max_op: engine.max_op,
            joined: BTreeMap::new(),
            last_by_actor: BTreeMap::new(),
            actors: engine.last_by_actor.len(),
            heads: heads.iter().copied().collect(),
            ready_operations: Operations::default(),
            noted: 0,
            steps: Steps::for_batch(),
            gate: None,
            verdicts: Admitted::default(),
            #[cfg(test)]
            deps_looked_up: 0,
        }
    }

    fn run(&mut self, changes: Vec<CheckedChange>) {
        let candidate = |change| Candidate { change, deps_found: 0, max_op_of_deps: 0 };
        let mut queue: VecDeque<_> = changes.into_iter().map(candidate).collect();
        let mut waiting_for: BTreeMap<ChangeHash, Vec<Candidate>> = BTreeMap::new();
        let mut ahead_by_start_op: BTreeMap<u64, Vec<Candidate>> = BTreeMap::new();
        loop {
            while let Some(mut candidate) = queue.pop_front() {
                // What the library fails to look at, it would fail to merge.
                let verdict = guarded(|| self.judge(&mut candidate));
                match verdict.unwrap_or(Verdict::Refused(Refusal::Quarantined)) {
                    Verdict::Known => {}
                    Verdict::After(missing) => waiting_for.entry(missing).or_default().push(candidate),
                    Verdict::Ahead => {
                        let start_op = candidate.change.start_op();
                        ahead_by_start_op.entry(start_op).or_default().push(candidate);
                    }
                    Verdict::Refused(refusal) => self.verdicts.refused.push((candidate.change, refusal)),
                    Verdict::Ready => {
                        queue.extend(waiting_for.remove(&candidate.change.hash()).unwrap_or_default());
                        self.join(candidate.change);
                    }
                }
            }
            match ahead_by_start_op.first_entry() {
                Some(first) if *first.key() <= self.max_op + 1 => queue.extend(first.remove()),
                Some(_) | None => break,
            }
        }
        let waiting = waiting_for.into_values().chain(ahead_by_start_op.into_values()).flatten();
        self.verdicts.waiting.extend(waiting.map(|candidate| candidate.change));
    }

    fn judge(&mut self, candidate: &mut Candidate) -> Verdict {
        let hash = candidate.change.hash();
        if self.joined.contains_key(&hash) || self.engine.has(&hash) {
            return Verdict::Known;
        }
        let last = self.last(candidate.change.actor());
        let last_seq = last.map_or(0, |last| last.seq);
        if candidate.change.seq() <= last_seq {
            return Verdict::Refused(Refusal::Equivocation);
        }
        if let Some(missing) = self.look_up_deps(candidate) {
            return Verdict::After(missing);
        }
        let Candidate { change, max_op_of_deps, .. } = candidate;
        if change.seq() > last_seq + 1 {
            return Verdict::Refused(Refusal::SequenceGap);
        }
        // The library takes a gap below a change without operations for operations that are lost.
        let leaves_gap = change.start_op() > *max_op_of_deps + 1;
        if change.start_op() <= *max_op_of_deps || (leaves_gap && change.operations() == 0) {
            return Verdict::Refused(Refusal::OperationCounterOutOfRange);
        }
        // An author who writes at an older state counts from all it has seen, not only from its
        // dependencies, so the counter may follow from changes beside them, but from nothing else.
        if change.start_op() > self.max_op + 1 {
            return Verdict::Ahead;
        }
        self.note_ready();
        let mut steps = self.steps.for_change();
        let judged = self.judge_content(change, last, &mut steps);
        self.steps.settle(&steps);
        let judged = judged.and_then(|()| self.judge_by_kind(change));
        judged.map_or_else(Verdict::Refused, |()| Verdict::Ready)
    }

    /// The last check: what passes it joins.
    fn judge_by_kind(&mut self, change: &CheckedChange) -> Result<(), Refusal> {
        let Some(gate) = &mut self.gate else { return Ok(()) };
        let history = History { engine: self.engine, ready: &self.ready_operations };
        gate.judge(change, history).map_err(|breach| {
            let refusal = breach.refusal;
            self.verdicts.breaches.push(breach);
            refusal
        })
    }

    /// Answers the first dependency that is not here.
    fn look_up_deps(&mut self, candidate: &mut Candidate) -> Option<ChangeHash> {
        for dep in candidate.change.deps().iter().skip(candidate.deps_found) {
            #[cfg(test)]
            {
                self.deps_looked_up += 1;
            }
            let Some(max_op) = self.max_op_of(dep) else { return Some(*dep) };
            candidate.deps_found += 1;
            candidate.max_op_of_deps = max_op.max(candidate.max_op_of_deps);
        }
        None
    }

    fn judge_content(
        &self,
        change: &CheckedChange,
        last: Option<Last>,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        if change.weight() > self.free_weight {
            return Err(Refusal::DocumentTooLarge);
        }
        if last.is_none() && self.actors >= self.limits.actors_per_document_max {
            return Err(Refusal::TooManyActors);
        }
        let new_heads =
            self.heads.len() + 1 - change.deps().iter().filter(|dep| self.heads.contains(dep)).count();
        if new_heads > self.limits.heads_max {
            return Err(Refusal::TooManyHeads);
        }
        if last.is_some_and(|last| !self.descends_from(change, last, steps)) {
            return Err(Refusal::SequenceGap);
        }
        if change.other_actors().iter().any(|actor| self.last(actor).is_none()) {
            return Err(Refusal::UnknownActor);
        }
        self.check_depths(change, steps)?;
        References::new(change, self.engine, &self.ready_operations, steps).check()
    }

    /// The last change of a batch, and so the only one of most, need not be noted for others.
    fn note_ready(&mut self) {
        for change in self.verdicts.ready.iter().skip(self.noted) {
            self.ready_operations.note(change);
        }
        self.noted = self.verdicts.ready.len();
    }

    /// A change must know its actor's previous change; version vectors, and with them all of sync, assume it.
    /// Authors list it among the dependencies, save those who write at an older state of the document.
    fn descends_from(&self, change: &CheckedChange, last: Last, steps: &mut Steps) -> bool {
        if change.deps().contains(&last.hash) {
            return true;
        }
        let mut seen = BTreeSet::new();
        let mut stack = change.deps().to_vec();
        while let Some(hash) = stack.pop() {
            if hash == last.hash {
                return true;
            }
            // Counters never fall on the way from a change to those that depend on it.
            let is_below = self.max_op_of(&hash).is_none_or(|max_op| max_op < last.max_op);
            if is_below || !seen.insert(hash) {
                continue;
            }
            let deps = match self.joined.get(&hash) {
                Some(joined) => joined.deps.clone(),
                None => self.engine.deps_of(&hash),
            };
            if !steps.take(1 + deps.len()) {
                return false;
            }
            stack.extend(deps);
        }
        false
    }

    /// Checks the nesting depth of every object that the change makes.
    fn check_depths(&self, change: &CheckedChange, steps: &mut Steps) -> Result<(), Refusal> {
        let mut depth_by_object: BTreeMap<OperationId, usize> = BTreeMap::new();
        for make in change.makes() {
            let container = match make.container {
                Object::Root => 0,
                Object::Made(id) => match depth_by_object.get(&id) {
                    Some(depth) => *depth,
                    None => {
                        let actor = change.actor_at(id.actor).ok_or(Refusal::UnknownActor)?;
                        let object = Id { counter: id.counter, actor };
                        let depth = self.depth(object, steps).ok_or(Refusal::UnknownObject)?;
                        depth_by_object.insert(id, depth);
                        depth
                    }
                },
            };
            if container >= self.limits.depth_max {
                return Err(Refusal::DepthExceeded);
            }
            depth_by_object.insert(OperationId { counter: make.counter, actor: 0 }, container + 1);
        }
        Ok(())
    }

    /// How deep an object lies; `None` when there is no such object.
    fn depth(&self, object: Id<'_>, steps: &mut Steps) -> Option<usize> {
        let (above, levels) = self.ready_operations.climb(object)?;
        let Some(object) = above else { return Some(levels) };
        if !self.engine.has_noted_operations() && steps.take_from_library(1) {
            return Some(levels + self.engine.depth(object)?);
        }
        match self.engine.operations().climb(object)? {
            (None, further) if further > 0 => Some(levels + further),
            (None | Some(_), _) => None,
        }
    }

    fn join(&mut self, change: CheckedChange) {
        let last = Last { hash: change.hash(), seq: change.seq(), max_op: change.max_op() };
        if self.last(change.actor()).is_none() {
            self.actors += 1;
        }
        self.last_by_actor.insert(change.actor().into(), last);
        self.max_op = self.max_op.max(change.max_op());
        self.free_weight = self.free_weight.saturating_sub(change.weight());
        for dep in change.deps() {
            self.heads.remove(dep);
        }
        self.heads.insert(change.hash());
        self.joined.insert(change.hash(), Joined { deps: change.deps().to_vec(), max_op: change.max_op() });
        self.verdicts.ready.push(change);
    }

    fn max_op_of(&self, hash: &ChangeHash) -> Option<u64> {
        let joined = self.joined.get(hash).map(|joined| joined.max_op);
        joined.or_else(|| self.engine.max_op_of(hash))
    }

    /// `None` for an actor that never wrote.
    fn last(&self, actor: &[u8]) -> Option<Last> {
        self.last_by_actor.get(actor).or_else(|| self.engine.last_by_actor.get(actor)).copied()
    }
}

impl Engine {
    /// How deep an object lies; `None` when there is no such object. The library searches the whole
    /// document for it.
    fn depth(&self, object: Id<'_>) -> Option<usize> {
        let object = ObjId::Id(object.counter, ActorId::from(object.actor), 0);
        self.automerge.object_type(&object).ok()?;
        Some(self.automerge.parents(&object).ok()?.count())
    }
}

#[cfg(test)]
mod tests;
