use super::translate::scalar;
use super::{History, Recorded};
use crate::dice::Dice;
use crate::oracle::{Action, Candidate, ChangeId, Key, ModelChange, ModelOperation, Object};
use crate::oracle::{OperationId, Place, Register, Type, Value};
use automerge::{AutoCommit, Change, ObjId, ObjType, ROOT, ReadDoc};
use std::collections::{BTreeMap, BTreeSet};

const SEEDS: u64 = 200;

fn histories() -> impl Iterator<Item = (u64, History)> {
    (0..SEEDS).map(|seed| (seed, History::from_seed(seed)))
}

fn library_change(recorded: &Recorded) -> Change {
    Change::try_from(&recorded.bytes[..]).unwrap()
}

fn merged(history: &History) -> AutoCommit {
    let mut document = AutoCommit::new();
    let changes = history.changes.iter().map(library_change);
    document.apply_changes(changes).unwrap();
    document
}

fn library_value(document: &AutoCommit, object: &ObjId, kind: ObjType) -> Value {
    let value = |prop: automerge::Prop| match document.get(object, prop).unwrap().unwrap() {
        (automerge::Value::Object(kind), object) => library_value(document, &object, kind),
        (automerge::Value::Scalar(value), _) => scalar(&value),
    };
    match kind {
        ObjType::Map | ObjType::Table => {
            Value::Map(document.keys(object).map(|key| (key.clone(), value(key.into()))).collect())
        }
        ObjType::List => Value::List((0..document.length(object)).map(|index| value(index.into())).collect()),
        ObjType::Text => Value::String(document.text(object).unwrap()),
    }
}

/// A choice by somebody new, who has seen everything.
fn settlement(history: &History, register: &Register) -> ModelChange {
    let today = history.model.today();
    let operation = ModelOperation {
        id: OperationId { counter: 1_000_000, actor: 99 },
        object: register.object,
        place: match &register.key {
            Key::Property(key) => Place::Property(key.clone()),
            Key::Element(element) => Place::Element(*element),
        },
        action: Action::Put(Value::Null),
        predecessors: history.model.visible(register, &today),
    };
    ModelChange { id: ChangeId { actor: 99, seq: 1 }, deps: today, operations: vec![operation] }
}

#[test]
fn the_same_seed_makes_the_same_history() {
    let bytes = |seed| History::from_seed(seed).changes.into_iter().map(|one| one.bytes).collect::<Vec<_>>();
    assert!((0..10).all(|seed| bytes(seed) == bytes(seed)));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn changes_come_after_those_that_they_depend_on_in_either_order() {
    for (seed, history) in histories() {
        for history in [history.in_another_order(&mut Dice::new(seed)), history] {
            let mut known = BTreeSet::new();
            for recorded in &history.changes {
                let change = library_change(recorded);
                assert!(change.deps().iter().all(|dep| known.contains(&dep.0)), "seed {seed}");
                known.insert(recorded.hash);
            }
        }
    }
}

#[test]
fn another_causal_order_has_the_same_conflicts() {
    for (seed, history) in histories() {
        let other = history.in_another_order(&mut Dice::new(seed));
        assert_eq!(other.changes.len(), history.changes.len());
        assert_eq!(other.model.conflicts(), history.model.conflicts(), "seed {seed}");
    }
}

#[test]
fn the_model_shows_what_the_library_shows() {
    for (seed, history) in histories() {
        let shown = library_value(&merged(&history), &ROOT, ObjType::Map);
        assert_eq!(history.model.object(Object::Root), shown, "seed {seed}");
    }
}

#[test]
fn two_hundred_histories_hold_conflicts_of_every_type() {
    let mut counts = BTreeMap::new();
    for (_, history) in histories() {
        for conflict in history.model.conflicts() {
            *counts.entry(conflict.kind).or_insert(0_u32) += 1;
        }
    }
    for kind in Type::ALL {
        assert!(counts.contains_key(&kind), "no {} in {counts:?}", kind.as_str());
    }
}

#[test]
fn two_hundred_histories_hold_what_is_hard_to_judge() {
    let mut seen = BTreeSet::new();
    for (_, history) in histories() {
        for conflict in history.model.conflicts() {
            let candidates = &conflict.candidates;
            let action = |one: &Candidate| &history.model.operation(one.write).action;
            let chose = |one: &Candidate| one.value.is_some() && matches!(action(one), Action::Delete);
            let facts = [
                ("inside another object", conflict.register.object != Object::Root),
                ("on an element of a list", matches!(conflict.register.key, Key::Element(_))),
                ("between three sides", candidates.len() > 2),
                ("over two values", conflict.base.len() > 1),
                ("over nothing", conflict.base.is_empty()),
                ("against a value chosen by removing the others", candidates.iter().any(chose)),
            ];
            seen.extend(facts.into_iter().filter(|(_, holds)| *holds).map(|(fact, _)| fact));
        }
    }
    assert_eq!(seen.len(), 6, "only {seen:?}");
}

#[test]
fn a_write_by_who_has_seen_everything_leaves_no_conflict_in_its_place() {
    for (seed, history) in histories() {
        for conflict in history.model.conflicts() {
            let mut settled = history.model.clone();
            settled.add(settlement(&history, &conflict.register));
            let disputed: Vec<_> = settled.conflicts().into_iter().map(|one| one.register).collect();
            assert!(!disputed.contains(&conflict.register), "seed {seed}, {:?}", conflict.register);
        }
    }
}

/// Two ways to the same answer: who had seen what, and what the operations say they overwrote.
#[test]
fn the_values_that_stand_by_their_write_are_those_that_nothing_overwrote() {
    for (seed, history) in histories() {
        let model = &history.model;
        for register in model.registers() {
            let versions = model.versions(&register);
            let chosen = versions.iter().any(|one| one.shows.is_some_and(|shows| shows != one.write));
            // These overwrite less, or more, than their author had seen.
            if chosen || model.operations().any(|one| is_increment_of(one, &register)) {
                continue;
            }
            let is_unseen = |write| !versions.iter().any(|other| model.has_seen(other.write, write));
            let stand: BTreeSet<_> =
                versions.iter().filter_map(|one| one.shows).filter(|write| is_unseen(*write)).collect();
            assert_eq!(stand, model.visible(&register, &model.today()), "seed {seed}, {register:?}");
        }
    }
}

fn is_increment_of(operation: &ModelOperation, register: &Register) -> bool {
    matches!(operation.action, Action::Increment(_)) && operation.register() == *register
}
