//! May a change join this document? Judged change by change against the history it joins, before the merge.
//!
//! The change's own bytes were judged before (see `gatekeeper`); here it meets its dependencies, its
//! actor's earlier changes and the objects it writes into.

mod references;

use crate::Document;
use crate::engine::Engine;
use crate::gatekeeper::{ActorBytes, CheckedChange, Object};
use crate::operations::Operations;
use automerge::{ActorId, ObjId, ReadDoc};
use references::References;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tiebreak_protocol::{ChangeHash, Limits, Refusal};

/// The verdicts on a batch. Changes that the document already holds are in none of the lists.
#[derive(Debug, Default)]
pub struct Admitted {
    /// May be merged, in this order.
    pub ready: Vec<CheckedChange>,
    /// Depend on changes that are not here.
    pub waiting: Vec<CheckedChange>,
    pub refused: Vec<(CheckedChange, Refusal)>,
}

impl Document {
    /// Judges every change on its own: a bad one never takes a good one with it.
    /// The order of the batch does not matter. The document must be open.
    pub fn admit(&self, changes: Vec<CheckedChange>, limits: &Limits) -> Admitted {
        let nothing = Engine::default();
        let engine = self.engine().unwrap_or(&nothing);
        let mut admission = Admission {
            engine,
            limits,
            free_weight: limits.document_bytes_max.saturating_sub(engine.weight),
            max_op: 0,
            joined: BTreeMap::new(),
            last_seq: BTreeMap::new(),
            heads: self.heads().iter().copied().collect(),
            depth_by_object: BTreeMap::new(),
            ready_operations: Operations::default(),
            noted: 0,
            verdicts: Admitted::default(),
        };
        admission.run(changes);
        admission.verdicts
    }
}

/// What the document would look like with the ready changes of this batch in it.
struct Admission<'a> {
    engine: &'a Engine,
    limits: &'a Limits,
    /// What ready changes may still weigh.
    free_weight: u64,
    /// The greatest operation counter among the ready changes.
    max_op: u64,
    joined: BTreeMap<ChangeHash, Joined>,
    last_seq: BTreeMap<ActorBytes, u64>,
    heads: BTreeSet<ChangeHash>,
    depth_by_object: BTreeMap<(ActorBytes, u64), usize>,
    /// What the first `noted` ready changes did.
    ready_operations: Operations,
    noted: usize,
    verdicts: Admitted,
}

/// A change of this batch that is ready.
struct Joined {
    deps: Vec<ChangeHash>,
    actor: ActorBytes,
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

impl Admission<'_> {
    fn run(&mut self, changes: Vec<CheckedChange>) {
        let mut queue = VecDeque::from(changes);
        let mut waiting_for: BTreeMap<ChangeHash, Vec<CheckedChange>> = BTreeMap::new();
        let mut ahead: Vec<CheckedChange> = Vec::new();
        loop {
            while let Some(change) = queue.pop_front() {
                match self.judge(&change) {
                    Verdict::Known => {}
                    Verdict::After(missing) => waiting_for.entry(missing).or_default().push(change),
                    Verdict::Ahead => ahead.push(change),
                    Verdict::Refused(refusal) => self.verdicts.refused.push((change, refusal)),
                    Verdict::Ready => {
                        queue.extend(waiting_for.remove(&change.hash()).unwrap_or_default());
                        self.join(change);
                    }
                }
            }
            let (now_in_reach, still_ahead): (Vec<_>, Vec<_>) =
                ahead.into_iter().partition(|change| change.start_op() <= self.max_op() + 1);
            ahead = still_ahead;
            if now_in_reach.is_empty() {
                break;
            }
            queue.extend(now_in_reach);
        }
        self.verdicts.waiting.extend(waiting_for.into_values().flatten());
        self.verdicts.waiting.extend(ahead);
    }

    fn judge(&mut self, change: &CheckedChange) -> Verdict {
        if self.joined.contains_key(&change.hash()) || self.engine.has(&change.hash()) {
            return Verdict::Known;
        }
        let last_seq = self.last_seq(change.actor());
        if change.seq() <= last_seq {
            return Verdict::Refused(Refusal::Equivocation);
        }
        let mut max_op_of_deps = 0;
        for dep in change.deps() {
            match self.max_op_of(dep) {
                Some(max_op) => max_op_of_deps = max_op.max(max_op_of_deps),
                None => return Verdict::After(*dep),
            }
        }
        if change.seq() > last_seq + 1 {
            return Verdict::Refused(Refusal::SequenceGap);
        }
        // The library takes a gap below a change without operations for operations that are lost.
        let leaves_gap = change.start_op() > max_op_of_deps + 1;
        if change.start_op() <= max_op_of_deps || (leaves_gap && change.operations() == 0) {
            return Verdict::Refused(Refusal::OperationCounterOutOfRange);
        }
        // An author who writes at an older state counts from all it has seen, not only from its
        // dependencies, so the counter may follow from changes beside them, but from nothing else.
        if change.start_op() > self.max_op() + 1 {
            return Verdict::Ahead;
        }
        self.note_ready();
        match self.judge_content(change, last_seq) {
            Ok(()) => Verdict::Ready,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn judge_content(&self, change: &CheckedChange, last_seq: u64) -> Result<(), Refusal> {
        if change.weight() > self.free_weight {
            return Err(Refusal::DocumentTooLarge);
        }
        if last_seq == 0 && self.actors() >= self.limits.actors_per_document_max {
            return Err(Refusal::TooManyActors);
        }
        let new_heads =
            self.heads.len() + 1 - change.deps().iter().filter(|dep| self.heads.contains(dep)).count();
        if new_heads > self.limits.heads_max {
            return Err(Refusal::TooManyHeads);
        }
        if last_seq > 0 && !self.descends_from_own_last(change) {
            return Err(Refusal::SequenceGap);
        }
        if change.other_actors().iter().any(|actor| self.last_seq(actor) == 0) {
            return Err(Refusal::UnknownActor);
        }
        self.depths(change)?;
        References::new(change, self.engine, &self.ready_operations).check()
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
    fn descends_from_own_last(&self, change: &CheckedChange) -> bool {
        let mut seen = BTreeSet::new();
        let mut stack = change.deps().to_vec();
        while let Some(hash) = stack.pop() {
            if !seen.insert(hash) {
                continue;
            }
            if let Some(joined) = self.joined.get(&hash) {
                if *joined.actor == *change.actor() {
                    return true;
                }
                stack.extend(&joined.deps);
            } else if let Some(meta) = self.engine.meta(&hash) {
                // The first own change met on the way back is the last one: they form a chain.
                if meta.actor.to_bytes() == change.actor() {
                    return true;
                }
                stack.extend(meta.deps.iter().map(|dep| ChangeHash(dep.0)));
            }
        }
        false
    }

    /// The nesting depth of every object that the change makes.
    fn depths(&self, change: &CheckedChange) -> Result<BTreeMap<(ActorBytes, u64), usize>, Refusal> {
        let mut depths = BTreeMap::new();
        for make in change.makes() {
            let depth = match make.container {
                Object::Root => 1,
                Object::Made(id) => {
                    let actor = change.actor_at(id.actor).ok_or(Refusal::UnknownActor)?;
                    let container = (ActorBytes::from(actor), id.counter);
                    let depth =
                        depths.get(&container).or_else(|| self.depth_by_object.get(&container)).copied();
                    depth.or_else(|| self.engine.depth(actor, id.counter)).ok_or(Refusal::UnknownObject)? + 1
                }
            };
            if depth > self.limits.depth_max {
                return Err(Refusal::DepthExceeded);
            }
            depths.insert((change.actor().into(), make.counter), depth);
        }
        Ok(depths)
    }

    fn join(&mut self, change: CheckedChange) {
        if let Ok(depths) = self.depths(&change) {
            self.depth_by_object.extend(depths);
        }
        self.max_op = self.max_op.max(change.max_op());
        self.free_weight = self.free_weight.saturating_sub(change.weight());
        self.last_seq.insert(change.actor().into(), change.seq());
        for dep in change.deps() {
            self.heads.remove(dep);
        }
        self.heads.insert(change.hash());
        let joined =
            Joined { deps: change.deps().to_vec(), actor: change.actor().into(), max_op: change.max_op() };
        self.joined.insert(change.hash(), joined);
        self.verdicts.ready.push(change);
    }

    fn max_op(&self) -> u64 {
        self.max_op.max(self.engine.max_op)
    }

    fn max_op_of(&self, hash: &ChangeHash) -> Option<u64> {
        let joined = self.joined.get(hash).map(|joined| joined.max_op);
        joined.or_else(|| self.engine.meta(hash).map(|meta| meta.max_op))
    }

    /// 0 for an actor that never wrote.
    fn last_seq(&self, actor: &[u8]) -> u64 {
        let known = self.last_seq.get(actor).or_else(|| self.engine.last_seq_by_actor.get(actor));
        known.copied().unwrap_or_default()
    }

    fn actors(&self) -> usize {
        let new = self.last_seq.keys().filter(|actor| !self.engine.last_seq_by_actor.contains_key(*actor));
        self.engine.last_seq_by_actor.len() + new.count()
    }
}

impl Engine {
    /// How deep an object lies; `None` when there is no such object.
    fn depth(&self, actor: &[u8], counter: u64) -> Option<usize> {
        let object = ObjId::Id(counter, ActorId::from(actor), 0);
        self.automerge.object_type(&object).ok()?;
        Some(self.automerge.parents(&object).ok()?.count())
    }
}

#[cfg(test)]
mod tests;
