//! What the sides of a conflict had in common, and what names the candidates.

use crate::oracle::script::{ANN, BOB, EVE, Script, inside, root, text};
use crate::oracle::{Kind, Value};

#[test]
fn the_base_is_the_last_write_that_all_sides_saw() {
    let mut script = Script::default();
    script.put(ANN, &root("city"), text("Rome"));
    let last = script.put(ANN, &root("city"), text("Bari"));
    script.all_meet();
    script.put(ANN, &root("city"), text("Oslo"));
    script.put(BOB, &root("city"), text("Kyiv"));
    assert_eq!(script.conflict().base(), [last]);
}

#[test]
fn a_latecomer_with_an_older_base_makes_the_conflict_wider() {
    let mut script = Script::default();
    let first = script.put(ANN, &root("city"), text("Rome"));
    script.all_meet();
    let second = script.put(ANN, &root("city"), text("Bari"));
    script.tell(ANN, BOB);
    script.put(ANN, &root("city"), text("Oslo"));
    script.put(BOB, &root("city"), text("Kyiv"));
    assert_eq!(script.conflict().base(), [second]);
    script.put(EVE, &root("city"), text("Bonn"));
    let wider = script.conflict();
    assert_eq!(wider.base(), [first]);
    assert_eq!(wider.candidates.len(), 3);
}

#[test]
fn another_candidate_on_the_same_base_keeps_the_base() {
    let mut script = Script::default();
    let first = script.put(ANN, &root("city"), text("Rome"));
    script.all_meet();
    script.put(ANN, &root("city"), text("Oslo"));
    script.put(BOB, &root("city"), text("Kyiv"));
    let before = script.conflict().base;
    script.put(EVE, &root("city"), text("Bonn"));
    assert_eq!(script.conflict().base, before);
    assert_eq!(script.conflict().base(), [first]);
}

#[test]
fn a_side_that_writes_on_keeps_the_base() {
    let mut script = Script::default();
    let first = script.put(ANN, &root("city"), text("Rome"));
    script.all_meet();
    script.put(ANN, &root("city"), text("Oslo"));
    let kyiv = script.put(BOB, &root("city"), text("Kyiv"));
    let bonn = script.put(ANN, &root("city"), text("Bonn"));
    let conflict = script.conflict();
    assert_eq!(conflict.writes(), [kyiv, bonn]);
    assert_eq!(conflict.base(), [first]);
}

#[test]
fn a_version_that_stands_by_touches_has_seen_what_the_last_of_them_saw() {
    let mut script = Script::default();
    let goals = script.make(ANN, &root("goals"), Kind::Map);
    script.all_meet();
    let few = script.put(EVE, &root("goals"), text("few"));
    script.tell(EVE, BOB);
    script.put(ANN, &inside(goals, "run"), Value::Int(1));
    let many = script.put(BOB, &root("goals"), text("many"));
    assert_eq!(script.conflict().base(), [goals]);
    script.tell(EVE, ANN);
    let last = script.put(ANN, &inside(goals, "run"), Value::Int(2));
    let conflict = script.conflict();
    assert_eq!(conflict.writes(), [goals, many]);
    assert_eq!(conflict.base(), [few]);
    assert_eq!(conflict.candidates[0].newest, script.model.change_of(last));
}

#[test]
fn a_version_that_stands_by_its_write_has_seen_what_that_saw_whatever_touched_it_later() {
    let mut script = Script::default();
    let none = script.put(ANN, &root("goals"), text("none"));
    script.all_meet();
    let goals = script.make(ANN, &root("goals"), Kind::Map);
    script.put(EVE, &root("goals"), text("few"));
    script.tell(EVE, ANN);
    script.tell(EVE, BOB);
    script.put(ANN, &inside(goals, "run"), Value::Int(1));
    let many = script.put(BOB, &root("goals"), text("many"));
    let conflict = script.conflict();
    assert_eq!(conflict.writes(), [goals, many]);
    assert_eq!(conflict.base(), [none]);
}

#[test]
fn touches_on_two_sides_both_count_for_the_base() {
    let mut script = Script::default();
    let old = script.put(ANN, &root("goals"), text("none"));
    let goals = script.make(ANN, &root("goals"), Kind::Map);
    script.all_meet();
    script.remove(EVE, &root("goals"));
    script.put(ANN, &inside(goals, "run"), Value::Int(1));
    script.put(BOB, &inside(goals, "swim"), Value::Int(1));
    let conflict = script.conflict();
    assert_eq!(conflict.base(), [goals]);
    assert!(!conflict.base.contains(&old));
}

#[test]
fn the_own_write_of_a_version_that_stands_by_it_is_not_its_base() {
    let mut script = Script::default();
    let one = script.make(ANN, &root("goals"), Kind::Map);
    script.put(ANN, &inside(one, "run"), Value::Int(1));
    script.put(BOB, &root("goals"), text("none"));
    assert_eq!(script.conflict().base(), []);
}

#[test]
fn the_order_in_which_changes_arrive_does_not_matter() {
    let story = |[first, second]: [(u8, &str); 2]| {
        let mut script = Script::default();
        for (who, city) in [first, second] {
            script.put(who, &root("city"), text(city));
        }
        let conflict = script.conflict();
        let mut candidates: Vec<_> = conflict.candidates.into_iter().collect();
        candidates.sort_by_key(|candidate| candidate.newest);
        (conflict.kind, candidates.into_iter().map(|one| one.value).collect::<Vec<_>>(), conflict.base)
    };
    let (ann, bob) = ((ANN, "Rome"), (BOB, "Oslo"));
    assert_eq!(story([ann, bob]), story([bob, ann]));
}
