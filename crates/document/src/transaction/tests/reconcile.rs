//! An update writes what the application changed, and nothing else.

use super::*;
use crate::transaction::Timestamp;
use bytes::Bytes;
use proptest::prelude::*;

/// Two devices update the same document apart; what both hold once they have met.
fn met(base: &Json, by_ann: &Json, by_bob: &Json) -> Json {
    let mut ann = holding(base);
    let mut bob = replica(&mut ann);
    let from_ann = write(&mut ann, |edit| edit.update(path![], base, by_ann));
    let from_bob = write_as(&BOB, &mut bob, |edit| edit.update(path![], base, by_bob));
    assert_eq!(ann.to_json().unwrap(), *by_ann);
    assert_eq!(bob.to_json().unwrap(), *by_bob);
    receive(&mut ann, &from_bob.into_iter().collect::<Vec<_>>());
    receive(&mut bob, &from_ann.into_iter().collect::<Vec<_>>());
    assert_eq!(ann.to_json().unwrap(), bob.to_json().unwrap());
    ann.to_json().unwrap()
}

/// A document that has moved on since `before` was read, after an update by who still sees `before`.
fn late(before: &Json, there: &Json, after: &Json) -> Json {
    let mut document = holding(there);
    write(&mut document, |edit| edit.update(path![], before, after));
    document.to_json().unwrap()
}

#[test]
fn different_fields_elements_and_words_of_two_devices_all_survive() {
    let base = json!({
        "name": "Ann", "city": "Bonn", "lines": [{ "sku": "a", "qty": 1 }, { "sku": "b", "qty": 1 }], "bio": "one two three"
    });
    let by_ann = json!({
        "name": "Anna", "city": "Bonn", "lines": [{ "sku": "a", "qty": 2 }, { "sku": "b", "qty": 1 }], "bio": "ONE two three"
    });
    let by_bob = json!({
        "name": "Ann", "city": "Köln",
        "lines": [{ "sku": "a", "qty": 1 }, { "sku": "b", "qty": 7 }, { "sku": "c", "qty": 1 }], "bio": "one two three four"
    });
    let both = json!({
        "name": "Anna", "city": "Köln",
        "lines": [{ "sku": "a", "qty": 2 }, { "sku": "b", "qty": 7 }, { "sku": "c", "qty": 1 }], "bio": "ONE two three four"
    });
    assert_eq!(met(&base, &by_ann, &by_bob), both);
}

#[test]
fn elements_that_two_devices_insert_and_delete_all_count() {
    let base = json!({ "list": ["a", "b", "c", "d"] });
    let by_ann = json!({ "list": ["first", "a", "c", "d"] });
    let by_bob = json!({ "list": ["a", "b", "c", "last"] });
    assert_eq!(met(&base, &by_ann, &by_bob), json!({ "list": ["first", "a", "c", "last"] }));
}

#[test]
fn fields_that_the_application_does_not_know_are_kept() {
    let mut document =
        holding(&json!({ "name": "Ann", "newer": { "x": 1 }, "list": [{ "a": 1, "newer": 2 }] }));
    let before = json!({ "name": "Ann", "list": [{ "a": 1 }] });
    let after = json!({ "list": [{ "a": 5 }] });
    write(&mut document, |edit| edit.update(path![], &before, &after));
    let kept = json!({ "newer": { "x": 1 }, "list": [{ "a": 5, "newer": 2 }] });
    assert_eq!(document.to_json().unwrap(), kept);
}

#[test]
fn an_update_without_a_difference_writes_nothing() {
    let mut document = holding(&json!({ "name": "Ann", "list": [1, 2] }));
    let elsewhere = json!({ "name": "not what is there", "list": [9] });
    assert_eq!(write(&mut document, |edit| edit.update(path![], &elsewhere, &elsewhere)), None);
}

#[test]
fn values_keep_the_kind_that_json_does_not_tell() {
    let mut document = Document::new();
    write(&mut document, |edit| {
        edit.put("likes", Counter(5))?;
        edit.put("due", Timestamp(1_000))?;
        edit.put("key", Bytes::from_static(&[1, 2]))?;
        edit.put_scalar(&path!["plain"], "a string".into())
    });
    let mut other = replica(&mut document);
    let more = write_as(&BOB, &mut other, |edit| edit.increment("likes", 10));
    receive(&mut document, &more.into_iter().collect::<Vec<_>>());
    let before = json!({ "likes": 5, "due": 1_000, "key": [1, 2], "plain": "a string" });
    let after = json!({ "likes": 6, "due": 2_000, "key": [1, 2, 3], "plain": "another" });
    write(&mut document, |edit| {
        edit.update(path![], &before, &after)?;
        edit.increment("likes", 0)?;
        let kinds: Vec<_> = ["due", "key", "plain"]
            .into_iter()
            .map(|key| format!("{:?}", edit.find(&path![key]).unwrap().unwrap()))
            .collect();
        assert_eq!(
            kinds,
            ["Scalar(Timestamp(2000))", "Scalar(Bytes([1, 2, 3]))", "Scalar(Str(\"another\"))"]
        );
        Ok(())
    });
    assert_eq!(
        document.to_json().unwrap(),
        json!({ "likes": 16, "due": 2_000, "key": [1, 2, 3], "plain": "another" })
    );
}

#[test]
fn an_update_of_an_older_state_changes_what_is_there_by_as_much() {
    let before = json!({ "bio": "one two", "list": [1, 2, 3], "map": { "a": 1 } });
    let there =
        json!({ "bio": "one and two", "list": [0, 1, 2, 3, 4], "map": { "a": 1, "b": 2 }, "more": 1 });
    let after = json!({ "bio": "one two three", "list": [1, 3, 9], "map": { "a": 5 } });
    let expected = json!({
        "bio": "one and two three", "list": [0, 1, 3, 9, 4], "map": { "a": 5, "b": 2 }, "more": 1
    });
    assert_eq!(late(&before, &there, &after), expected);
}

#[test]
fn what_was_deleted_meanwhile_comes_back_if_the_application_changed_it() {
    let before = json!({ "a": { "x": 1 }, "list": ["keep", "edit"], "gone": 1 });
    let there = json!({ "list": ["keep"] });
    let after = json!({ "a": { "x": 2 }, "list": ["keep", "edited"] });
    assert_eq!(late(&before, &there, &after), json!({ "a": { "x": 2 }, "list": ["keep", "edited"] }));
}

#[test]
fn an_update_may_begin_anywhere_and_make_what_is_not_there() {
    let mut document = holding(&json!({ "users": { "ann": { "age": 1 } } }));
    write(&mut document, |edit| {
        edit.update(["users", "ann"], &json!({ "age": 1 }), &json!({ "age": 2 }))?;
        edit.update(["users", "bob"], &Json::Null, &json!({ "age": 3 }))?;
        edit.update(["users", "ann", "age"], &json!(2), &json!("old"))
    });
    let expected = json!({ "users": { "ann": { "age": "old" }, "bob": { "age": 3 } } });
    assert_eq!(document.to_json().unwrap(), expected);
    let nowhere = |edit: &mut Transaction<'_>| edit.update(["no", "where"], &json!(1), &json!(2));
    assert!(matches!(failure(&mut document, nowhere), EditError::NoSuchObject { .. }));
    assert_eq!(failure(&mut document, |edit| edit.update(path![], &json!({}), &json!([]))), EditError::Root);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-3..3_i64).prop_map(Json::from),
        Just(Json::from(0.5)),
        "[abé😀]{0,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map("[a-d]", inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_document() -> impl Strategy<Value = Json> {
    prop::collection::btree_map("[a-d]", any_json(), 0..5).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn whatever_the_difference_the_document_holds_the_new_state(before in any_document(), after in any_document()) {
        let mut document = holding(&before);
        let change = write(&mut document, |edit| edit.update(path![], &before, &after));
        prop_assert_eq!(document.to_json().unwrap(), after.clone());
        prop_assert_eq!(change.is_some(), before != after);
        prop_assert_eq!(replica(&mut document).to_json().unwrap(), after);
    }

    #[test]
    fn an_update_touches_no_key_that_both_states_lack(
        before in any_document(),
        after in any_document(),
        unknown in any_json(),
    ) {
        let mut with_unknown = before.clone();
        with_unknown["unknown"] = unknown.clone();
        let mut document = holding(&with_unknown);
        write(&mut document, |edit| edit.update(path![], &before, &after));
        let mut expected = after;
        expected["unknown"] = unknown;
        prop_assert_eq!(document.to_json().unwrap(), expected);
    }

    #[test]
    fn fields_that_two_devices_change_apart_both_survive(
        base in (any_json(), any_json()),
        changed in (any_json(), any_json()),
    ) {
        let state = |ann: &Json, bob: &Json| json!({ "ann": ann, "bob": bob });
        let base_state = state(&base.0, &base.1);
        let (by_ann, by_bob) = (state(&changed.0, &base.1), state(&base.0, &changed.1));
        prop_assert_eq!(met(&base_state, &by_ann, &by_bob), state(&changed.0, &changed.1));
    }

    #[test]
    fn an_update_fits_whatever_the_document_became(
        before in any_document(), there in any_document(), after in any_document()
    ) {
        let now = late(&before, &there, &after);
        // Where nobody else wrote, the new state is there.
        for (key, value) in after.as_object().unwrap() {
            if before.get(key) == there.get(key) {
                prop_assert_eq!(&now[key], value);
            } else if before.get(key) == Some(value) {
                prop_assert_eq!(now.get(key), there.get(key));
            }
        }
    }
}
