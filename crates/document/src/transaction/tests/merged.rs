//! A change that was written here is as one that came from elsewhere, and one that fails was never there.

use super::*;
use crate::SavedChange;
use crate::engine::tests::while_library_fails;
use bytes::Bytes;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Everything that one document can tell of itself.
fn seen(document: &mut Document) -> impl PartialEq + std::fmt::Debug + use<> {
    let heads = document.heads().clone();
    let sizes = (document.tail_len(), document.tail_bytes(), document.stored_bytes());
    let chunks: Vec<_> = document.chunks().cloned().collect();
    let notes = document.opened().unwrap().notes();
    (heads, sizes, chunks, notes, document.to_json().unwrap(), document.snapshot().unwrap())
}

/// What is noted of every operation.
fn operations(document: &Document) -> String {
    format!("{:?}", document.opened_before().operations())
}

/// Some edits by turns: texts, lists, counters, maps.
fn edit_number(number: usize, edit: &mut Transaction<'_>) -> Edited {
    match number % 5 {
        0 => edit.push("list", json!({ "number": number })),
        1 => edit.splice_text("text", 0, 0, "typed "),
        2 => edit.increment("count", 1),
        3 if edit.length("list")? > 0 => edit.put(path!["list", 0, "name"], "x".repeat(300)),
        3 => edit.push("list", json!({ "name": "x".repeat(300) })),
        _delete => edit.delete(path!["list", 0]).map(drop),
    }
}

fn begun() -> (Document, Vec<CheckedChange>) {
    let mut document = Document::new();
    let first = write(&mut document, |edit| {
        edit.put("list", json!([]))?;
        edit.put("text", "")?;
        edit.put("count", Counter(0))
    });
    (document, first.into_iter().collect())
}

#[test]
fn a_written_change_leaves_the_document_as_if_it_had_been_merged() {
    let (mut written, mut changes) = begun();
    let mut merged = Document::new();
    receive(&mut merged, &changes);
    // Noted here, and then change by change.
    assert_eq!(operations(&written), operations(&merged));
    for number in 0..20 {
        let author = if number % 3 == 0 { BOB } else { ANN };
        let change = write_as(&author, &mut written, |edit| edit_number(number, edit));
        let change = change.into_iter().collect::<Vec<_>>();
        receive(&mut merged, &change);
        changes.extend(change);
        assert_eq!(seen(&mut written), seen(&mut merged));
        assert_eq!(operations(&written), operations(&merged));
    }
    let mut at_once = Document::new();
    receive(&mut at_once, &changes);
    assert_eq!(seen(&mut written), seen(&mut at_once));
    written.close();
    assert_eq!(written.to_json().unwrap(), merged.to_json().unwrap());
}

#[test]
fn others_build_on_written_changes_before_and_after_the_document_is_closed_and_compacted() {
    let (mut ann, _) = begun();
    let mut bob = replica(&mut ann);
    for number in 0..20 {
        let by_ann = write(&mut ann, |edit| edit_number(number, edit));
        receive(&mut bob, &by_ann.into_iter().collect::<Vec<_>>());
        let by_bob = write_as(&BOB, &mut bob, |edit| {
            edit_number(number + 2, edit)?;
            edit.put("number", number)
        });
        let by_bob = by_bob.unwrap();
        match number {
            5 => ann.close(),
            10 => ann.compacted(ann.snapshot().unwrap(), ann.tail_len() - 1),
            15 => {
                let tail: Vec<_> = changes_of(&mut ann);
                ann = Document::from_stored(None, tail, ann.heads().clone());
            }
            _other => {}
        }
        receive(&mut ann, &[by_bob]);
        assert_eq!(ann.to_json().unwrap(), bob.to_json().unwrap());
        assert_eq!(ann.heads(), bob.heads());
    }
}

fn changes_of(document: &mut Document) -> Vec<SavedChange> {
    document.missing(&[], usize::MAX).unwrap().changes
}

#[test]
fn an_edit_that_fails_was_never_there() {
    let (mut document, _) = begun();
    let before = seen(&mut document);
    for author in [ANN, BOB] {
        let failed = document.transact(&author, &Limits::default(), |edit| {
            (0..5).try_for_each(|number| edit_number(number, edit))?;
            edit.put(["nowhere", "a"], 1)
        });
        assert!(matches!(failed, Err(TransactError::Edit(EditError::NoSuchObject { .. }))));
        assert!(document.is_open());
        assert_eq!(seen(&mut document), before);
    }
    assert!(write_as(&BOB, &mut document, |edit| edit_number(0, edit)).is_some());
    replica(&mut document);
}

#[test]
fn a_change_that_a_server_would_refuse_is_not_kept() {
    let (mut document, first) = begun();
    let before = seen(&mut document);
    let weight = first[0].weight();
    let mut refusal = |author: &Author<'_>, limits: &Limits| {
        let edited = document.transact(author, limits, |edit| edit.put("key", "x".repeat(1_000)));
        let Err(TransactError::Refused(refusal)) = edited else { panic!("{edited:?}") };
        assert_eq!(seen(&mut document), before);
        refusal
    };
    let small = Limits { change_bytes_max: 500, ..Limits::default() };
    assert_eq!(refusal(&ANN, &small), Refusal::ChangeTooLarge);
    let full = Limits { document_bytes_max: weight + 1_000 * 32, ..Limits::default() };
    assert_eq!(refusal(&ANN, &full), Refusal::DocumentTooLarge);
    let alone = Limits { actors_per_document_max: 1, ..Limits::default() };
    assert_eq!(refusal(&BOB, &alone), Refusal::TooManyActors);
    assert_eq!(refusal(&Author { actor: &[], time_s: 0 }, &Limits::default()), Refusal::MalformedChange);
    let edited = document.transact(&ANN, &alone, |edit| edit.put("key", "x".repeat(1_000)));
    assert!(edited.unwrap().1.is_some());
}

#[test]
fn a_panic_of_the_edit_goes_on_and_leaves_the_document_as_it_was() {
    let (mut document, _) = begun();
    let before = seen(&mut document);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        write(&mut document, |edit| {
            edit_number(0, edit)?;
            panic!("the application's own");
        })
    }));
    let panic = panicked.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the application's own"));
    assert_eq!(seen(&mut document), before);
    assert!(write(&mut document, |edit| edit_number(0, edit)).is_some());
}

#[test]
fn a_failure_of_the_library_is_an_error_and_commits_nothing_even_if_it_is_hidden() {
    let (mut document, _) = begun();
    let before = seen(&mut document);
    let edited = document.transact(&ANN, &Limits::default(), |edit| {
        edit.put("key", 1)?;
        let failed = while_library_fails(|| edit.put("key", 2));
        assert!(matches!(failed, Err(EditError::Library(_))));
        assert!(matches!(edit.get("key"), Err(EditError::Library(_))));
        Ok::<_, EditError>(())
    });
    assert!(matches!(edited, Err(TransactError::Document(_))), "{edited:?}");
    assert_eq!(seen(&mut document), before);
}

#[test]
fn what_a_replica_lacks_is_counted() {
    let (mut document, first) = begun();
    let known: Vec<_> = document.heads().iter().copied().collect();
    assert_eq!(document.pending(&known).unwrap(), 0);
    let newer: Vec<_> =
        (0..3).filter_map(|number| write(&mut document, |edit| edit_number(number, edit))).collect();
    assert_eq!(document.pending(&known).unwrap(), 3);
    assert_eq!(document.pending(&[first[0].hash(), newer[1].hash()]).unwrap(), 1);
    assert_eq!(document.pending(&[]).unwrap(), 4);
    let unknown = tiebreak_protocol::ChangeHash([9; 32]);
    assert_eq!(document.pending(&[unknown, newer[2].hash()]).unwrap(), 0);
}

proptest! {
    #[test]
    fn whatever_was_rolled_back_leaves_no_trace(
        steps in prop::collection::vec((0..40_usize, any::<bool>(), any::<bool>()), 1..30)
    ) {
        let (mut document, mut changes) = begun();
        let limits = Limits::default();
        for (number, by_ann, fails) in steps {
            let author = if by_ann { ANN } else { BOB };
            let edited = document.transact(&author, &limits, |edit| {
                for further in 0..number / 5 {
                    edit_number(number + further, edit)?;
                }
                if fails { Err(EditError::Root) } else { Ok(()) }
            });
            changes.extend(edited.ok().and_then(|(_, change)| change));
        }
        let mut merged = Document::new();
        receive(&mut merged, &changes);
        prop_assert_eq!(seen(&mut document), seen(&mut merged));
    }
}

#[test]
fn the_bytes_of_a_written_change_are_the_ones_that_are_stored() {
    let (mut document, first) = begun();
    assert_eq!(document.chunks().collect::<Vec<&Bytes>>(), [first[0].bytes()]);
    assert_eq!(document.change(&first[0].hash()).unwrap().unwrap().bytes, first[0].bytes());
}

/// What a random device does next.
#[derive(Debug, Clone)]
enum Step {
    Edit(usize),
    Type(usize, usize, String),
    Rewrite(String),
    Meet,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..50_usize).prop_map(Step::Edit),
        (any::<usize>(), any::<usize>(), "[ab é😀]{0,5}")
            .prop_map(|(at, gone, text)| Step::Type(at, gone, text)),
        "[ab é😀]{0,12}".prop_map(Step::Rewrite),
        Just(Step::Meet),
    ]
}

fn take(step: &Step, edit: &mut Transaction<'_>) -> Edited {
    match step {
        Step::Edit(number) => edit_number(*number, edit),
        Step::Type(at, gone, text) => {
            let length = edit.length("text")?;
            let at = at % (length + 1);
            edit.splice_text("text", at, gone % (length - at + 1), text)
        }
        Step::Rewrite(text) => edit.set_text("text", text),
        Step::Meet => Ok(()),
    }
}

fn lacks(document: &mut Document, other: &Document) -> Vec<CheckedChange> {
    let frontier: Vec<_> = other.heads().iter().copied().collect();
    let missing = document.missing(&frontier, usize::MAX).unwrap().changes;
    missing.into_iter().map(|change| crate::check_change(change.bytes, &Limits::default()).unwrap()).collect()
}

proptest! {
    #[test]
    fn whatever_devices_write_apart_every_other_admits_and_all_converge(
        steps in prop::collection::vec((any::<bool>(), any_step()), 1..40)
    ) {
        let (mut ann, _) = begun();
        let mut bob = replica(&mut ann);
        for (by_ann, step) in steps.into_iter().chain([(true, Step::Meet), (false, Step::Meet)]) {
            let (author, here, there) =
                if by_ann { (ANN, &mut ann, &mut bob) } else { (BOB, &mut bob, &mut ann) };
            if matches!(step, Step::Meet) {
                receive(there, &lacks(here, there));
            } else {
                write_as(&author, here, |edit| take(&step, edit));
            }
        }
        prop_assert_eq!(ann.heads(), bob.heads());
        prop_assert_eq!(ann.to_json().unwrap(), bob.to_json().unwrap());
        let (ann, bob) = (ann.opened().unwrap().notes(), bob.opened().unwrap().notes());
        prop_assert_eq!(format!("{ann:?}"), format!("{bob:?}"));
    }
}
