//! Edits inside what others remove or replace.

use crate::oracle::script::{ANN, BOB, EVE, Script, inside, root, text};
use crate::oracle::{Kind, OperationId, Type, Value};
use std::collections::BTreeMap;

/// `address: {city: "Rome"}`, known to all.
fn shared_address() -> (Script, OperationId) {
    let mut script = Script::default();
    let address = script.change(ANN, |change| {
        let address = change.make(&root("address"), Kind::Map);
        change.put(&inside(address, "city"), text("Rome"));
        address
    });
    script.all_meet();
    (script, address)
}

fn map(key: &str, value: Value) -> Value {
    Value::Map(BTreeMap::from([(key.to_owned(), value)]))
}

#[test]
fn an_edit_inside_a_removed_object_is_a_conflict() {
    let (mut script, address) = shared_address();
    let removal = script.remove(ANN, &root("address"));
    script.put(BOB, &inside(address, "city"), text("Oslo"));
    let conflict = script.conflict();
    assert_eq!(conflict.register, root("address"));
    assert_eq!(conflict.kind, Type::DeleteEdit);
    assert_eq!(conflict.writes(), [address, removal]);
    assert_eq!(conflict.values(), [Some(map("city", text("Oslo"))), None]);
    assert_eq!(conflict.base(), [address]);
}

#[test]
fn an_edit_that_the_removal_has_seen_is_no_conflict() {
    let (mut script, address) = shared_address();
    script.put(BOB, &inside(address, "city"), text("Oslo"));
    script.tell(BOB, ANN);
    script.remove(ANN, &root("address"));
    assert!(script.is_calm());
}

#[test]
fn an_edit_at_depth_is_one_of_the_removed_object() {
    let (mut script, address) = shared_address();
    let geo = script.make(ANN, &inside(address, "geo"), Kind::Map);
    script.all_meet();
    script.remove(ANN, &root("address"));
    script.put(BOB, &inside(geo, "north"), Value::Int(1));
    let conflict = script.conflict();
    assert_eq!(conflict.register, root("address"));
    assert_eq!(conflict.kind, Type::DeleteEdit);
}

#[test]
fn an_edit_at_depth_is_one_of_every_object_around_it() {
    let (mut script, address) = shared_address();
    let geo = script.make(ANN, &inside(address, "geo"), Kind::Map);
    script.all_meet();
    script.remove(ANN, &root("address"));
    script.remove(EVE, &inside(address, "geo"));
    script.put(BOB, &inside(geo, "north"), Value::Int(1));
    assert_eq!(script.disputed(), [root("address"), inside(address, "geo")]);
}

#[test]
fn an_edit_followed_by_a_removal_in_one_change_is_no_conflict() {
    let (mut script, address) = shared_address();
    script.change(ANN, |change| {
        change.put(&inside(address, "city"), text("Oslo"));
        change.remove(&root("address"));
    });
    assert!(script.is_calm());
}

#[test]
fn an_edit_of_a_text_is_an_edit_inside_it() {
    let mut script = Script::default();
    let bio = script.make(ANN, &root("bio"), Kind::Text);
    script.all_meet();
    script.remove(ANN, &root("bio"));
    script.insert(BOB, bio, text("H"));
    let conflict = script.conflict();
    assert_eq!(conflict.kind, Type::DeleteEdit);
    assert_eq!(conflict.values(), [Some(text("H")), None]);
}

#[test]
fn a_replaced_object_in_which_another_one_edited_is_a_conflict() {
    let (mut script, address) = shared_address();
    let other = script.change(ANN, |change| {
        let other = change.make(&root("address"), Kind::Map);
        change.put(&inside(other, "city"), text("Kyiv"));
        other
    });
    script.put(BOB, &inside(address, "city"), text("Oslo"));
    let conflict = script.conflict();
    assert_eq!(conflict.kind, Type::ReplaceEdit);
    assert_eq!(conflict.writes(), [address, other]);
    assert_eq!(conflict.values(), [Some(map("city", text("Oslo"))), Some(map("city", text("Kyiv")))]);
    assert_eq!(conflict.base(), [address]);
}

#[test]
fn an_object_replaced_by_an_equal_one_is_no_conflict() {
    let (mut script, address) = shared_address();
    script.change(ANN, |change| {
        let other = change.make(&root("address"), Kind::Map);
        change.put(&inside(other, "city"), text("Oslo"));
    });
    script.put(BOB, &inside(address, "city"), text("Oslo"));
    assert!(script.is_calm());
}

#[test]
fn an_object_made_twice_is_a_conflict_unless_both_read_alike_today() {
    let mut script = Script::default();
    let one = script.make(ANN, &root("goals"), Kind::Map);
    let other = script.make(BOB, &root("goals"), Kind::Map);
    assert!(script.is_calm());
    script.put(ANN, &inside(one, "run"), Value::Int(5));
    let conflict = script.conflict();
    assert_eq!(conflict.kind, Type::WriteWrite);
    assert_eq!(conflict.writes(), [one, other]);
    script.put(BOB, &inside(other, "run"), Value::Float(5.0));
    assert!(script.is_calm());
}

#[test]
fn an_edit_inside_one_of_two_candidates_does_not_settle() {
    let mut script = Script::default();
    let one = script.make(ANN, &root("goals"), Kind::Map);
    let other = script.put(BOB, &root("goals"), text("none"));
    script.all_meet();
    let edit = script.put(EVE, &inside(one, "run"), Value::Int(5));
    let conflict = script.conflict();
    assert_eq!(conflict.writes(), [one, other]);
    assert_eq!(conflict.candidates[0].newest, script.model.change_of(edit));
}

#[test]
fn a_settled_conflict_returns_with_an_edit_inside_the_rejected_object() {
    let mut script = Script::default();
    let one = script.make(ANN, &root("goals"), Kind::Map);
    let other = script.put(BOB, &root("goals"), text("none"));
    script.tell(ANN, EVE);
    script.all_meet();
    let choice = script.put(BOB, &root("goals"), text("few"));
    assert!(script.is_calm());
    script.put(EVE, &inside(one, "run"), Value::Int(5));
    let conflict = script.conflict();
    assert_eq!(conflict.kind, Type::ReplaceEdit);
    assert_eq!(conflict.writes(), [one, choice]);
    assert_eq!(conflict.base(), [one, other]);
}

#[test]
fn a_nested_conflict_falls_when_the_object_around_it_is_removed_for_good() {
    let (mut script, address) = shared_address();
    script.put(ANN, &inside(address, "city"), text("Oslo"));
    script.put(BOB, &inside(address, "city"), text("Kyiv"));
    assert_eq!(script.disputed(), [inside(address, "city")]);
    script.remove(EVE, &root("address"));
    assert_eq!(script.disputed(), [root("address"), inside(address, "city")]);
    script.all_meet();
    script.remove(EVE, &root("address"));
    assert!(script.is_calm());
}

#[test]
fn a_nested_conflict_falls_when_an_object_further_up_is_replaced() {
    let (mut script, address) = shared_address();
    let geo = script.make(ANN, &inside(address, "geo"), Kind::Map);
    script.all_meet();
    script.put(ANN, &inside(geo, "north"), Value::Int(1));
    script.put(BOB, &inside(geo, "north"), Value::Int(2));
    assert_eq!(script.disputed(), [inside(geo, "north")]);
    script.all_meet();
    script.put(EVE, &root("address"), text("Rome"));
    assert!(script.is_calm());
}

#[test]
fn a_removal_above_that_saw_one_side_of_a_nested_conflict_leaves_the_other() {
    let (mut script, address) = shared_address();
    script.put(ANN, &inside(address, "city"), text("Oslo"));
    script.put(BOB, &inside(address, "city"), text("Kyiv"));
    script.remove(ANN, &root("address"));
    assert_eq!(script.disputed(), [root("address")]);
}

#[test]
fn a_value_chosen_by_removing_the_others_keeps_what_is_disputed_inside_it() {
    let mut script = Script::default();
    script.put(ANN, &root("goals"), text("none"));
    let goals = script.make(BOB, &root("goals"), Kind::Map);
    script.all_meet();
    script.put(ANN, &inside(goals, "run"), Value::Int(1));
    script.put(BOB, &inside(goals, "run"), Value::Int(2));
    script.all_meet();
    script.choose_shown(EVE, &root("goals"));
    assert_eq!(script.disputed(), [inside(goals, "run")]);
}

#[test]
fn an_object_made_and_replaced_in_one_change_never_was() {
    let mut script = Script::default();
    script.change(ANN, |change| {
        let goals = change.make(&root("goals"), Kind::Map);
        change.put(&inside(goals, "run"), Value::Int(1));
        change.put(&root("goals"), text("none"));
    });
    script.put(BOB, &root("goals"), text("none"));
    assert!(script.is_calm());
}
