//! Inboxes: one for each account, behind until it tells everything that concerns the account.

use super::{NOW, Stores, register};
use crate::ConflictStore;
use crate::accounts::{AccountDeletion, Inbox};
use crate::conflicts::ConflictRow;
use crate::conformance::conflicts::conflict;
use crate::conformance::document;
use crate::relational::{Expect, Step};
use std::sync::Arc;
use tiebreak_protocol::AccountId;

pub(super) async fn run_all(stores: &Stores) {
    an_account_has_one_inbox_until_it_begins_anew(stores).await;
    an_inbox_is_behind_until_it_tells_everything(stores).await;
}

async fn an_account_has_one_inbox_until_it_begins_anew(stores: &Stores) {
    let account = register(&stores.accounts, "inbox of one").await;
    let [first, second, third] = ["inbox 1", "inbox 2", "inbox 3"].map(document);
    let opened = stores.accounts.inbox(account, first).await.unwrap();
    assert_eq!(opened, Inbox { document: first, sequence: 0 });
    let written = Inbox { sequence: 5, ..opened };
    stores.accounts.inbox_written(account, written).await.unwrap();
    stores.accounts.inbox_written(account, Inbox { sequence: 4, ..opened }).await.unwrap();
    assert_eq!(stores.accounts.inbox(account, second).await, Ok(written), "and never goes back");
    stores.accounts.move_inbox(account, first, second).await.unwrap();
    stores.accounts.move_inbox(account, first, third).await.unwrap();
    stores.accounts.inbox_written(account, written).await.unwrap();
    let moved = Inbox { document: second, sequence: 0 };
    assert_eq!(
        stores.accounts.inbox(account, third).await,
        Ok(moved),
        "whoever was late has changed nothing"
    );
}

async fn an_inbox_is_behind_until_it_tells_everything(stores: &Stores) {
    let mut people = Vec::new();
    for name in ["inbox behind", "inbox written", "inbox of nothing", "inbox of the deleted"] {
        people.push(register(&stores.accounts, name).await);
    }
    let conflicts = ConflictStore::new(Arc::clone(&stores.rows));
    let row = conflict(document("inboxes"), "in inboxes");
    let told = [people[0], people[1], people[3]];
    let row = ConflictRow { people: told.to_vec(), ..row };
    let steps = conflicts.statements(&row).into_iter().map(|statement| Step::Do(statement, Expect::Anything));
    stores.rows.transact(steps.collect()).await.unwrap();
    let sequence = conflicts.last().await.unwrap();
    let inbox = stores.accounts.inbox(people[1], document("inbox written")).await.unwrap();
    stores.accounts.inbox_written(people[1], Inbox { sequence, ..inbox }).await.unwrap();
    let deleted = stores.accounts.delete_account(people[3], None, NOW).await.unwrap();
    assert!(matches!(deleted, AccountDeletion::Deleted { .. }));
    let behind = all_behind(stores).await;
    let of_these: Vec<_> = people.iter().filter(|account| behind.contains(account)).collect();
    assert_eq!(of_these, [&people[0]]);
}

/// Page by page.
async fn all_behind(stores: &Stores) -> Vec<AccountId> {
    let mut behind = Vec::new();
    loop {
        let page = stores.accounts.inboxes_behind(behind.last().copied(), 1).await.unwrap();
        if page.is_empty() {
            return behind;
        }
        behind.extend(page);
    }
}
