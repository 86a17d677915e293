//! A conflict as it is written and read back.

use crate::StorageError;
use crate::relational::{Columns, Row, Statement, Value};
use crate::sql::conflicts as sql;
use tiebreak_protocol::{AccountId, ConflictId, ConflictState, ConflictType, DocumentId};

/// A conflict: what lists show and search in columns, everything else in its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictRow {
    pub id: ConflictId,
    pub document: DocumentId,
    /// The place in the document that the sides disagree about. It has one open conflict.
    pub register: Vec<u8>,
    /// The kind of document.
    pub kind: String,
    /// JSON.
    pub path: String,
    pub label: String,
    pub conflict_type: ConflictType,
    pub state: ConflictState,
    /// Raised by whoever writes the row, with each change of it.
    pub version: u64,
    pub opened_ms: i64,
    pub changed_ms: i64,
    pub closed_ms: Option<i64>,
    /// The conflict that took this one in.
    pub wider: Option<ConflictId>,
    /// JSON: base, candidates, how it was settled.
    pub body: String,
    /// Whose changes these are. Read back in the order of ids, each once.
    pub people: Vec<AccountId>,
}

/// How many conflicts there are of a kind, a path and a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictCount {
    pub kind: String,
    pub path: String,
    pub state: ConflictState,
    pub conflicts: u64,
}

impl ConflictRow {
    pub(super) fn statements(&self) -> Vec<Statement> {
        let id = Value::from(self.id);
        let people = self.people.iter().map(|person| {
            let values = [id.clone(), (*person).into()];
            Statement::new(sql::INSERT_PERSON, values)
        });
        let (next, row) = (Statement::new(sql::NEXT, []), Statement::new(sql::UPSERT, self.values()));
        [next, row, Statement::new(sql::DELETE_PEOPLE, [id.clone()])].into_iter().chain(people).collect()
    }

    fn values(&self) -> [Value; 14] {
        [
            self.id.into(),
            self.document.into(),
            self.register.clone().into(),
            text(&self.kind),
            text(&self.path),
            text(&self.label),
            self.conflict_type.into(),
            self.state.into(),
            i64::try_from(self.version).unwrap_or(i64::MAX).into(),
            self.opened_ms.into(),
            self.changed_ms.into(),
            self.closed_ms.into(),
            self.wider.into(),
            text(&self.body),
        ]
    }

    fn read(columns: &mut Columns) -> Result<Self, StorageError> {
        Ok(Self {
            id: columns.read()?,
            document: columns.read()?,
            register: columns.read()?,
            kind: columns.read()?,
            path: columns.read()?,
            label: columns.read()?,
            conflict_type: columns.read()?,
            state: columns.read()?,
            version: columns.read()?,
            opened_ms: columns.read()?,
            changed_ms: columns.read()?,
            closed_ms: columns.read()?,
            wider: columns.read()?,
            body: columns.read()?,
            people: Vec::new(),
        })
    }
}

impl ConflictCount {
    pub(super) fn read(mut columns: Columns) -> Result<Self, StorageError> {
        Ok(Self {
            kind: columns.read()?,
            path: columns.read()?,
            state: columns.read()?,
            conflicts: columns.read()?,
        })
    }
}

/// Conflicts from rows that name each once for each of its people, or once with nobody.
pub(super) fn collect(rows: Vec<Row>) -> Result<Vec<ConflictRow>, StorageError> {
    let mut conflicts: Vec<ConflictRow> = Vec::new();
    for row in rows {
        add(&mut conflicts, &mut Columns::of(row))?;
    }
    Ok(conflicts)
}

/// The same from rows that end in the number under which each was written.
pub(super) fn collect_numbered(rows: Vec<Row>) -> Result<Vec<(i64, ConflictRow)>, StorageError> {
    let (mut conflicts, mut numbers) = (Vec::new(), Vec::new());
    for row in rows {
        let mut columns = Columns::of(row);
        add(&mut conflicts, &mut columns)?;
        numbers.push(columns.read()?);
    }
    numbers.dedup();
    Ok(numbers.into_iter().zip(conflicts).collect())
}

/// A row is one more conflict, or one more of the last one's people.
fn add(conflicts: &mut Vec<ConflictRow>, columns: &mut Columns) -> Result<(), StorageError> {
    let conflict = ConflictRow::read(columns)?;
    let person: Option<AccountId> = columns.read()?;
    match conflicts.last_mut() {
        Some(last) if last.id == conflict.id => last.people.extend(person),
        Some(_) | None => conflicts.push(ConflictRow { people: person.into_iter().collect(), ..conflict }),
    }
    Ok(())
}

/// A label may hold whatever somebody typed, and PostgreSQL keeps no NUL: no conflict is to stop its changes.
fn text(text: &str) -> Value {
    text.replace('\0', "\u{fffd}").into()
}
