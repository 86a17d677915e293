//! The contract of [`ConflictStore`], and of rows that are written beside changes. Each behaviour takes its own
//! documents, so one fresh store serves them all.

#![expect(clippy::unwrap_used, reason = "these are assertions: what panics is what they found")]

mod beside;
mod lists;
mod news;

use super::{batch, document};
use crate::conflicts::{ConflictFilter, ConflictRow};
use crate::relational::{Expect, Statement, Step, Transacted};
use crate::{Append, BESIDE_MAX, Committed, ConflictStore, DocumentStore, RelationalStore, StorageError};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tiebreak_protocol::{AccountId, ConflictId, ConflictState, ConflictType, DocumentId};

/// When the tests begin.
const NOW: i64 = 1_700_000_000_000;

/// One store, as what it is to whom.
struct Stores {
    conflicts: ConflictStore,
    documents: Arc<dyn DocumentStore>,
    rows: Arc<dyn RelationalStore>,
}

/// Runs the whole contract on a fresh store.
pub async fn run_all<S: DocumentStore + RelationalStore>(store: Arc<S>) {
    let conflicts = ConflictStore::new(Arc::<S>::clone(&store));
    let stores = Stores { conflicts, documents: Arc::<S>::clone(&store), rows: store };
    beside::run_all(&stores).await;
    a_conflict_comes_back_as_it_was_written(&stores).await;
    any_text_and_any_register_can_be_in_dispute(&stores).await;
    the_same_twice_leaves_the_same(&stores).await;
    what_is_written_again_replaces_all_but_what_listings_go_by(&stores).await;
    a_register_has_one_open_conflict(&stores).await;
    a_deleted_document_has_no_conflicts(&stores).await;
    lists::run_all(&stores).await;
    news::run_all(&stores).await;
}

/// An open conflict of a document, with an id and a register made from a name.
pub fn conflict(document: DocumentId, name: &str) -> ConflictRow {
    let hash = Sha256::digest([document.as_bytes().as_slice(), name.as_bytes()].concat());
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    ConflictRow {
        id: ConflictId::from_bytes(id),
        document,
        register: name.as_bytes().to_vec(),
        kind: "task".to_owned(),
        path: r#"["title"]"#.to_owned(),
        label: format!("Title of {name}"),
        conflict_type: ConflictType::WriteWrite,
        state: ConflictState::Open,
        version: 1,
        opened_ms: NOW,
        changed_ms: NOW,
        closed_ms: None,
        wider: None,
        body: r#"{"candidates":[]}"#.to_owned(),
        people: Vec::new(),
    }
}

fn person(number: u32) -> AccountId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    AccountId::from_bytes(id)
}

fn settled(row: &ConflictRow) -> ConflictRow {
    let version = row.version + 1;
    let (changed_ms, closed_ms) = (NOW + 1, Some(NOW + 1));
    ConflictRow { state: ConflictState::Settled, version, changed_ms, closed_ms, ..row.clone() }
}

impl Stores {
    fn statements<'a>(&self, rows: impl IntoIterator<Item = &'a ConflictRow>) -> Vec<Statement> {
        rows.into_iter().flat_map(|row| self.conflicts.statements(row)).collect()
    }

    /// Appends change `number`, with these conflicts beside it.
    async fn append(
        &self,
        document: DocumentId,
        number: u64,
        rows: &[&ConflictRow],
    ) -> Result<Committed, StorageError> {
        let beside = self.statements(rows.iter().copied());
        self.documents.append(Append { beside, ..batch(document, number..=number, NOW) }).await
    }

    /// Writes many conflicts, in as few transactions as they fit in.
    async fn write(&self, rows: &[ConflictRow]) {
        let statements = self.statements(rows);
        for portion in statements.chunks(crate::relational::STEPS_MAX) {
            let step = |statement: &Statement| Step::Do(statement.clone(), Expect::Anything);
            let written = self.rows.transact(portion.iter().map(step).collect()).await;
            assert!(matches!(written, Ok(Transacted::Done(_))), "{written:?}");
        }
    }

    async fn found(&self, row: &ConflictRow) -> Option<ConflictRow> {
        self.conflicts.find(row.id).await.unwrap()
    }

    /// Ids of the conflicts of which this account is one of the people.
    async fn of(&self, account: AccountId) -> Vec<ConflictId> {
        let filter = ConflictFilter { account: Some(account), limit: 10, ..ConflictFilter::default() };
        self.conflicts.list(filter).await.unwrap().conflicts.into_iter().map(|row| row.id).collect()
    }
}

async fn a_conflict_comes_back_as_it_was_written(stores: &Stores) {
    let id = document("in dispute");
    let wider = conflict(id, "wider").id;
    let open = ConflictRow { people: vec![person(1), person(2)], ..conflict(id, "all columns") };
    let closed = ConflictRow { wider: Some(wider), ..settled(&conflict(id, "closed columns")) };
    assert_eq!(stores.found(&open).await, None);
    for row in [open, closed] {
        for conflict_type in ConflictType::ALL {
            let row = ConflictRow { conflict_type: *conflict_type, ..row.clone() };
            stores.write(std::slice::from_ref(&row)).await;
            assert_eq!(stores.found(&row).await, Some(row));
        }
    }
}

async fn any_text_and_any_register_can_be_in_dispute(stores: &Stores) {
    let id = document("strange dispute");
    let noise: Vec<u8> = (0..1000_u32).flat_map(|number| Sha256::digest(number.to_be_bytes())).collect();
    let row = ConflictRow { label: "a\0ü".to_owned(), register: noise, ..conflict(id, "strange") };
    assert!(stores.append(id, 1, &[&row]).await.is_ok());
    let expected = ConflictRow { label: "a\u{fffd}ü".to_owned(), ..row.clone() };
    assert_eq!(stores.found(&row).await, Some(expected));
}

async fn the_same_twice_leaves_the_same(stores: &Stores) {
    let id = document("written twice");
    let row = ConflictRow { people: vec![person(11), person(12)], ..conflict(id, "twice") };
    stores.write(&[row.clone(), row.clone()]).await;
    let repeated = ConflictRow { people: vec![person(12), person(11), person(12)], ..row.clone() };
    stores.write(&[repeated]).await;
    assert_eq!(stores.conflicts.open_of(id).await, Ok(vec![row]));
}

async fn what_is_written_again_replaces_all_but_what_listings_go_by(stores: &Stores) {
    let (id, other) = (document("written again"), document("not written again"));
    let people = |numbers: [u32; 2]| numbers.map(person).to_vec();
    let before = ConflictRow { people: people([21, 22]), ..conflict(id, "again") };
    let bystander = ConflictRow { people: people([21, 22]), ..conflict(other, "again") };
    let after = ConflictRow {
        kind: "note".to_owned(),
        path: "[]".to_owned(),
        label: "anything".to_owned(),
        conflict_type: ConflictType::Rule,
        wider: Some(bystander.id),
        body: "{}".to_owned(),
        people: people([22, 23]),
        ..settled(&before)
    };
    let moved = ConflictRow { document: other, register: Vec::new(), opened_ms: NOW + 5, ..after.clone() };
    stores.write(&[before.clone(), bystander.clone(), moved]).await;
    assert_eq!(stores.found(&before).await, Some(after));
    assert_eq!(stores.found(&bystander).await.as_ref(), Some(&bystander));
    assert_eq!(stores.of(person(21)).await, [bystander.id]);
    assert_eq!(stores.of(person(23)).await, [before.id]);
}

async fn a_register_has_one_open_conflict(stores: &Stores) {
    let (id, other) = (document("one open"), document("one open elsewhere"));
    let first = conflict(id, "first");
    let second = ConflictRow { register: first.register.clone(), ..conflict(id, "second") };
    assert!(stores.append(id, 1, &[&first]).await.is_ok());
    let refused = stores.append(id, 2, &[&second]).await;
    assert!(matches!(refused, Err(StorageError::Damaged(_))), "{refused:?}");
    assert_eq!(stores.found(&second).await, None);
    assert_eq!(super::load(&*stores.documents, id).await.through, 1, "nor is the change there");
    let refused = stores.append(id, 2, &[&second, &settled(&first)]).await;
    assert!(matches!(refused, Err(StorageError::Damaged(_))), "the one before is closed first: {refused:?}");
    assert!(stores.append(id, 2, &[&settled(&first), &second]).await.is_ok());
    assert!(stores.append(id, 3, &[&settled(&second)]).await.is_ok(), "any number of closed ones");
    let elsewhere = ConflictRow { register: first.register.clone(), ..conflict(other, "first") };
    assert!(stores.append(id, 4, &[&first]).await.is_ok());
    assert!(stores.append(other, 1, &[&elsewhere]).await.is_ok(), "a register is one of its document");
    assert_eq!(stores.conflicts.open_of(id).await, Ok(vec![first]));
}

async fn a_deleted_document_has_no_conflicts(stores: &Stores) {
    let (id, other) = (document("deleted in dispute"), document("kept in dispute"));
    let people = vec![person(31)];
    let open = ConflictRow { people: people.clone(), ..conflict(id, "open") };
    let closed = settled(&ConflictRow { people: people.clone(), ..conflict(id, "closed") });
    let kept = ConflictRow { people, ..conflict(other, "open") };
    assert!(stores.append(id, 1, &[&open, &closed]).await.is_ok());
    assert!(stores.append(other, 1, &[&kept]).await.is_ok());
    assert_eq!(stores.documents.delete(id).await, Ok(true));
    for row in [&open, &closed] {
        assert_eq!(stores.found(row).await, None);
    }
    assert_eq!(stores.of(person(31)).await, [kept.id]);
    let left = "SELECT conflict FROM conflict_people WHERE account = $1";
    let left = stores.rows.query(Statement::new(left, [person(31).into()])).await;
    assert_eq!(left, Ok(vec![vec![kept.id.into()]]));
}
