use super::*;
use crate::PathStep;
use crate::SavedChange;
use crate::gatekeeper::check_change;
use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, ObjType, ROOT, ScalarValue};
use serde_json::json;
use tiebreak_protocol::Limits;

fn author() -> AutoCommit {
    AutoCommit::new().with_actor(ActorId::from([7; 16].as_slice()))
}

/// The document as a server holds it after it received all changes.
fn received(author: &mut AutoCommit) -> Document {
    let mut document = Document::new();
    for change in author.get_changes(&[]) {
        let checked = check_change(change.raw_bytes().to_vec().into(), &Limits::default()).unwrap();
        document.merge(&[checked]).unwrap();
    }
    document
}

/// Path, action and number of operations of each touch of the newest change.
fn newest(author: &mut AutoCommit) -> Vec<(String, TouchAction, u64)> {
    let (page, _) = received(author).history(0, 1).unwrap();
    let path = |touch: &Touch| {
        let steps = touch.path.iter().map(|step| match step {
            PathStep::Key(key) => key.clone(),
            PathStep::Position(position) => position.to_string(),
            PathStep::Removed => "?".to_owned(),
        });
        steps.collect::<Vec<_>>().join("/")
    };
    page[0].touched.iter().map(|touch| (path(touch), touch.action.clone(), touch.operations)).collect()
}

fn touch(path: &str, action: TouchAction, operations: u64) -> (String, TouchAction, u64) {
    (path.to_owned(), action, operations)
}

#[test]
fn writes_increments_and_deletions_name_their_keys() {
    let mut author = author();
    author.put(ROOT, "title", "old").unwrap();
    author.put(ROOT, "likes", ScalarValue::counter(1)).unwrap();
    author.put(ROOT, "gone", 1).unwrap();
    author.commit();
    author.put(ROOT, "title", "new").unwrap();
    author.increment(ROOT, "likes", 2).unwrap();
    author.delete(ROOT, "gone").unwrap();
    assert_eq!(
        newest(&mut author),
        [
            touch("title", TouchAction::Set(json!("new")), 1),
            touch("likes", TouchAction::Increment(2), 1),
            touch("gone", TouchAction::Delete, 1),
        ]
    );
}

#[test]
fn typing_is_one_entry_with_what_was_typed() {
    let mut author = author();
    let todos = author.put_object(ROOT, "todos", ObjType::List).unwrap();
    let todo = author.insert_object(&todos, 0, ObjType::Map).unwrap();
    let title = author.put_object(&todo, "title", ObjType::Text).unwrap();
    author.commit();
    author.splice_text(&title, 0, 0, "hello world").unwrap();
    author.splice_text(&title, 0, 6, "").unwrap();
    assert_eq!(
        newest(&mut author),
        [
            touch("todos/0/title", TouchAction::InsertText("hello world".to_owned()), 11),
            touch("todos/0/title", TouchAction::Delete, 6),
        ]
    );
}

#[test]
fn text_typed_in_two_places_is_two_entries() {
    let mut author = author();
    let text = author.put_object(ROOT, "text", ObjType::Text).unwrap();
    author.splice_text(&text, 0, 0, "middle").unwrap();
    author.commit();
    author.splice_text(&text, 6, 0, " end").unwrap();
    author.splice_text(&text, 0, 0, "start ").unwrap();
    assert_eq!(
        newest(&mut author),
        [
            touch("text", TouchAction::InsertText(" end".to_owned()), 4),
            touch("text", TouchAction::InsertText("start ".to_owned()), 6),
        ]
    );
}

#[test]
fn made_objects_inserted_elements_and_marks_are_told() {
    let mut author = author();
    let list = author.put_object(ROOT, "list", ObjType::List).unwrap();
    author.insert(&list, 0, 1).unwrap();
    author.insert(&list, 1, "two").unwrap();
    author.insert_object(&list, 2, ObjType::Map).unwrap();
    let text = author.put_object(ROOT, "text", ObjType::Text).unwrap();
    author.splice_text(&text, 0, 0, "bold").unwrap();
    author.mark(&text, Mark::new("bold".to_owned(), true, 0, 4), ExpandMark::None).unwrap();
    assert_eq!(
        newest(&mut author),
        [
            touch("list", TouchAction::Make(Made::List), 1),
            touch("list", TouchAction::Insert, 2),
            touch("list/2", TouchAction::Make(Made::Map), 1),
            touch("text", TouchAction::Make(Made::Text), 1),
            touch("text", TouchAction::InsertText("bold".to_owned()), 4),
            touch("text", TouchAction::Mark(Some("bold".to_owned())), 2),
        ]
    );
}

#[test]
fn what_happened_in_a_removed_element_is_still_told() {
    let mut author = author();
    let list = author.put_object(ROOT, "list", ObjType::List).unwrap();
    let map = author.insert_object(&list, 0, ObjType::Map).unwrap();
    author.commit();
    author.put(&map, "name", "x").unwrap();
    author.commit();
    author.delete(&list, 0).unwrap();
    author.commit();
    let (page, total) = received(&mut author).history(1, 1).unwrap();
    assert_eq!(total, 3);
    let path = &page[0].touched[0].path;
    assert!(path.ends_with(&[PathStep::Removed, PathStep::Key("name".to_owned())]), "{path:?}");
}

#[test]
fn long_changes_are_cut_and_say_so() {
    let mut author = author();
    for number in 0..150 {
        author.put(ROOT, format!("key {number}"), number).unwrap();
    }
    author.commit();
    let (page, _) = received(&mut author).history(0, 10).unwrap();
    assert_eq!((page[0].touched.len(), page[0].operations_left_out), (100, 50));
    let text = author.put_object(ROOT, "text", ObjType::Text).unwrap();
    author.splice_text(&text, 0, 0, &"x".repeat(1_000)).unwrap();
    let touched = newest(&mut author);
    let TouchAction::InsertText(excerpt) = &touched[1].1 else { panic!("{touched:?}") };
    assert_eq!((excerpt.chars().count(), touched[1].2), (121, 1_000));
}

#[test]
fn history_reads_the_same_from_a_snapshot() {
    let mut author = author();
    let text = author.put_object(ROOT, "text", ObjType::Text).unwrap();
    for number in 0..20 {
        author.splice_text(&text, 0, 0, &format!("{number} ")).unwrap();
        author.delete(&text, 0).unwrap();
        author.commit();
    }
    let mut live = received(&mut author);
    let snapshot = live.snapshot().unwrap();
    let mut reopened = Document::from_stored(Some(snapshot), Vec::<SavedChange>::new(), live.heads().clone());
    assert_eq!(reopened.history(0, 100).unwrap(), live.history(0, 100).unwrap());
}
