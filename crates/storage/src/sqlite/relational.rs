//! Transactions of plain rows on SQLite: each in a savepoint of the writer's transaction.

use super::failure::Failure;
use super::job::Size;
use super::{SqliteStore, failure};
use crate::audit::{AuditEntry, AuditRow};
use crate::relational::{
    ROWS_MAX, RelationalStore, Row, Statement, Step, Transacted, Value, check_steps, too_many_rows,
};
use crate::{StorageError, StoreFuture, sql};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

impl RelationalStore for SqliteStore {
    fn transact(&self, steps: Vec<Step>) -> StoreFuture<'_, Transacted> {
        let size = Size::of(steps.iter().map(Step::bytes).sum());
        Box::pin(async move {
            check_steps(&steps)?;
            self.write(size, move |connection| transact(connection, &steps)).await
        })
    }

    fn query(&self, statement: Statement) -> StoreFuture<'_, Vec<Row>> {
        Box::pin(async move { self.read(move |connection| Ok(rows(connection, &statement))).await? })
    }
}

/// What came of one statement.
struct Answered {
    rows: Vec<Row>,
    touched: usize,
}

/// What a condition or a refusal leaves undone must not spoil the group.
fn transact(connection: &Connection, steps: &[Step]) -> Result<Transacted, Failure> {
    plain(connection, "SAVEPOINT steps")?;
    let transacted = perform(connection, steps);
    match &transacted {
        Ok(Transacted::Done(_)) | Err(Failure::Sqlite(_)) => {}
        Ok(Transacted::Unmet { .. }) | Err(Failure::Refused(_)) => plain(connection, "ROLLBACK TO steps")?,
    }
    if !matches!(transacted, Err(Failure::Sqlite(_))) {
        plain(connection, "RELEASE steps")?;
    }
    transacted
}

fn perform(connection: &Connection, steps: &[Step]) -> Result<Transacted, Failure> {
    let mut rows = Vec::with_capacity(steps.len());
    for (step, what) in steps.iter().enumerate() {
        let met = match what {
            Step::Do(statement, expect) => {
                let answered = run(connection, statement)?;
                rows.push(answered.rows);
                expect.is_met(answered.touched)
            }
            Step::Audit { entry, at_ms } => {
                audit(connection, entry, *at_ms)?;
                rows.push(Vec::new());
                true
            }
        };
        if !met {
            return Ok(Transacted::Unmet { step, rows });
        }
    }
    Ok(Transacted::Done(rows))
}

fn audit(connection: &Connection, entry: &AuditEntry, at_ms: i64) -> Result<(), Failure> {
    let last = run(connection, &Statement::new(sql::audit::LAST, []))?.rows.pop();
    // A chain whose end is damaged is not gone on with.
    let row = AuditRow::following(last, entry, at_ms).map_err(Failure::Refused)?;
    run(connection, &Statement::new(sql::audit::INSERT, row.into_values()))?;
    Ok(())
}

/// What a statement answers on a connection that nobody else writes through.
pub(super) fn rows(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, StorageError> {
    run(connection, statement).map(|answered| answered.rows).map_err(|failure| match failure {
        Failure::Refused(error) => error,
        Failure::Sqlite(error) => failure::in_read(&error),
    })
}

/// Does a statement whose answer nobody reads.
pub(super) fn write(connection: &Connection, statement: &Statement) -> rusqlite::Result<()> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let mut answers = prepared.query(params_from_iter(&statement.values))?;
    while answers.next()?.is_some() {}
    Ok(())
}

fn run(connection: &Connection, statement: &Statement) -> Result<Answered, Failure> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let values = params_from_iter(&statement.values);
    if prepared.column_count() == 0 {
        let touched = prepared.execute(values)?;
        return Ok(Answered { rows: Vec::new(), touched });
    }
    let columns = prepared.column_count();
    let mut answers = prepared.query(values)?;
    let mut rows = Vec::new();
    while let Some(row) = answers.next()? {
        if rows.len() == ROWS_MAX {
            return Err(Failure::Refused(too_many_rows()));
        }
        rows.push((0..columns).map(|column| row.get_ref(column).map(value)).collect::<Result<_, _>>()?);
    }
    let touched = rows.len();
    Ok(Answered { rows, touched })
}

fn plain(connection: &Connection, text: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(text)?.execute(()).map(|_rows| ())
}

// Text that is not UTF-8 was damaged: it is read as another text, so that a hash over it says so.
fn value(stored: ValueRef<'_>) -> Value {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        // No column holds one.
        ValueRef::Real(number) => Value::Text(number.to_string()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
