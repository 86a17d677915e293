//! The audit chain: whatever is changed in it is found.

use super::{NOW, Stores, account_id, audited, register};
use crate::accounts::{AuditEnd, AuditVerdict};
use crate::audit::{AuditEntry, AuditRow, BEFORE_THE_FIRST};
use crate::relational::{Expect, Statement, Step, Value};
use crate::{AccountStore, RelationalStore};

const ENTRIES: i64 = 5;

const PUT_BACK: &str = "UPDATE audit_log SET at_ms = $1, actor = $2, action = $3, subject = $4, detail = $5, \
    previous = $6, hash = $7 WHERE seq = $8";
const RENUMBER: &str = "UPDATE audit_log SET seq = $1 WHERE seq = $2";
const REMOVE: &str = "DELETE FROM audit_log WHERE seq = $1";

pub(super) async fn run_all(stores: &Stores) {
    an_empty_chain_is_whole(&stores.accounts).await;
    entries_follow_each_other(&stores.accounts).await;
    a_flipped_byte_anywhere_is_found(stores).await;
    a_row_that_was_moved_or_taken_out_is_found(stores).await;
    a_row_that_was_forged_with_its_hash_breaks_the_next(stores).await;
    rows_cut_off_at_the_end_change_the_head(stores).await;
    what_did_not_happen_is_not_told(&stores.accounts).await;
    writers_at_once_make_one_chain(&stores.accounts).await;
}

async fn an_empty_chain_is_whole(store: &AccountStore) {
    let empty = AuditVerdict::Verified(AuditEnd { rows: 0, head: BEFORE_THE_FIRST, at_ms: None });
    assert_eq!(store.verify_audit(|_rows| {}).await, Ok(empty.clone()));
    assert_eq!(store.verify_audit_since(BEFORE_THE_FIRST, |_rows| {}).await, Ok(empty));
    assert_eq!(store.audit_page(0, 10).await, Ok(Vec::new()));
}

async fn entries_follow_each_other(store: &AccountStore) {
    for number in 1..=ENTRIES {
        let entry = AuditEntry {
            actor: account_id("ann").to_string(),
            action: "test.written",
            subject: format!("subject {number}"),
            detail: "détail".to_owned(),
        };
        assert_eq!(store.audit(entry, NOW + number).await, Ok(()));
    }
    let log = store.audit_page(0, 100).await.unwrap();
    assert!(log.iter().map(|row| row.seq).eq(1..=ENTRIES));
    assert_eq!((log[0].previous, log[1].previous), (BEFORE_THE_FIRST, log[0].hash));
    let told = (log[2].at_ms, log[2].action.as_str(), log[2].subject.as_str(), log[2].detail.as_str());
    assert_eq!(told, (NOW + 3, "test.written", "subject 3", "détail"));
    assert_eq!(store.audit_page(2, 2).await, Ok(log[2..4].to_vec()));
    let mut heard = Vec::new();
    let verdict = store.verify_audit(|rows| heard.push(rows)).await;
    let end = AuditEnd { rows: 5, head: log[4].hash, at_ms: Some(NOW + 5) };
    assert_eq!(verdict, Ok(AuditVerdict::Verified(end)));
    assert_eq!(heard.last(), Some(&5));
}

/// Every row like this one but for one flipped bit in one byte of one column.
fn flipped(row: &AuditRow) -> Vec<AuditRow> {
    let text = |text: &str| -> Vec<String> {
        let ascii = text.char_indices().filter(|(_, letter)| letter.is_ascii());
        let flip = |(at, letter): (usize, char)| {
            let other = char::from(letter as u8 ^ 1);
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        };
        ascii.map(flip).collect()
    };
    let hash = |hash: [u8; 32]| {
        (0..hash.len()).map(move |at| {
            let mut other = hash;
            other[at] ^= 1;
            other
        })
    };
    let mut others = vec![AuditRow { at_ms: row.at_ms ^ 1, ..row.clone() }];
    others.extend(text(&row.actor).into_iter().map(|actor| AuditRow { actor, ..row.clone() }));
    others.extend(text(&row.action).into_iter().map(|action| AuditRow { action, ..row.clone() }));
    others.extend(text(&row.subject).into_iter().map(|subject| AuditRow { subject, ..row.clone() }));
    others.extend(text(&row.detail).into_iter().map(|detail| AuditRow { detail, ..row.clone() }));
    others.extend(hash(row.previous).map(|previous| AuditRow { previous, ..row.clone() }));
    others.extend(hash(row.hash).map(|hash| AuditRow { hash, ..row.clone() }));
    others
}

async fn a_flipped_byte_anywhere_is_found(stores: &Stores) {
    for row in stores.accounts.audit_page(0, 100).await.unwrap() {
        for other in flipped(&row) {
            put_back(&*stores.rows, other.clone()).await;
            let verdict = stores.accounts.verify_audit(|_rows| {}).await.unwrap();
            assert!(matches!(verdict, AuditVerdict::Broken { seq, .. } if seq == row.seq), "{other:?}");
        }
        put_back(&*stores.rows, row).await;
    }
    expect_whole(&stores.accounts, ENTRIES as u64).await;
}

async fn a_row_that_was_moved_or_taken_out_is_found(stores: &Stores) {
    for (from, to) in [(3, 99), (ENTRIES, ENTRIES + 1), (1, 0), (1, -7)] {
        tamper(&*stores.rows, RENUMBER, vec![to.into(), from.into()]).await;
        let verdict = stores.accounts.verify_audit(|_rows| {}).await.unwrap();
        assert!(matches!(verdict, AuditVerdict::Broken { .. }), "{from} became {to}: {verdict:?}");
        tamper(&*stores.rows, RENUMBER, vec![from.into(), to.into()]).await;
    }
    let (second, third) = (stores.accounts.audit_page(1, 1).await, stores.accounts.audit_page(2, 1).await);
    let (second, third) = (second.unwrap().remove(0), third.unwrap().remove(0));
    put_back(&*stores.rows, AuditRow { seq: 2, ..third.clone() }).await;
    put_back(&*stores.rows, AuditRow { seq: 3, ..second.clone() }).await;
    let swapped = stores.accounts.verify_audit(|_rows| {}).await.unwrap();
    assert!(matches!(swapped, AuditVerdict::Broken { seq: 2, .. }), "{swapped:?}");
    put_back(&*stores.rows, second).await;
    put_back(&*stores.rows, third).await;
    expect_whole(&stores.accounts, ENTRIES as u64).await;
}

/// Whoever can write rows can also compute their hashes.
async fn a_row_that_was_forged_with_its_hash_breaks_the_next(stores: &Stores) {
    let row = stores.accounts.audit_page(2, 1).await.unwrap().remove(0);
    let mut forged = AuditRow { detail: "nothing happened".to_owned(), ..row.clone() };
    forged.hash = forged.sum();
    put_back(&*stores.rows, forged).await;
    let verdict = stores.accounts.verify_audit(|_rows| {}).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Broken { seq: 4, .. }), "{verdict:?}");
    put_back(&*stores.rows, row).await;
    expect_whole(&stores.accounts, ENTRIES as u64).await;
}

async fn rows_cut_off_at_the_end_change_the_head(stores: &Stores) {
    let before = stores.accounts.verify_audit(|_rows| {}).await.unwrap();
    let log = stores.accounts.audit_page(0, 100).await.unwrap();
    tamper(&*stores.rows, REMOVE, vec![ENTRIES.into()]).await;
    let after = stores.accounts.verify_audit(|_rows| {}).await.unwrap();
    assert!(matches!(after, AuditVerdict::Verified(AuditEnd { rows: 4, .. })), "{after:?}");
    assert_ne!(after, before, "who noted the head sees it");
    let since = async |noted| stores.accounts.verify_audit_since(noted, |_rows| {}).await.unwrap();
    assert_eq!(since(log[3].hash).await, after);
    assert_eq!(since(log[1].hash).await, after, "an earlier head is as good");
    assert!(matches!(since(log[4].hash).await, AuditVerdict::CutOff(AuditEnd { rows: 4, .. })));
}

async fn what_did_not_happen_is_not_told(store: &AccountStore) {
    register(store, "Told once").await;
    let log = store.audit_page(0, 1000).await.unwrap();
    assert_eq!(log.last().map(|row| row.action.as_str()), Some("account.created"));
    let taken = crate::accounts::NewAccount { id: account_id("other"), ..super::person("Told once") };
    store.create_account(taken, NOW).await.unwrap();
    store.set_display_name(account_id("nobody"), "N".to_owned(), NOW).await.unwrap();
    assert_eq!(store.audit_page(0, 1000).await, Ok(log));
}

async fn writers_at_once_make_one_chain(store: &AccountStore) {
    let before = store.audit_page(0, 1000).await.unwrap().len() as u64;
    let writers = (0..100).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.audit(audited("test.raced"), NOW).await.unwrap() })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    expect_whole(store, before + 100).await;
}

/// The last of the suite.
pub(super) async fn the_chain_of_all_that_was_done_is_whole(store: &AccountStore) {
    let verdict = store.verify_audit(|_rows| {}).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Verified(AuditEnd { rows: 1000.., .. })), "{verdict:?}");
}

async fn expect_whole(store: &AccountStore, expected: u64) {
    let verdict = store.verify_audit(|_rows| {}).await.unwrap();
    assert!(
        matches!(verdict, AuditVerdict::Verified(AuditEnd { rows, .. }) if rows == expected),
        "{verdict:?}"
    );
}

async fn put_back(rows: &dyn RelationalStore, row: AuditRow) {
    let seq = row.seq;
    let mut values = row.into_values();
    values.remove(0);
    values.push(seq.into());
    tamper(rows, PUT_BACK, values).await;
}

async fn tamper(rows: &dyn RelationalStore, sql: &'static str, values: Vec<Value>) {
    let step = Step::Do(Statement { sql, values }, Expect::Rows);
    rows.transact(vec![step]).await.unwrap();
}
