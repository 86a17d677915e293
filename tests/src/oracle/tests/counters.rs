//! Counters, and increments that a write would lose.

use crate::oracle::script::{ANN, BOB, EVE, Script, inside, root, text};
use crate::oracle::{Kind, Type, Value};

fn shared_counter() -> (Script, crate::oracle::OperationId) {
    let mut script = Script::default();
    let counter = script.put(ANN, &root("steps"), Value::Counter(10));
    script.all_meet();
    (script, counter)
}

#[test]
fn increments_made_apart_are_no_conflict() {
    let (mut script, _) = shared_counter();
    script.increment(ANN, &root("steps"), 1);
    script.increment(BOB, &root("steps"), 2);
    assert!(script.is_calm());
}

#[test]
fn an_increment_against_a_put_is_a_lost_increment() {
    let (mut script, counter) = shared_counter();
    script.increment(ANN, &root("steps"), 5);
    let reset = script.put(BOB, &root("steps"), Value::Int(0));
    let conflict = script.conflict();
    assert_eq!(conflict.kind, Type::LostIncrement);
    assert_eq!(conflict.writes(), [counter, reset]);
    assert_eq!(conflict.values(), [Some(Value::Counter(15)), Some(Value::Int(0))]);
    assert_eq!(conflict.base(), [counter]);
}

#[test]
fn an_increment_against_a_removal_is_a_lost_increment() {
    let (mut script, counter) = shared_counter();
    let removal = script.remove(BOB, &root("steps"));
    script.increment(ANN, &root("steps"), 5);
    let conflict = script.conflict();
    assert_eq!(conflict.kind, Type::LostIncrement);
    assert_eq!(conflict.writes(), [counter, removal]);
    assert_eq!(conflict.values(), [Some(Value::Counter(15)), None]);
    assert_eq!(conflict.base(), [counter]);
}

#[test]
fn an_increment_that_a_put_has_seen_is_not_lost() {
    let (mut script, _) = shared_counter();
    script.increment(ANN, &root("steps"), 5);
    script.tell(ANN, BOB);
    script.put(BOB, &root("steps"), Value::Int(0));
    assert!(script.is_calm());
}

#[test]
fn two_counters_made_apart_are_a_conflict_though_they_stand_alike() {
    let mut script = Script::default();
    script.put(ANN, &root("steps"), Value::Counter(0));
    script.put(BOB, &root("steps"), Value::Counter(0));
    assert_eq!(script.conflict().kind, Type::WriteWrite);
}

#[test]
fn an_increment_does_not_settle() {
    let mut script = Script::default();
    let one = script.put(ANN, &root("steps"), Value::Counter(0));
    let other = script.put(BOB, &root("steps"), Value::Counter(0));
    script.all_meet();
    script.increment(EVE, &root("steps"), 3);
    let conflict = script.conflict();
    assert_eq!(conflict.writes(), [one, other]);
    assert_eq!(conflict.values(), [Some(Value::Counter(3)), Some(Value::Counter(3))]);
}

#[test]
fn an_increment_of_one_of_two_values_leaves_the_other_standing() {
    let mut script = Script::default();
    script.put(ANN, &root("steps"), Value::Counter(0));
    let word = script.put(BOB, &root("steps"), text("many"));
    script.all_meet();
    script.increment(EVE, &root("steps"), 3);
    let conflict = script.conflict();
    assert_eq!(conflict.values(), [Some(Value::Counter(3)), Some(text("many"))]);
    assert_eq!(conflict.kind, Type::WriteWrite);
    assert_eq!(conflict.candidates[1].newest, script.model.change_of(word));
}

#[test]
fn maps_with_a_counter_in_them_are_a_conflict_though_they_read_alike() {
    let mut script = Script::default();
    for person in [ANN, BOB] {
        script.change(person, |change| {
            let line = change.make(&root("line"), Kind::Map);
            change.put(&inside(line, "qty"), Value::Counter(1));
        });
    }
    let conflict = script.conflict();
    assert_eq!(conflict.register, root("line"));
    assert_eq!(conflict.kind, Type::WriteWrite);
}

#[test]
fn an_increment_inside_an_object_is_an_edit_of_it() {
    let mut script = Script::default();
    let line = script.make(ANN, &root("line"), Kind::Map);
    script.put(ANN, &inside(line, "qty"), Value::Counter(1));
    script.all_meet();
    script.remove(BOB, &root("line"));
    script.increment(ANN, &inside(line, "qty"), 1);
    let conflict = script.conflict();
    assert_eq!(conflict.register, root("line"));
    assert_eq!(conflict.kind, Type::DeleteEdit);
}

#[test]
fn a_counter_chosen_by_removing_the_others_is_no_conflict_with_its_own_increments() {
    let mut script = Script::default();
    script.put(ANN, &root("steps"), text("many"));
    script.put(BOB, &root("steps"), Value::Counter(1));
    script.all_meet();
    script.choose_shown(EVE, &root("steps"));
    script.increment(BOB, &root("steps"), 1);
    assert!(script.is_calm());
    script.all_meet();
    script.increment(ANN, &root("steps"), 1);
    assert!(script.is_calm());
}
