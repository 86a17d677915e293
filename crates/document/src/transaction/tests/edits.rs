//! What each edit writes, and what it answers where it cannot.

use super::*;
use crate::transaction::{NewValue, Timestamp};
use bytes::Bytes;

#[test]
fn values_of_every_kind_are_read_back() {
    let mut document = Document::new();
    let change = write(&mut document, |edit| {
        edit.put("nothing", ())?;
        edit.put("yes", true)?;
        edit.put("int", 7)?;
        edit.put("large", u64::MAX)?;
        edit.put("half", 0.5)?;
        edit.put("title", "hello é😀")?;
        edit.put("likes", Counter(3))?;
        edit.put("due", Timestamp(1_700_000_000_000))?;
        edit.put("key", Bytes::from_static(&[1, 2]))?;
        edit.put("a/b.c", json!({ "list": [1, ["x"], { "deep": null }] }))?;
        assert_eq!(edit.get(path!["a/b.c", "list", 1, 0])?, Some(json!("x")));
        Ok(())
    });
    assert_eq!(change.unwrap().time(), ANN.time_s);
    let expected = json!({
        "nothing": null, "yes": true, "int": 7, "large": u64::MAX, "half": 0.5, "title": "hello é😀",
        "likes": 3, "due": 1_700_000_000_000_i64, "key": [1, 2],
        "a/b.c": { "list": [1, ["x"], { "deep": null }] }
    });
    assert_eq!(document.to_json().unwrap(), expected);
    assert_eq!(document.get(&path!["title"]).unwrap(), Some(json!("hello é😀")));
    assert_eq!(document.get(&[]).unwrap(), Some(expected));
    assert_eq!(document.get(&path!["title", "x"]).unwrap(), None);
}

#[test]
fn lists_grow_shrink_and_change_in_place() {
    let mut document = holding(&json!({ "list": ["a", "b"] }));
    write(&mut document, |edit| {
        edit.push("list", "d")?;
        edit.insert(path!["list", 2], "c")?;
        edit.insert(path!["list", 4], json!({ "e": 1 }))?;
        edit.put(path!["list", 0], "A")?;
        assert!(edit.delete(path!["list", 1])?);
        assert!(!edit.delete(path!["list", 9])?);
        assert_eq!(edit.length("list")?, 4);
        edit.put(path!["list", 3, "e"], 2)
    });
    assert_eq!(document.to_json().unwrap(), json!({ "list": ["A", "c", "d", { "e": 2 }] }));
}

#[test]
fn maps_tell_their_keys_and_forget_what_is_deleted() {
    let mut document = holding(&json!({ "lines": { "b": 1, "a": { "qty": 2 } } }));
    write(&mut document, |edit| {
        assert_eq!(edit.keys("lines")?, ["a", "b"]);
        assert_eq!((edit.length("lines")?, edit.length(path![])?), (2, 1));
        assert!(edit.contains(["lines", "a", "qty"])? && !edit.contains(["lines", "c"])?);
        assert!(edit.delete(["lines", "a"])?);
        assert!(!edit.delete(["lines", "a"])? && !edit.delete(["nowhere", "a"])?);
        Ok(())
    });
    assert_eq!(document.to_json().unwrap(), json!({ "lines": { "b": 1 } }));
}

#[test]
fn texts_are_edited_by_characters() {
    let mut document = holding(&json!({ "text": "né😀 world" }));
    write(&mut document, |edit| {
        assert_eq!(edit.length("text")?, 9);
        edit.splice_text("text", 2, 1, "w")?;
        edit.splice_text("text", 9, 0, "!")
    });
    assert_eq!(document.to_json().unwrap(), json!({ "text": "néw world!" }));
    write(&mut document, |edit| edit.set_text("text", "new, worlds!"));
    assert_eq!(document.to_json().unwrap(), json!({ "text": "new, worlds!" }));
}

#[test]
fn long_texts_are_rewritten_without_comparing_every_character_with_every_other() {
    let long = |letter: &str| format!("<{}>", letter.repeat(10_000));
    let mut document = holding(&json!({ "text": long("a") }));
    let change = write(&mut document, |edit| edit.set_text("text", &long("b")));
    assert_eq!(document.to_json().unwrap(), json!({ "text": long("b") }));
    assert_eq!(change.unwrap().operations(), 20_000);
    let corrected = long("b").replace('<', "(").replace('>', ")");
    let change = write(&mut document, |edit| edit.set_text("text", &corrected));
    assert_eq!(document.to_json().unwrap(), json!({ "text": corrected }));
    // One long word: what lies between is written again too.
    assert_eq!(change.unwrap().operations(), 20_004);
}

#[test]
fn what_is_there_already_is_not_written_again() {
    let mut document = Document::new();
    let values = || {
        let plain: [NewValue; 4] = [7.into(), "hello".into(), ().into(), Timestamp(5).into()];
        plain.into_iter().chain([Counter(2).into(), Bytes::from_static(&[1]).into()])
    };
    let put = |edit: &mut Transaction<'_>| {
        values().enumerate().try_for_each(|(key, value)| edit.put(key.to_string(), value))
    };
    assert!(write(&mut document, put).is_some());
    assert_eq!(write(&mut document, put), None);
    assert_eq!(write(&mut document, |edit| edit.set_text("1", "hello")), None);
    assert_eq!(write(&mut document, |edit| edit.increment("4", 0)), None);
    assert_eq!(write(&mut document, |edit| edit.delete("nothing").map(drop)), None);
    assert!(write(&mut document, |edit| edit.put("0", 7.0)).is_some());
    assert_eq!(document.tail_len(), 2);
}

#[test]
fn an_edit_that_writes_nothing_makes_no_document() {
    let mut document = Document::new();
    let (answer, change) = document.transact(&ANN, &Limits::default(), |_| Ok::<_, EditError>(5)).unwrap();
    assert_eq!((answer, change), (5, None));
    assert!(document.heads().is_empty());
    assert_eq!((document.tail_len(), document.stored_bytes()), (0, 0));
}

#[test]
fn counters_add_up_and_a_counter_over_a_counter_writes_the_difference() {
    let mut ann = Document::new();
    write(&mut ann, |edit| edit.put("likes", Counter(5)));
    let mut bob = replica(&mut ann);
    let by_ann = write(&mut ann, |edit| {
        edit.increment("likes", 3)?;
        edit.put("likes", Counter(5))
    });
    let by_bob = write_as(&BOB, &mut bob, |edit| edit.increment("likes", -1));
    receive(&mut ann, &by_bob.into_iter().collect::<Vec<_>>());
    receive(&mut bob, &by_ann.into_iter().collect::<Vec<_>>());
    for document in [&mut ann, &mut bob] {
        assert_eq!(document.to_json().unwrap(), json!({ "likes": 4 }));
    }
}

#[test]
fn a_choice_between_conflicting_values_is_written_even_if_it_already_shows() {
    for (one, other) in [(json!("a"), json!("b")), (json!(1), json!(2))] {
        let mut ann = holding(&json!({ "base": 0 }));
        let mut bob = replica(&mut ann);
        let by_bob = write_as(&BOB, &mut bob, |edit| edit.put("key", &other));
        write(&mut ann, |edit| edit.put("key", &one));
        receive(&mut ann, &by_bob.into_iter().collect::<Vec<_>>());
        let shown = ann.get(&path!["key"]).unwrap().unwrap();
        assert!(write(&mut ann, |edit| edit.put("key", &shown)).is_some());
        assert_eq!(write(&mut ann, |edit| edit.put("key", &shown)), None);
        assert_eq!(ann.get(&path!["key"]).unwrap(), Some(shown));
        replica(&mut ann);
    }
}

#[test]
fn errors_say_where_and_what_to_do() {
    let mut document = holding(&json!({ "title": "hello", "list": [1], "map": {} }));
    let mut fails = |edit: &mut dyn FnMut(&mut Transaction<'_>) -> Edited, text: &str| {
        assert_eq!(failure(&mut document, edit).to_string(), text);
    };
    fails(&mut |edit| edit.put(["lines", "a"], 1), "there is no object at lines: put one there first");
    fails(&mut |edit| edit.put(["title", "a"], 1), "what is at title is a text, not a map");
    fails(&mut |edit| edit.put(["list", "a"], 1), "what is at list is a list, not a map");
    fails(&mut |edit| edit.put(path!["map", 0], 1), "what is at map is a map, not a list");
    fails(&mut |edit| edit.put(path![], 1), "the root is a map and stays one: write its keys");
    fails(
        &mut |edit| edit.put(path!["list", 1], 1),
        "position 1 is out of range at list, which has a length of 1",
    );
    fails(
        &mut |edit| edit.insert(path!["list", 2], 1),
        "position 2 is out of range at list, which has a length of 1",
    );
    fails(&mut |edit| edit.insert("list", 1), "list does not end in a position of a list");
    fails(&mut |edit| edit.push("map", 1), "what is at map is a map, not a list");
    fails(&mut |edit| edit.keys(path!["list", 0]).map(drop), "what is at list/0 is a plain value, not a map");
    fails(
        &mut |edit| edit.increment(path!["list", 0], 1),
        "there is no counter at list/0: put one there first",
    );
    fails(&mut |edit| edit.set_text("none", ""), "there is no text at none: put a string there first");
    fails(
        &mut |edit| edit.splice_text("title", 4, 2, ""),
        "position 6 is out of range at title, which has a length of 5",
    );
    assert_eq!(document.tail_len(), 1);
}

#[test]
fn objects_nest_exactly_as_deep_as_a_server_takes_them() {
    let limits = Limits { depth_max: 2, ..Limits::default() };
    let mut document = Document::new();
    let mut put = |path: &[&str], value: Json| {
        document.transact(&ANN, &limits, |edit| edit.put(path, value)).map(|(_, change)| change.is_some())
    };
    assert!(put(&["a"], json!({ "b": { "number": 1 } })).unwrap());
    assert!(put(&["a", "text"], json!("text")).unwrap());
    for (path, value) in [(&["a", "b", "c"][..], json!("text")), (&["d"], json!([[[]]]))] {
        let refused = put(path, value);
        assert!(matches!(refused, Err(TransactError::Edit(EditError::TooDeep { depth_max: 2, .. }))));
    }
}

#[test]
fn operations_are_counted_while_they_are_written() {
    let limits = Limits { change_operations_max: 10, ..Limits::default() };
    let mut document = holding(&json!({ "text": "hello", "list": [] }));
    let mut fails = |edit: &dyn Fn(&mut Transaction<'_>) -> Edited| {
        let failed = document.transact(&ANN, &limits, edit);
        let too_many = EditError::TooManyOperations { operations_max: 10 };
        assert!(matches!(failed, Err(TransactError::Edit(error)) if error == too_many));
    };
    fails(&|edit| edit.put("more", "0123456789"));
    fails(&|edit| edit.splice_text("text", 0, 5, "012345"));
    fails(&|edit| edit.set_text("text", "world and more"));
    fails(&|edit| edit.set_text("text", "012345"));
    fails(&|edit| (0..11).try_for_each(|_| edit.push("list", 1)));
    let exactly = document.transact(&ANN, &limits, |edit| edit.put("more", "012345678")).unwrap().1;
    assert_eq!(exactly.unwrap().operations(), 10);
}
