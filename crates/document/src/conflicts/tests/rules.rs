//! Rules and soft limits of a kind that a document breaks.

use super::*;
use std::sync::Arc;
use tiebreak_kinds::Kinds;

const KIND: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Crew", "x-tiebreak-kind": "crew", "x-tiebreak-version": 1, "type": "object",
    "properties": {
        "people": {"type": "object", "additionalProperties": {"type": "string"}},
        "age": {"type": "integer", "maximum": 120},
        "note": {"type": "string"}
    },
    "x-tiebreak-rules": [
        {"name": "at_most_two", "rule": "size(doc.people) <= 2", "message": "A boat takes two.", "on": ["people"]},
        {"name": "says_why", "rule": "!has(doc.age) || has(doc.note)", "message": "An age needs a note."}
    ]
}"#;

fn crew() -> Flags {
    let kinds = Kinds::with_files([("crew.json".to_owned(), KIND.to_owned())]).unwrap();
    Flags::Kind(Arc::clone(kinds.get("crew").unwrap()))
}

/// A document of these devices, and the rules that it breaks.
fn broken(devices: &mut [&mut AutoCommit]) -> (Document, Vec<Conflict>) {
    let mut document = Document::default();
    for device in devices {
        let ready = document.admit(changes_of(device), &Limits::default()).unwrap().ready;
        document.merge(&ready).unwrap();
    }
    let reviewed = document.review_rules(DOCUMENT, &crew(), &[]).unwrap();
    let found: Vec<_> = reviewed.into_iter().filter_map(|reviewed| reviewed.conflict).collect();
    assert_eq!(document.conflicts(DOCUMENT, &crew()).unwrap(), found);
    (document, found)
}

fn join(device: &mut AutoCommit, name: &str) {
    device.put(object(device, "people"), name, "on board").unwrap();
    device.commit();
}

fn two_boats() -> (AutoCommit, AutoCommit) {
    let mut base = device(1);
    base.put_object(ROOT, "people", ObjType::Map).unwrap();
    join(&mut base, "ann");
    (fork(&mut base, 2), fork(&mut base, 3))
}

#[test]
fn a_rule_that_each_side_kept_and_the_merge_breaks_is_a_conflict_of_both() {
    let (mut one, mut two) = two_boats();
    join(&mut one, "ben");
    join(&mut two, "cleo");
    assert_eq!(broken(&mut [&mut one]).1, []);
    assert_eq!(broken(&mut [&mut two]).1, []);
    let (_, found) = broken(&mut [&mut one, &mut two]);
    let [conflict] = &found[..] else { panic!("{found:?}") };
    assert_eq!(conflict.conflict_type, ConflictType::Rule);
    assert_eq!(
        (&conflict.path[..], conflict.rule.as_deref()),
        (&["people".into()][..], Some("A boat takes two."))
    );
    let mut sides: Vec<_> = conflict.candidates.iter().map(|side| side.value.clone().unwrap()).collect();
    sides.sort_by_key(Json::to_string);
    let on_board = |other: &str| json!({"ann": "on board", (other): "on board"});
    assert_eq!(sides, [on_board("ben"), on_board("cleo")]);
    assert_eq!(conflict.base, Some(json!({"ann": "on board"})));
    let (_, turned) = broken(&mut [&mut two, &mut one]);
    assert_eq!(found, turned, "whoever is back first");
}

#[test]
fn a_limit_that_one_breaks_alone_is_a_conflict_of_one_side() {
    let mut one = device(1);
    one.put(ROOT, "age", 130).unwrap();
    one.put(ROOT, "note", "old").unwrap();
    let (_, found) = broken(&mut [&mut one]);
    let [conflict] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&conflict.path[..], conflict.rule.as_deref()), (&["age".into()][..], Some("at most 120")));
    assert_eq!(conflict.candidates.len(), 1);
    assert_eq!(conflict.candidates[0].value, Some(json!(130)));
}

#[test]
fn a_count_that_two_raised_over_its_limit_shows_what_each_had() {
    let mut base = device(1);
    base.put(ROOT, "note", "old").unwrap();
    base.put(ROOT, "age", ScalarValue::counter(118)).unwrap();
    let (mut one, mut two) = (fork(&mut base, 2), fork(&mut base, 3));
    one.increment(ROOT, "age", 1).unwrap();
    two.increment(ROOT, "age", 2).unwrap();
    let (_, found) = broken(&mut [&mut one, &mut two]);
    let mut sides: Vec<_> = found[0].candidates.iter().map(|side| side.value.clone().unwrap()).collect();
    sides.sort_by_key(Json::to_string);
    assert_eq!((sides, found[0].base.clone()), (vec![json!(119), json!(120)], Some(json!(118))));
}

#[test]
fn it_closes_when_somebody_mends_it_and_its_place_names_who() {
    let (mut one, mut two) = two_boats();
    join(&mut one, "ben");
    join(&mut two, "cleo");
    let (mut document, found) = broken(&mut [&mut one, &mut two]);
    one.merge(&mut two).unwrap();
    one.delete(object(&one, "people"), "ben").unwrap();
    let ready = document.admit(changes_of(&mut one), &Limits::default()).unwrap().ready;
    document.merge(&ready).unwrap();
    let reviewed = document.review_rules(DOCUMENT, &crew(), &[found[0].register.clone()]).unwrap();
    let [kept] = &reviewed[..] else { panic!("{reviewed:?}") };
    assert_eq!((&kept.register, &kept.conflict), (&found[0].register, &None));
    assert_eq!(kept.alone.as_ref().unwrap().actor.as_bytes(), [2; 4]);
}

#[test]
fn one_side_or_something_else_can_be_chosen_for_its_place() {
    let (mut one, mut two) = two_boats();
    join(&mut one, "ben");
    join(&mut two, "cleo");
    for choice in [None, Some(json!({"dora": "alone"}))] {
        let (mut document, found) = broken(&mut [&mut one, &mut two]);
        let side = &found[0].candidates[0];
        let expected = choice.clone().or_else(|| side.value.clone());
        let choice = choice.map_or_else(|| Choice::Candidate(side.id.clone()), Choice::Value);
        let settlement = Settlement { document: DOCUMENT, flags: crew(), conflict: found[0].id, choice };
        let author = Author { actor: &[9; 4], time_s: 0 };
        let change = document.settlement(&settlement, &author, &Limits::default()).unwrap().unwrap();
        document.merge(&[change]).unwrap();
        assert_eq!(document.get(&["people".into()]).unwrap(), expected);
        let reviewed = document.review_rules(DOCUMENT, &crew(), &[found[0].register.clone()]).unwrap();
        let [kept] = &reviewed[..] else { panic!("{reviewed:?}") };
        assert_eq!(kept.resolved.as_ref().unwrap().conflict, found[0].id);
    }
}

#[test]
fn a_rule_about_the_whole_document_is_settled_by_editing_it() {
    let mut one = device(1);
    one.put(ROOT, "age", 30).unwrap();
    let (mut document, found) = broken(&mut [&mut one]);
    let [conflict] = &found[..] else { panic!("{found:?}") };
    assert_eq!((conflict.path.len(), conflict.rule.as_deref()), (0, Some("An age needs a note.")));
    let choice = Choice::Candidate(conflict.candidates[0].id.clone());
    let settlement = Settlement { document: DOCUMENT, flags: crew(), conflict: conflict.id, choice };
    let author = Author { actor: &[9; 4], time_s: 0 };
    let settled = document.settlement(&settlement, &author, &Limits::default()).unwrap();
    assert_eq!(settled.unwrap_err(), SettleError::WholeDocument);
}

#[test]
fn a_document_that_holds_very_much_is_not_looked_at_after_each_edit() {
    let mut one = device(1);
    let list = one.put_object(ROOT, "list", ObjType::List).unwrap();
    (0..5_000).for_each(|at| one.insert(&list, at, 1).unwrap());
    let mut document = broken(&mut [&mut one]).0;
    let mut seen = Vec::new();
    for turn in 0..8 {
        one.put(ROOT, "age", 200 + turn).unwrap();
        one.put(ROOT, "note", "old").unwrap();
        let ready = document.admit(changes_of(&mut one), &Limits::default()).unwrap().ready;
        document.merge(&ready).unwrap();
        seen.push(!document.review_rules(DOCUMENT, &crew(), &[]).unwrap().is_empty());
    }
    assert!(seen.contains(&true) && seen.contains(&false), "{seen:?}");
}
