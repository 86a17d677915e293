//! Random histories of real documents: a few replicas edit, and learn from each other late and in part.

mod replica;
mod translate;

#[cfg(test)]
mod tests;

use super::{Model, ModelChange};
use crate::dice::Dice;
use replica::Replica;
use std::collections::BTreeSet;
use translate::Translator;

const REPLICAS_MAX: u64 = 6;
const STEPS_MIN: u64 = 8;
const STEPS_MAX: u64 = 40;

/// One history, as the CRDT library wrote it and as the model reads it. What the model calls actor 3 is the
/// library's actor of sixteen bytes 3.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// In a causal order: none before those that it depends on.
    pub changes: Vec<Recorded>,
    pub model: Model,
}

/// One change, both ways.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// As the library's chunk.
    pub bytes: Vec<u8>,
    pub hash: [u8; 32],
    pub change: ModelChange,
}

impl History {
    /// The same seed, the same history.
    ///
    /// # Panics
    /// When the library refuses an edit that a stock client may make: the generator is wrong then.
    pub fn from_seed(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let replicas = 2 + dice.below(REPLICAS_MAX - 1);
        let mut replicas: Vec<_> = (1..).take(to_index(replicas)).map(Replica::new).collect();
        let mut history = Self::default();
        let mut translator = Translator::default();
        // Most documents begin with what everybody has; in some, people make the same things apart.
        if !dice.one_in(4) {
            let first = replicas[0].begin(dice);
            history.note(&mut translator, &first);
            let (first, others) = replicas.split_first_mut().expect("there are replicas");
            others.iter_mut().for_each(|other| other.learn_all(first));
        }
        for _ in 0..STEPS_MIN + dice.below(STEPS_MAX - STEPS_MIN) {
            let which = pick(dice, replicas.len());
            if dice.one_in(3) {
                let mut other = replicas[pick(dice, replicas.len())].clone();
                replicas[which].learn_some(&mut other, dice);
            } else if let Some(change) = replicas[which].edit(dice) {
                history.note(&mut translator, &change);
            }
        }
        history
    }

    /// The same history as it arrives somewhere else: in another causal order.
    pub fn in_another_order(&self, dice: &mut Dice) -> Self {
        let mut other = Self::default();
        let (mut waiting, mut arrived) = (self.changes.clone(), BTreeSet::new());
        while !waiting.is_empty() {
            let next = waiting.remove(pick(dice, waiting.len()));
            if next.change.deps.is_subset(&arrived) {
                arrived.insert(next.change.id);
                other.push(next);
            } else {
                waiting.push(next);
            }
        }
        other
    }

    fn note(&mut self, translator: &mut Translator, change: &automerge::Change) {
        let (bytes, hash) = (change.raw_bytes().to_vec(), change.hash().0);
        self.push(Recorded { bytes, hash, change: translator.translate(change) });
    }

    /// Takes the next change in.
    pub fn push(&mut self, recorded: Recorded) {
        self.model.add(recorded.change.clone());
        self.changes.push(recorded);
    }
}

fn to_index(number: u64) -> usize {
    usize::try_from(number).expect("small")
}

/// An index into something of this length, which is not empty.
fn pick(dice: &mut Dice, length: usize) -> usize {
    to_index(dice.below(length as u64))
}
