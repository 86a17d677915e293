//! Conflicts as rooms find them, made into rows that are durable with the changes that they come from, and read back.

mod body;
mod rebuild;
mod statistics;

pub(crate) use body::{Body, How, Shown, Side};
pub(crate) use rebuild::Rebuilt;
pub(crate) use statistics::{Counts, Field, Statistics};

use crate::events::EventStreams;
use crate::metrics;
use body::Settled;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tiebreak_document::{Conflict, PathStep, RegisterName};
use tiebreak_kinds::Kinds;
use tiebreak_protocol::{AccountId, ChangeHash, ConflictId, ConflictState, DocumentId, Role};
use tiebreak_storage::conflicts::{Concerned, ConflictFilter, ConflictPage, ConflictRow};
use tiebreak_storage::relational::{Expect, Statement, Step};
use tiebreak_storage::{AccountStore, ConflictStore, RelationalStore, StorageError};
use tiebreak_sync::room::{Closed, ConflictChange, Disagreement, OpenConflict};

/// People of one conflict: who wrote its candidates, before all others.
const PEOPLE_MAX: usize = 32;

/// The conflicts of all documents; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ConflictRecords {
    rows: Arc<dyn RelationalStore>,
    store: ConflictStore,
    accounts: AccountStore,
    kinds: Kinds,
    streams: EventStreams,
}

/// What is to be written, and what to make of it once it can be read.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) statements: Vec<Statement>,
    pub(crate) news: Vec<ConflictRow>,
}

/// What one append, or one record by itself, is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    pub(crate) document: DocumentId,
    /// The changes that are stored with it.
    pub(crate) changes: &'a BTreeSet<ChangeHash>,
    pub(crate) now_ms: i64,
}

impl ConflictRecords {
    pub(crate) fn new(rows: Arc<dyn RelationalStore>, kinds: Kinds, streams: EventStreams) -> Self {
        let (store, accounts) = (ConflictStore::new(Arc::clone(&rows)), AccountStore::new(Arc::clone(&rows)));
        Self { rows, store, accounts, kinds, streams }
    }

    pub(crate) const fn store(&self) -> &ConflictStore {
        &self.store
    }

    pub(crate) const fn streams(&self) -> &EventStreams {
        &self.streams
    }

    pub(crate) async fn find(&self, id: ConflictId) -> Result<Option<ConflictRow>, StorageError> {
        self.store.find(id).await
    }

    pub(crate) async fn list(&self, filter: ConflictFilter) -> Result<ConflictPage, StorageError> {
        self.store.list(filter).await
    }

    /// The names of devices' owners and devices are looked up when somebody asks: they change, and are erased.
    pub(crate) const fn accounts(&self) -> &AccountStore {
        &self.accounts
    }

    /// What is open in a document, as its room compares it.
    pub(crate) async fn open_of(
        &self,
        document: DocumentId,
    ) -> Result<Vec<(RegisterName, OpenConflict)>, StorageError> {
        let rows = self.store.open_of(document).await?;
        Ok(rows.into_iter().map(|row| (RegisterName(row.register.clone()), open_conflict(&row))).collect())
    }

    /// What is to be written for these changes of conflicts, in this order.
    pub(crate) async fn statements(
        &self,
        occasion: Occasion<'_>,
        changes: Vec<ConflictChange>,
    ) -> Result<Written, StorageError> {
        let rows = self.rows_of(occasion, changes).await?;
        Ok(Written {
            statements: rows.iter().flat_map(|row| self.store.statements(row)).collect(),
            news: rows,
        })
    }

    /// Counts what is written now, and wakes whom it concerns.
    pub(crate) fn announce(&self, news: Vec<ConflictRow>) {
        for row in &news {
            match (row.state, row.closed_ms) {
                (ConflictState::Open, _) if row.version == 1 => {
                    metrics::conflict_opened(&row.kind, row.conflict_type.as_str());
                }
                (ConflictState::Open, _) | (_, None) => {}
                (ConflictState::Settled | ConflictState::Overtaken, Some(closed_ms)) => {
                    let how = Body::read(&row.body).settled.map_or("unknown", |settled| settled.how.as_str());
                    metrics::conflict_closed(&row.kind, how, closed_ms.saturating_sub(row.opened_ms));
                }
            }
        }
        self.streams.wake(&Concerned::Accounts(news.into_iter().flat_map(|row| row.people).collect()));
    }

    /// Writes them without changes beside them, one conflict at a time.
    pub(crate) async fn record(
        &self,
        occasion: Occasion<'_>,
        changes: Vec<ConflictChange>,
    ) -> Result<(), StorageError> {
        for row in self.rows_of(occasion, changes).await? {
            let statements = self.store.statements(&row).into_iter();
            self.rows
                .transact(statements.map(|statement| Step::Do(statement, Expect::Anything)).collect())
                .await?;
            self.announce(vec![row]);
        }
        Ok(())
    }

    async fn rows_of(
        &self,
        occasion: Occasion<'_>,
        changes: Vec<ConflictChange>,
    ) -> Result<Vec<ConflictRow>, StorageError> {
        let mut rows = Vec::with_capacity(changes.len());
        let mut told = BTreeMap::new();
        for change in changes {
            match change {
                ConflictChange::Open(disagreement) => {
                    let people = self.told(occasion.document, &disagreement, &mut told).await?;
                    rows.push(self.opened(occasion, *disagreement, people).await?);
                }
                ConflictChange::Closed(closed) => rows.extend(self.closed(occasion, *closed).await?),
            }
        }
        Ok(rows)
    }

    /// Whom the kind has told of its conflicts, beside those who are in them.
    async fn told(
        &self,
        document: DocumentId,
        disagreement: &Disagreement,
        told: &mut BTreeMap<String, Vec<AccountId>>,
    ) -> Result<Vec<AccountId>, StorageError> {
        let kind = disagreement.kind.as_deref().and_then(|kind| self.kinds.get(kind));
        let Some(kind) = kind.filter(|kind| !kind.tell().is_empty()) else { return Ok(Vec::new()) };
        if let Some(known) = told.get(kind.name()) {
            return Ok(known.clone());
        }
        let roles: &[Role] = kind.tell();
        let grants = self.accounts.grants(document).await?;
        let granted = grants.into_iter().filter(|grant| roles.contains(&grant.role));
        let people: Vec<_> = granted.map(|grant| grant.account).take(PEOPLE_MAX).collect();
        told.insert(kind.name().to_owned(), people.clone());
        Ok(people)
    }

    async fn opened(
        &self,
        occasion: Occasion<'_>,
        disagreement: Disagreement,
        told: Vec<AccountId>,
    ) -> Result<ConflictRow, StorageError> {
        let Occasion { document, changes, now_ms } = occasion;
        let before = self.store.find(disagreement.conflict.id).await?;
        let known = before.as_ref().map(|row| Body::read(&row.body)).unwrap_or_default();
        let mut body = Body::of(&disagreement);
        for side in &mut body.candidates {
            side.server_ms = match known.side(&side.id) {
                Some(same) if same.change == side.change => same.server_ms,
                Some(_) | None if changes.contains(&side.change) => Some(now_ms),
                Some(_) | None => self.store.arrival(document, side.change).await?,
            };
        }
        let mut people: Vec<_> = disagreement.accounts.values().copied().collect();
        // Whoever has been told of it hears how it goes on.
        people.extend(before.iter().flat_map(|row| row.people.iter().copied()));
        people.extend(told);
        let mut seen = BTreeSet::new();
        people.retain(|person| seen.insert(*person));
        people.truncate(PEOPLE_MAX);
        let Disagreement { conflict, kind, label, .. } = disagreement;
        Ok(ConflictRow {
            id: conflict.id,
            document,
            register: conflict.register.0.clone(),
            kind: kind.unwrap_or_default(),
            path: path_json(&conflict).to_string(),
            label,
            conflict_type: conflict.conflict_type,
            state: ConflictState::Open,
            version: before.as_ref().map_or(1, |row| row.version + 1),
            opened_ms: before.as_ref().map_or(now_ms, |row| row.opened_ms),
            changed_ms: now_ms,
            closed_ms: None,
            wider: None,
            body: body.to_json(),
            people,
        })
    }

    /// One that is not recorded was never told to anybody, so nobody is told that it is over.
    async fn closed(
        &self,
        occasion: Occasion<'_>,
        closed: Closed,
    ) -> Result<Option<ConflictRow>, StorageError> {
        let Some(row) = self.store.find(closed.id).await? else { return Ok(None) };
        let mut body = Body::read(&row.body);
        body.settled = Settled::of(&closed, &body);
        Ok(Some(ConflictRow {
            state: closed.state,
            version: row.version + 1,
            changed_ms: occasion.now_ms,
            closed_ms: Some(occasion.now_ms),
            wider: closed.wider,
            body: body.to_json(),
            ..row
        }))
    }
}

/// A recorded conflict as rooms compare it.
pub(crate) fn open_conflict(row: &ConflictRow) -> OpenConflict {
    OpenConflict { id: row.id, state: Body::read(&row.body).digest }
}

/// Keys and positions; null is an element that is gone.
fn path_json(conflict: &Conflict) -> serde_json::Value {
    let step = |step: &PathStep| match step {
        PathStep::Key(key) => key.as_str().into(),
        PathStep::Position(position) => (*position).into(),
        PathStep::Removed => serde_json::Value::Null,
    };
    conflict.path.iter().map(step).collect()
}
