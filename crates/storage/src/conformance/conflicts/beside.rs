//! Rows beside changes: durable with them, or not at all.

use super::{BESIDE_MAX, ConflictRow, NOW, Stores, conflict, settled};
use crate::conformance::{batch, document, load};
use crate::relational::{Statement, Value};
use crate::sql::{conflicts, keys};
use crate::{Append, Committed, StorageError};
use std::sync::Arc;
use tiebreak_protocol::{ConflictId, DocumentId};

/// Of the appends that are made at once, the one that must not happen.
const NOT_KEPT: u64 = 50;

pub(super) async fn run_all(stores: &Stores) {
    rows_are_there_with_the_changes_beside_which_they_were_written(stores).await;
    rows_are_written_in_order(stores).await;
    what_a_statement_answers_is_not_read(stores).await;
    a_statement_that_fails_leaves_neither_rows_nor_changes(stores).await;
    an_append_whose_rows_fail_does_not_cost_the_others_theirs(stores).await;
    a_tombstone_takes_neither_changes_nor_rows(stores).await;
    rows_without_changes_are_refused(stores).await;
    too_many_rows_are_refused(stores).await;
}

/// A row that no database takes.
fn invalid() -> Statement {
    Statement::new(keys::INSERT_SIGNING, [Value::Null, Vec::new().into(), 0.into()])
}

fn with_beside(document: DocumentId, beside: Vec<Statement>) -> Append {
    Append { beside, ..batch(document, 1..=1, NOW) }
}

async fn rows_are_there_with_the_changes_beside_which_they_were_written(stores: &Stores) {
    let id = document("rows beside");
    let (one, two) = (conflict(id, "one"), conflict(id, "two"));
    let committed = stores.append(id, 1, &[&one, &two]).await;
    assert_eq!(committed, Ok(Committed { through: 1, created: true }));
    assert_eq!(load(&*stores.documents, id).await.changes, batch(id, 1..=1, NOW).changes);
    for row in [one, two] {
        assert_eq!(stores.found(&row).await, Some(row));
    }
}

async fn rows_are_written_in_order(stores: &Stores) {
    let id = document("in order");
    let row = conflict(id, "in order");
    assert!(stores.append(id, 1, &[&row, &settled(&row), &row, &settled(&row)]).await.is_ok());
    assert_eq!(stores.found(&row).await, Some(settled(&row)), "the last one stays");
}

async fn what_a_statement_answers_is_not_read(stores: &Stores) {
    let id = document("answering beside");
    let row = conflict(id, "after an answer");
    let mut beside = vec![Statement::new(keys::SIGNING, []), Statement::new(conflicts::COUNTS, [10.into()])];
    beside.extend(stores.conflicts.statements(&row));
    assert!(stores.documents.append(with_beside(id, beside)).await.is_ok());
    assert_eq!(stores.found(&row).await, Some(row));
}

async fn a_statement_that_fails_leaves_neither_rows_nor_changes(stores: &Stores) {
    let id = document("failing beside");
    let row = conflict(id, "before a failure");
    let mut beside = stores.conflicts.statements(&row);
    beside.push(invalid());
    let failed = stores.documents.append(with_beside(id, beside)).await;
    assert!(matches!(failed, Err(StorageError::Damaged(_))), "{failed:?}");
    assert_eq!(stores.documents.load(id).await, Ok(None));
    assert_eq!(stores.found(&row).await, None);
}

async fn an_append_whose_rows_fail_does_not_cost_the_others_theirs(stores: &Stores) {
    let beside = |number, row: &ConflictRow| {
        let failing = (number == NOT_KEPT).then(invalid);
        stores.conflicts.statements(row).into_iter().chain(failing).collect()
    };
    append_at_once(stores, "beside a failure", beside).await;
}

async fn a_tombstone_takes_neither_changes_nor_rows(stores: &Stores) {
    let name = "beside a tombstone";
    let id = document(&format!("{name} {NOT_KEPT}"));
    assert!(stores.append(id, 1, &[]).await.is_ok());
    assert_eq!(stores.documents.delete(id).await, Ok(true));
    let row = conflict(id, "alone");
    assert_eq!(stores.append(id, 2, &[&row]).await, Err(StorageError::Deleted));
    assert_eq!(stores.found(&row).await, None);
    append_at_once(stores, name, |_number, row| stores.conflicts.statements(row)).await;
}

/// Appends to many documents at the same time; all but [`NOT_KEPT`] must be there after it, with their rows.
async fn append_at_once(stores: &Stores, name: &str, beside: impl Fn(u64, &ConflictRow) -> Vec<Statement>) {
    let callers = (0..2 * NOT_KEPT).map(|number| {
        let id = document(&format!("{name} {number}"));
        let row = conflict(id, "at once");
        let (documents, append) = (Arc::clone(&stores.documents), with_beside(id, beside(number, &row)));
        (row, tokio::spawn(async move { documents.append(append).await.is_ok() }))
    });
    for (number, (row, caller)) in (0..).zip(callers.collect::<Vec<_>>()) {
        let is_kept = number != NOT_KEPT;
        assert_eq!(caller.await.unwrap(), is_kept, "append {number}");
        let stored = stores.documents.load(row.document).await.unwrap();
        assert_eq!(stored.is_some_and(|stored| !stored.changes.is_empty()), is_kept, "changes of {number}");
        assert_eq!(stores.found(&row).await, is_kept.then_some(row), "rows of {number}");
    }
}

async fn rows_without_changes_are_refused(stores: &Stores) {
    let id = document("rows alone");
    let row = conflict(id, "alone");
    let beside = stores.conflicts.statements(&row);
    let refused = stores.documents.append(Append { changes: Vec::new(), ..with_beside(id, beside) }).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert_eq!(stores.found(&row).await, None);
}

async fn too_many_rows_are_refused(stores: &Stores) {
    let id = document("many rows beside");
    let row = conflict(id, "one of many");
    let statements = |many: usize| {
        let nobody = Statement::new(conflicts::DELETE_PEOPLE, [ConflictId::from_bytes([0; 16]).into()]);
        let mut beside = stores.conflicts.statements(&row);
        beside.resize(many, nobody);
        beside
    };
    let refused = stores.documents.append(with_beside(id, statements(BESIDE_MAX + 1))).await;
    let says_so = matches!(&refused, Err(StorageError::Unavailable(why)) if why.contains(&format!("at most {BESIDE_MAX}")));
    assert!(says_so, "{refused:?}");
    assert_eq!((stores.documents.load(id).await, stores.found(&row).await), (Ok(None), None));
    assert!(stores.documents.append(with_beside(id, statements(BESIDE_MAX))).await.is_ok());
    assert_eq!(stores.found(&row).await, Some(row));
}
