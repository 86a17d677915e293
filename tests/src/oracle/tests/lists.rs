//! Elements of lists.

use crate::oracle::script::{ANN, BOB, EVE, Script, element, inside, root, text};
use crate::oracle::{Kind, Object, OperationId, Type, Value};

/// `days: ["Mon", "Tue"]`, known to all.
fn shared_list() -> (Script, OperationId, [OperationId; 2]) {
    let mut script = Script::default();
    let (list, elements) = script.change(ANN, |change| {
        let list = change.make(&root("days"), Kind::List);
        let first = change.insert(list, None, text("Mon"));
        let second = change.insert(list, Some(first), text("Tue"));
        (list, [first, second])
    });
    script.all_meet();
    (script, list, elements)
}

#[test]
fn elements_inserted_apart_at_one_place_are_no_conflict() {
    let (mut script, list, _) = shared_list();
    script.insert(ANN, list, text("Sat"));
    script.insert(BOB, list, text("Sun"));
    assert!(script.is_calm());
}

#[test]
fn two_values_set_in_one_element_are_a_conflict() {
    let (mut script, list, [first, _]) = shared_list();
    let one = script.put(ANN, &element(list, first), text("Sat"));
    let other = script.put(BOB, &element(list, first), text("Sun"));
    let conflict = script.conflict();
    assert_eq!(conflict.register, element(list, first));
    assert_eq!(conflict.writes(), [one, other]);
    assert_eq!(conflict.base(), [first]);
}

#[test]
fn an_element_removed_and_set_is_a_conflict() {
    let (mut script, list, [first, _]) = shared_list();
    script.remove(ANN, &element(list, first));
    script.put(BOB, &element(list, first), text("Sun"));
    assert_eq!(script.conflict().kind, Type::DeleteEdit);
}

#[test]
fn an_element_removed_twice_is_no_conflict() {
    let (mut script, list, [first, second]) = shared_list();
    script.remove(ANN, &element(list, first));
    script.remove(BOB, &element(list, first));
    script.put(EVE, &element(list, second), text("Sun"));
    assert!(script.is_calm());
}

#[test]
fn an_edit_inside_an_element_is_one_of_the_element_and_of_the_list() {
    let (mut script, list, [first, _]) = shared_list();
    let day = script.make(ANN, &element(list, first), Kind::Map);
    script.all_meet();
    script.remove(ANN, &element(list, first));
    script.remove(EVE, &root("days"));
    script.put(BOB, &inside(day, "name"), text("Sun"));
    assert_eq!(script.disputed(), [root("days"), element(list, first)]);
}

#[test]
fn an_insertion_into_a_removed_list_is_a_conflict() {
    let (mut script, list, _) = shared_list();
    script.remove(ANN, &root("days"));
    script.insert(BOB, list, text("Sun"));
    let conflict = script.conflict();
    assert_eq!(conflict.kind, Type::DeleteEdit);
    assert_eq!(conflict.values(), [Some(Value::List(["Sun", "Mon", "Tue"].map(text).into())), None]);
}

#[test]
fn elements_of_texts_are_no_registers() {
    let mut script = Script::default();
    let bio = script.make(ANN, &root("bio"), Kind::Text);
    let letter = script.insert(ANN, bio, text("H"));
    script.all_meet();
    script.put(ANN, &element(bio, letter), text("M"));
    script.put(BOB, &element(bio, letter), text("N"));
    assert!(script.is_calm());
}

#[test]
fn what_was_inserted_later_stands_nearer_to_where_it_was_inserted() {
    let (mut script, list, [first, _]) = shared_list();
    let one = script.change(ANN, |change| change.insert(list, Some(first), text("a")));
    script.change(BOB, |change| change.insert(list, Some(first), text("b")));
    script.change(ANN, |change| change.insert(list, Some(one), text("c")));
    let shown = script.model.object(Object::MadeBy(list));
    assert_eq!(shown, Value::List(["Mon", "b", "a", "c", "Tue"].map(text).into()));
}
