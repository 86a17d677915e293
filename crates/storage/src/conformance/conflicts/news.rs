//! What was written of conflicts after a number: each once, and nothing passed over.

use super::{Append, ConflictRow, Stores, batch, conflict, person, settled};
use crate::conflicts::{Concerned, NewsFilter};
use crate::conformance::document;
use std::collections::BTreeMap;
use std::sync::Arc;
use tiebreak_protocol::{AccountId, ConflictId, ConflictState};

pub(super) async fn run_all(stores: &Stores) {
    each_conflict_stands_once_under_its_last_write(stores).await;
    whoever_reads_on_reads_what_came_after_and_concerns_them(stores).await;
    a_deleted_document_is_no_news(stores).await;
    nothing_is_passed_over_while_many_write(stores).await;
}

/// All that a filter finds, portion by portion.
async fn read_on(stores: &Stores, mut filter: NewsFilter) -> Vec<(i64, ConflictRow)> {
    let mut news = Vec::new();
    loop {
        let portion = stores.conflicts.since(filter).await.unwrap();
        assert!(portion.len() <= filter.limit.max(1));
        let Some((last, _)) = portion.last() else { return news };
        filter.after = *last;
        news.extend(portion);
    }
}

async fn each_conflict_stands_once_under_its_last_write(stores: &Stores) {
    let id = document("news");
    let people = vec![person(61), person(62)];
    let rows =
        ["first", "second", "third"].map(|name| ConflictRow { people: people.clone(), ..conflict(id, name) });
    let after = stores.conflicts.last().await.unwrap();
    stores.write(&rows).await;
    let changed = ConflictRow { version: 2, ..rows[0].clone() };
    stores.write(&[changed.clone(), settled(&changed), rows[1].clone(), settled(&changed)]).await;
    for (account, limit) in [(None, 1), (Some(person(61)), 2), (Some(person(62)), usize::MAX)] {
        let news = read_on(stores, NewsFilter { after, account, limit, ..NewsFilter::default() }).await;
        assert!(news.is_sorted_by(|(one, _), (other, _)| one < other), "{news:?}");
        let expected = [&rows[2], &rows[1], &settled(&changed)];
        assert!(news.iter().map(|(_, row)| row).eq(expected), "{news:?}");
        assert_eq!(news.last().map(|(number, _)| *number), stores.conflicts.last().await.ok());
    }
}

async fn whoever_reads_on_reads_what_came_after_and_concerns_them(stores: &Stores) {
    let id = document("read on");
    let start = stores.conflicts.last().await.unwrap();
    let mut written = Vec::new();
    for number in 0..12_usize {
        let mut row = conflict(id, &format!("number {}", number % 7));
        row.state = ConflictState::ALL[number % 3];
        row.people = [vec![], vec![person(71)], vec![person(71), person(72)]][number / 3 % 3].clone();
        written.push(row);
    }
    stores.write(&written).await;
    let numbered: Vec<_> = (start + 1..).zip(&written).collect();
    let is_last = |number: i64, row: &ConflictRow| {
        numbered.iter().all(|(later, other)| *later <= number || other.id != row.id)
    };
    for after in start..=start + 12 {
        for state in [None].into_iter().chain(ConflictState::ALL.iter().copied().map(Some)) {
            for account in [None, Some(person(71)), Some(person(72)), Some(person(73))] {
                let fits = |row: &ConflictRow| {
                    state.is_none_or(|state| row.state == state)
                        && account.is_none_or(|account| row.people.contains(&account))
                };
                let expected = numbered
                    .iter()
                    .filter(|(number, row)| *number > after && is_last(*number, row) && fits(row))
                    .map(|(number, row)| (*number, (*row).clone()));
                let filter = NewsFilter { after, state, account, limit: 3 };
                assert_eq!(read_on(stores, filter).await, expected.collect::<Vec<_>>(), "{filter:?}");
            }
        }
        let concerned = numbered
            .iter()
            .filter(|(number, row)| *number > after && is_last(*number, row))
            .flat_map(|(_, row)| row.people.iter().copied());
        let concerned: std::collections::BTreeSet<AccountId> = concerned.collect();
        assert_eq!(stores.conflicts.concerned(after).await, Ok(Concerned::Accounts(concerned)));
    }
}

async fn a_deleted_document_is_no_news(stores: &Stores) {
    let id = document("deleted news");
    let row = ConflictRow { people: vec![person(81)], ..conflict(id, "deleted") };
    assert!(stores.append(id, 1, &[&row]).await.is_ok());
    let before = stores.conflicts.last().await.unwrap();
    assert_eq!(stores.documents.delete(id).await, Ok(true));
    for account in [None, Some(person(81))] {
        let filter = NewsFilter { after: before - 1, account, limit: 10, ..NewsFilter::default() };
        assert_eq!(stores.conflicts.since(filter).await, Ok(Vec::new()));
    }
    let next = conflict(document("after a deleted one"), "next");
    stores.write(std::slice::from_ref(&next)).await;
    assert!(stores.conflicts.last().await.unwrap() > before, "a number is not given again");
}

/// Writers at the same time, each to documents of its own, and a reader that goes on from what it has seen.
async fn nothing_is_passed_over_while_many_write(stores: &Stores) {
    const WRITERS: u64 = 8;
    const WRITES: u64 = 25;
    let mut after = stores.conflicts.last().await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let id = document(&format!("written at once {writer}"));
        let documents = Arc::clone(&stores.documents);
        let conflicts = stores.conflicts.clone();
        tokio::spawn(async move {
            for number in 1..=WRITES {
                let row = conflict(id, &format!("number {}", number % 3));
                let row = ConflictRow { version: number, people: vec![person(91)], ..row };
                let beside = conflicts.statements(&row);
                let append = Append { beside, ..batch(id, number..=number, super::NOW) };
                assert!(documents.append(append).await.is_ok());
            }
        })
    });
    let writers = writers.collect::<Vec<_>>();
    let mut seen: BTreeMap<ConflictId, ConflictRow> = BTreeMap::new();
    loop {
        let is_over = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let filter = NewsFilter { after, account: Some(person(91)), limit: 5, ..NewsFilter::default() };
        let news = stores.conflicts.since(filter).await.unwrap();
        if is_over && news.is_empty() {
            break;
        }
        for (number, row) in news {
            assert!(number > after);
            after = number;
            let before = seen.insert(row.id, row.clone());
            assert!(before.is_none_or(|before| before.version < row.version), "told twice: {row:?}");
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(seen.len() as u64, WRITERS * 3);
    for row in seen.into_values() {
        assert_eq!(stores.found(&row).await, Some(row), "the last write was read");
    }
}
