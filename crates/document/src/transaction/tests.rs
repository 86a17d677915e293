//! Local edits: what they write, what they leave alone, and what becomes of them when they fail.

mod edits;
mod merged;
mod reconcile;

use super::{Author, Counter, EditError, TransactError, Transaction};
use crate::{CheckedChange, Document, path};
use serde_json::{Value as Json, json};
use tiebreak_protocol::{Limits, Refusal};

const ANN: Author<'static> = Author { actor: &[1; 16], time_s: 1_700_000_000 };
const BOB: Author<'static> = Author { actor: &[2; 16], time_s: 1_700_000_001 };

type Edited = Result<(), EditError>;

/// Writes by `author` within the default limits.
fn write_as(
    author: &Author<'_>,
    document: &mut Document,
    edit: impl FnOnce(&mut Transaction<'_>) -> Edited,
) -> Option<CheckedChange> {
    document.transact(author, &Limits::default(), edit).unwrap().1
}

fn write(
    document: &mut Document,
    edit: impl FnOnce(&mut Transaction<'_>) -> Edited,
) -> Option<CheckedChange> {
    write_as(&ANN, document, edit)
}

/// The error of an edit that fails.
fn failure(document: &mut Document, edit: impl FnOnce(&mut Transaction<'_>) -> Edited) -> EditError {
    match document.transact(&ANN, &Limits::default(), edit) {
        Err(TransactError::Edit(error)) => error,
        other => panic!("an edit that should fail: {other:?}"),
    }
}

/// A document by Ann that holds this.
fn holding(json: &Json) -> Document {
    let mut document = Document::new();
    write(&mut document, |edit| edit.update(path![], &json!({}), json));
    assert_eq!(document.to_json().unwrap(), *json);
    document
}

/// Merges changes as a server does; none may be refused.
fn receive(document: &mut Document, changes: &[CheckedChange]) {
    let admitted = document.admit(changes.to_vec(), &Limits::default()).unwrap();
    assert!(admitted.refused.is_empty() && admitted.waiting.is_empty(), "{admitted:?}");
    document.merge(&admitted.ready).unwrap();
}

/// Another replica with the same history.
fn replica(document: &mut Document) -> Document {
    let mut other = Document::new();
    let missing = document.missing(&[], usize::MAX).unwrap();
    let check = |bytes| crate::check_change(bytes, &Limits::default()).unwrap();
    let changes: Vec<_> = missing.changes.into_iter().map(|change| check(change.bytes)).collect();
    receive(&mut other, &changes);
    other
}
