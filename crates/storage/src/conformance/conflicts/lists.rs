//! Listings of conflicts, and how many there are.

use super::{NOW, Stores, conflict, person, settled};
use crate::accounts::PAGE_ROWS_MAX;
use crate::conflicts::{ConflictCount, ConflictFilter, ConflictRow};
use crate::conformance::document;
use crate::relational::ROWS_MAX;
use tiebreak_protocol::{ConflictState, DocumentId};

pub(super) async fn run_all(stores: &Stores) {
    conflicts_are_listed_by_all_that_is_asked_for(stores).await;
    a_listing_goes_on_while_conflicts_change(stores).await;
    a_listing_goes_on_where_a_document_was_deleted(stores).await;
    all_that_is_open_in_a_document_is_found_beyond_a_page(stores).await;
    a_page_ends_early_where_there_are_very_many_people(stores).await;
    conflicts_are_counted_by_kind_path_and_state(stores).await;
}

/// All that a filter finds, page by page.
async fn list_all(stores: &Stores, mut filter: ConflictFilter) -> Vec<ConflictRow> {
    let mut listed = Vec::new();
    loop {
        let page = stores.conflicts.list(filter).await.unwrap();
        assert!(page.conflicts.len() <= filter.limit.max(1));
        listed.extend(page.conflicts);
        if page.next.is_none() {
            return listed;
        }
        filter.after = page.next;
    }
}

/// Conflicts of one document, opened one after the other.
fn opened_in_turn(document: DocumentId, many: usize) -> Vec<ConflictRow> {
    let opened = |number: usize| {
        let opened_ms = NOW + i64::try_from(number).unwrap();
        ConflictRow { opened_ms, ..conflict(document, &format!("number {number}")) }
    };
    (0..many).map(opened).collect()
}

async fn conflicts_are_listed_by_all_that_is_asked_for(stores: &Stores) {
    let documents = [document("listed in dispute 1"), document("listed in dispute 2")];
    let mut written = Vec::new();
    for id in documents {
        for (number, mut row) in opened_in_turn(id, 12).into_iter().enumerate() {
            row.state = ConflictState::ALL[number % 3];
            row.people = [vec![], vec![person(41)], vec![person(41), person(42)]][number / 2 % 3].clone();
            // Those opened together are told apart by their ids.
            row.opened_ms -= i64::try_from(number % 2).unwrap();
            written.push(row);
        }
    }
    stores.write(&written).await;
    written.sort_by_key(|row| std::cmp::Reverse((row.opened_ms, row.id)));
    for document in [None, Some(documents[0]), Some(documents[1])] {
        for state in [None].into_iter().chain(ConflictState::ALL.iter().copied().map(Some)) {
            for account in [None, Some(person(41)), Some(person(42)), Some(person(43))] {
                let fits = |row: &&ConflictRow| {
                    document.is_none_or(|document| row.document == document)
                        && state.is_none_or(|state| row.state == state)
                        && account.is_none_or(|account| row.people.contains(&account))
                };
                let expected: Vec<_> = written.iter().filter(fits).cloned().collect();
                for limit in [5, usize::MAX] {
                    let filter = ConflictFilter { document, state, account, after: None, limit };
                    let mut listed = list_all(stores, filter).await;
                    listed.retain(|row| documents.contains(&row.document));
                    assert_eq!(listed, expected, "{filter:?}");
                }
            }
        }
    }
}

async fn a_listing_goes_on_while_conflicts_change(stores: &Stores) {
    let id = document("listed while it changes");
    let rows = opened_in_turn(id, 6);
    stores.write(&rows).await;
    let filter = ConflictFilter { document: Some(id), limit: 0, ..ConflictFilter::default() };
    let first = stores.conflicts.list(filter).await.unwrap();
    assert_eq!(first.conflicts, rows[5..], "a limit of 0 counts as 1");
    // One that was listed, one that was not yet, and a new one.
    let changed = [settled(&rows[5]), settled(&rows[2])];
    let new = ConflictRow { opened_ms: NOW + 100, ..conflict(id, "new") };
    stores.write(&[&changed[..], &[new]].concat()).await;
    let listed = list_all(stores, ConflictFilter { after: first.next, limit: 2, ..filter }).await;
    let expected = [&rows[4], &rows[3], &changed[1], &rows[1], &rows[0]];
    assert!(listed.iter().eq(expected), "each that was there once: {listed:?}");
}

async fn a_listing_goes_on_where_a_document_was_deleted(stores: &Stores) {
    let documents = ["cursor 1", "cursor 2"].map(document);
    let mut rows = opened_in_turn(documents[0], 4);
    rows[2].document = documents[1];
    for row in &mut rows {
        row.people = vec![person(51)];
    }
    for id in documents {
        let rows: Vec<_> = rows.iter().filter(|row| row.document == id).collect();
        assert!(stores.append(id, 1, &rows).await.is_ok());
    }
    let filter = ConflictFilter { account: Some(person(51)), limit: 2, ..ConflictFilter::default() };
    let first = stores.conflicts.list(filter).await.unwrap();
    assert!(first.conflicts.iter().eq([&rows[3], &rows[2]]));
    assert_eq!(stores.documents.delete(documents[1]).await, Ok(true));
    let listed = list_all(stores, ConflictFilter { after: first.next, ..filter }).await;
    assert!(listed.iter().eq([&rows[1], &rows[0]]), "{listed:?}");
}

async fn all_that_is_open_in_a_document_is_found_beyond_a_page(stores: &Stores) {
    let id = document("crowded with conflicts");
    let mut rows = opened_in_turn(id, PAGE_ROWS_MAX + 2);
    rows[7] = settled(&rows[7]);
    stores.write(&rows).await;
    let filter = ConflictFilter { document: Some(id), limit: usize::MAX, ..ConflictFilter::default() };
    assert_eq!(stores.conflicts.list(filter).await.unwrap().conflicts.len(), PAGE_ROWS_MAX);
    rows.remove(7);
    rows.reverse();
    assert_eq!(stores.conflicts.open_of(id).await, Ok(rows));
    assert_eq!(stores.conflicts.open_of(document("at peace")).await, Ok(Vec::new()));
}

async fn a_page_ends_early_where_there_are_very_many_people(stores: &Stores) {
    const PEOPLE: usize = 250;
    let id = document("everybody in dispute");
    let mut rows = opened_in_turn(id, ROWS_MAX / PEOPLE + 2);
    for (number, row) in (1_u64..).zip(&mut rows) {
        row.people = (1000..).take(PEOPLE).map(person).collect();
        assert!(stores.append(id, number, &[&*row]).await.is_ok());
    }
    rows.reverse();
    let filter = ConflictFilter { document: Some(id), limit: 100, ..ConflictFilter::default() };
    let page = stores.conflicts.list(filter).await.unwrap();
    assert!((1..rows.len()).contains(&page.conflicts.len()), "{} conflicts", page.conflicts.len());
    assert!(page.next.is_some());
    assert_eq!(list_all(stores, filter).await, rows, "nobody is left out");
}

async fn conflicts_are_counted_by_kind_path_and_state(stores: &Stores) {
    let id = document("counted");
    let mut rows = opened_in_turn(id, 6);
    for (number, row) in rows.iter_mut().enumerate() {
        row.kind = "counted".to_owned();
        row.path = if number < 4 { "[1]" } else { "[2]" }.to_owned();
    }
    rows[0] = settled(&rows[0]);
    stores.write(&rows).await;
    let mut counts = stores.conflicts.counts().await.unwrap();
    assert!(counts.is_sorted_by_key(|count| std::cmp::Reverse(count.conflicts)));
    counts.retain(|count| count.kind == "counted");
    let count = |path: &str, state, conflicts| ConflictCount {
        kind: "counted".to_owned(),
        path: path.to_owned(),
        state,
        conflicts,
    };
    let open = ConflictState::Open;
    let expected = [count("[1]", open, 3), count("[2]", open, 2), count("[1]", ConflictState::Settled, 1)];
    assert_eq!(counts, expected);
}
