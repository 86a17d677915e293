//! Writes of one register by several people.

use crate::oracle::script::{ANN, BOB, EVE, Script, root, text};
use crate::oracle::{Kind, Type, Value};

#[test]
fn two_values_put_apart_are_a_conflict() {
    let mut script = Script::default();
    let city = root("city");
    let rome = script.put(ANN, &city, text("Rome"));
    let oslo = script.put(BOB, &city, text("Oslo"));
    let conflict = script.conflict();
    assert_eq!(conflict.register, city);
    assert_eq!(conflict.kind, Type::WriteWrite);
    assert_eq!(conflict.writes(), [rome, oslo]);
    assert_eq!(conflict.values(), [Some(text("Rome")), Some(text("Oslo"))]);
    assert_eq!(conflict.base(), []);
}

#[test]
fn a_value_put_by_who_saw_the_other_is_no_conflict() {
    let mut script = Script::default();
    script.put(ANN, &root("city"), text("Rome"));
    script.tell(ANN, BOB);
    script.put(BOB, &root("city"), text("Oslo"));
    assert!(script.is_calm());
}

#[test]
fn equal_values_put_apart_are_no_conflict() {
    let mut script = Script::default();
    script.put(ANN, &root("height"), Value::Int(180));
    script.put(BOB, &root("height"), Value::Float(180.0));
    script.put(EVE, &root("height"), Value::Uint(180));
    assert!(script.is_calm());
}

#[test]
fn a_timestamp_and_a_number_are_a_conflict() {
    let mut script = Script::default();
    script.put(ANN, &root("born"), Value::Timestamp(1));
    script.put(BOB, &root("born"), Value::Int(1));
    assert_eq!(script.conflict().kind, Type::WriteWrite);
}

#[test]
fn writes_of_different_registers_are_no_conflict() {
    let mut script = Script::default();
    script.put(ANN, &root("city"), text("Rome"));
    script.put(BOB, &root("street"), text("Long"));
    assert!(script.is_calm());
}

#[test]
fn a_removal_against_a_put_is_a_conflict_in_either_order() {
    for (remover, writer) in [(ANN, BOB), (BOB, ANN)] {
        let mut script = Script::default();
        let first = script.put(ANN, &root("city"), text("Rome"));
        script.all_meet();
        script.remove(remover, &root("city"));
        script.put(writer, &root("city"), text("Oslo"));
        let conflict = script.conflict();
        assert_eq!(conflict.kind, Type::DeleteEdit);
        assert!(conflict.values().contains(&None));
        assert!(conflict.values().contains(&Some(text("Oslo"))));
        assert_eq!(conflict.base(), [first]);
    }
}

#[test]
fn a_removal_of_what_another_one_removed_is_no_conflict() {
    let mut script = Script::default();
    script.put(ANN, &root("city"), text("Rome"));
    script.all_meet();
    script.remove(ANN, &root("city"));
    script.remove(BOB, &root("city"));
    assert!(script.is_calm());
}

#[test]
fn three_sides_are_one_conflict() {
    let mut script = Script::default();
    let rome = script.put(ANN, &root("city"), text("Rome"));
    let oslo = script.put(BOB, &root("city"), text("Oslo"));
    let kyiv = script.put(EVE, &root("city"), text("Kyiv"));
    assert_eq!(script.conflict().writes(), [rome, oslo, kyiv]);
}

#[test]
fn two_equal_values_and_another_one_are_all_candidates() {
    let mut script = Script::default();
    let rome = script.put(ANN, &root("city"), text("Rome"));
    let rome_too = script.put(BOB, &root("city"), text("Rome"));
    let kyiv = script.put(EVE, &root("city"), text("Kyiv"));
    assert_eq!(script.conflict().writes(), [rome, rome_too, kyiv]);
}

#[test]
fn a_write_by_who_saw_all_candidates_settles() {
    let mut script = Script::default();
    script.put(ANN, &root("city"), text("Rome"));
    script.put(BOB, &root("city"), text("Oslo"));
    script.all_meet();
    script.put(EVE, &root("city"), text("Rome"));
    assert!(script.is_calm());
}

#[test]
fn a_choice_that_saw_two_of_three_stands_against_the_third() {
    let mut script = Script::default();
    script.put(ANN, &root("city"), text("Rome"));
    script.put(BOB, &root("city"), text("Oslo"));
    let kyiv = script.put(EVE, &root("city"), text("Kyiv"));
    script.tell(BOB, ANN);
    let choice = script.put(ANN, &root("city"), text("Bonn"));
    let conflict = script.conflict();
    assert_eq!(conflict.writes(), [kyiv, choice]);
    assert_eq!(conflict.base(), []);
}

#[test]
fn two_different_choices_made_apart_are_a_new_conflict_over_both_old_candidates() {
    let mut script = Script::default();
    let rome = script.put(ANN, &root("city"), text("Rome"));
    let oslo = script.put(BOB, &root("city"), text("Oslo"));
    script.all_meet();
    let one = script.put(ANN, &root("city"), text("Bonn"));
    let other = script.put(BOB, &root("city"), text("Kyiv"));
    let conflict = script.conflict();
    assert_eq!(conflict.writes(), [one, other]);
    assert_eq!(conflict.base(), [rome, oslo]);
}

#[test]
fn putting_the_value_that_wins_already_settles_by_removing_the_others() {
    let mut script = Script::default();
    script.put(ANN, &root("city"), text("Rome"));
    script.put(BOB, &root("city"), text("Oslo"));
    script.all_meet();
    script.choose_shown(EVE, &root("city"));
    assert!(script.is_calm());
}

#[test]
fn a_value_chosen_by_removing_the_others_stands_against_a_put() {
    let mut script = Script::default();
    let rome = script.put(ANN, &root("city"), text("Rome"));
    let oslo = script.put(BOB, &root("city"), text("Oslo"));
    script.all_meet();
    let choice = script.choose_shown(ANN, &root("city"));
    let kyiv = script.put(BOB, &root("city"), text("Kyiv"));
    let conflict = script.conflict();
    assert_eq!(conflict.kind, Type::WriteWrite);
    assert_eq!(conflict.writes(), [choice, kyiv]);
    assert_eq!(conflict.values(), [Some(text("Oslo")), Some(text("Kyiv"))]);
    assert_eq!(conflict.base(), [rome, oslo]);
}

#[test]
fn several_writes_of_one_change_count_as_the_last() {
    let mut script = Script::default();
    script.change(ANN, |change| {
        change.put(&root("city"), text("Rome"));
        change.put(&root("city"), text("Oslo"));
    });
    script.put(BOB, &root("city"), text("Oslo"));
    assert!(script.is_calm());
}

#[test]
fn a_put_and_its_removal_in_one_change_are_a_removal() {
    let mut script = Script::default();
    script.change(ANN, |change| {
        change.put(&root("city"), text("Rome"));
        change.remove(&root("city"));
    });
    script.put(BOB, &root("city"), text("Oslo"));
    let conflict = script.conflict();
    assert_eq!(conflict.kind, Type::DeleteEdit);
    assert_eq!(conflict.values(), [None, Some(text("Oslo"))]);
}

#[test]
fn a_removal_and_a_put_in_one_change_are_a_put() {
    let mut script = Script::default();
    script.put(ANN, &root("city"), text("Rome"));
    script.all_meet();
    let again = script.change(ANN, |change| {
        change.remove(&root("city"));
        change.put(&root("city"), text("Rome"))
    });
    let oslo = script.put(BOB, &root("city"), text("Oslo"));
    assert_eq!(script.conflict().writes(), [again, oslo]);
}

#[test]
fn a_text_and_a_string_that_read_alike_are_no_conflict() {
    let mut script = Script::default();
    let bio = script.make(ANN, &root("bio"), Kind::Text);
    script.insert(ANN, bio, text("o"));
    script.insert(ANN, bio, text("H"));
    script.put(BOB, &root("bio"), text("Ho"));
    assert!(script.is_calm());
    script.insert(ANN, bio, text("?"));
    assert_eq!(script.conflict().values(), [Some(text("?Ho")), Some(text("Ho"))]);
}
