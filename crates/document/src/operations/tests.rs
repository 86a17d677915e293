//! The notes of a saved document are those of its changes.

use super::Operations;
use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, ObjType, ROOT, ReadDoc};

fn lines(operations: &Operations) -> Vec<String> {
    let mut lines = Vec::new();
    for (first, run) in &operations.runs {
        let actor = operations.actors.name(first.actor).unwrap();
        for counter in first.counter..first.counter + run.length {
            let id = super::Id { counter: counter.into(), actor };
            let known = operations.find(id).unwrap();
            lines.push(format!("{id:?} {known:?}"));
        }
    }
    lines.sort();
    lines
}

/// Large enough for the library to keep its columns in several parts.
fn large_document() -> Automerge {
    let mut automerge = Automerge::new().with_actor(ActorId::from([7; 16]));
    let mut random = 1_u64;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % below
    };
    let mut transaction = automerge.transaction();
    let text = transaction.put_object(ROOT, "text", ObjType::Text).unwrap();
    let list = transaction.put_object(ROOT, "list", ObjType::List).unwrap();
    transaction.commit();
    for round in 0..3_000 {
        if round % 500 == 499 {
            automerge.set_actor(ActorId::from(vec![(round / 500) as u8; 1 + round / 500]));
        }
        let mut transaction = automerge.transaction();
        let at = next(transaction.length(&text) + 1);
        let removed = next(3).min(transaction.length(&text) - at);
        transaction.splice_text(&text, at, removed as isize, &"typed"[..1 + next(5)]).unwrap();
        let length = transaction.length(&list);
        transaction.insert(&list, next(length + 1), round as u64).unwrap();
        transaction.put(&list, next(length + 1), "overwritten").unwrap();
        transaction.put(ROOT, format!("key {}", next(50)), round as u64).unwrap();
        transaction.commit();
    }
    automerge
}

#[test]
fn a_saved_document_is_read_as_its_changes_are() {
    let automerge = large_document();
    let read = super::stored::read(&automerge.save_nocompress()).unwrap();
    assert_eq!(lines(&read), lines(&Operations::of_changes(&automerge)));
}

#[test]
fn text_that_is_typed_in_one_go_takes_one_entry() {
    let mut automerge = Automerge::new().with_actor(ActorId::from([7; 16]));
    let mut transaction = automerge.transaction();
    let text = transaction.put_object(ROOT, "text", ObjType::Text).unwrap();
    transaction.commit();
    for at in 0..100 {
        let mut transaction = automerge.transaction();
        transaction.splice_text(&text, at, 0, "x").unwrap();
        transaction.commit();
    }
    assert_eq!(Operations::of(&automerge).runs.len(), 2);
    assert_eq!(Operations::of_changes(&automerge).runs.len(), 2);
}
