//! Transactions of plain rows on PostgreSQL: each in a savepoint of the writer's transaction.

use super::failure::Failure;
use super::session::Session;
use super::writer::{Answer, Work};
use super::writes::Outcome;
use super::{PostgresStore, finish, mismatch};
use bytes::BytesMut;
use deadpool_postgres::ClientWrapper;
use futures_util::future::{join, maybe_done};
use std::error::Error;
use std::future::poll_fn;
use std::task::Poll;
use tiebreak_storage::audit::AuditRow;
use tiebreak_storage::relational::{
    ROWS_MAX, RelationalStore, Row, Statement, Step, Transacted, Value, check_steps, too_many_rows,
};
use tiebreak_storage::{StorageError, StoreFuture, sql};
use tokio::time::timeout;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

impl RelationalStore for PostgresStore {
    fn transact(&self, steps: Vec<Step>) -> StoreFuture<'_, Transacted> {
        Box::pin(async move {
            check_steps(&steps)?;
            let bytes = steps.iter().map(Step::bytes).sum();
            match self.write(Work::Transact(steps), bytes).await? {
                Answer::Transacted(transacted) => Ok(transacted),
                other @ (Answer::Committed(_) | Answer::Done | Answer::Deleted(_) | Answer::StorageId(_)) => {
                    Err(mismatch(&other))
                }
            }
        })
    }

    fn query(&self, statement: Statement) -> StoreFuture<'_, Vec<Row>> {
        Box::pin(async move {
            let client = self.reader().await?;
            let read = timeout(self.options.answer_time, run(&client, &statement)).await;
            let answered = finish(client, read)?;
            if answered.rows.len() > ROWS_MAX { Err(too_many_rows()) } else { Ok(answered.rows) }
        })
    }
}

/// What came of one statement.
struct Answered {
    rows: Vec<Row>,
    touched: u64,
}

/// What a condition or a refusal leaves undone must not spoil the group, nor must it when a later statement, sent
/// before the answer was there, has failed for it.
pub(super) async fn transact(session: &Session, steps: &[Step]) -> Result<Outcome, Failure> {
    let (saved, transacted) = join(plain(session, "SAVEPOINT steps"), perform(session, steps)).await;
    saved?;
    let transacted = transacted?;
    if !matches!(transacted, Ok(Transacted::Done(_))) {
        plain(session, "ROLLBACK TO SAVEPOINT steps").await?;
    }
    plain(session, "RELEASE SAVEPOINT steps").await?;
    Ok(transacted.map(Answer::Transacted))
}

/// Waits for the database only where it must know an answer: a link of the audit chain follows the one before it.
async fn perform(session: &Session, steps: &[Step]) -> Result<Result<Transacted, StorageError>, Failure> {
    let last = Statement::new(sql::audit::LAST, []);
    let mut rows = Vec::with_capacity(steps.len());
    let mut link: Option<Statement> = None;
    for portion in steps.split_inclusive(|step| matches!(step, Step::Audit { .. })) {
        let reads_last = portion.iter().any(|step| matches!(step, Step::Audit { .. }));
        let written = portion.iter().filter_map(|step| match step {
            Step::Do(statement, _) => Some(statement),
            Step::Audit { .. } => None,
        });
        let statements = link.iter().chain(written).chain(reads_last.then_some(&last));
        let mut answers = run_all(&session.client, statements).await?.into_iter();
        let mut answer = || answers.next().unwrap_or(Ok(Answered { rows: Vec::new(), touched: 0 }));
        if link.take().is_some() {
            rows.push(answer()?.rows);
        }
        for step in portion {
            let answered = answer()?;
            match step {
                Step::Do(_, _) if answered.rows.len() > ROWS_MAX => return Ok(Err(too_many_rows())),
                Step::Do(_, expect) => {
                    rows.push(answered.rows);
                    if !expect.is_met(usize::try_from(answered.touched).unwrap_or(usize::MAX)) {
                        return Ok(Ok(Transacted::Unmet { step: rows.len() - 1, rows }));
                    }
                }
                Step::Audit { entry, at_ms } => {
                    // A chain whose end is damaged is not gone on with.
                    match AuditRow::following(answered.rows.into_iter().next(), entry, *at_ms) {
                        Ok(row) => link = Some(Statement::new(sql::audit::INSERT, row.into_values())),
                        Err(error) => return Ok(Err(error)),
                    }
                }
            }
        }
    }
    if let Some(link) = link {
        rows.push(run(&session.client, &link).await?.rows);
    }
    Ok(Ok(Transacted::Done(rows)))
}

/// Statements that are sent before the first answer is read.
const SENT_AT_ONCE_MAX: usize = 256;

/// Does statements whose answers nobody reads.
pub(super) async fn write_all(session: &Session, statements: &[&Statement]) -> Result<(), Failure> {
    for portion in statements.chunks(SENT_AT_ONCE_MAX) {
        for answer in run_all(&session.client, portion.iter().copied()).await? {
            answer?;
        }
    }
    Ok(())
}

/// Sends all statements, then waits for all answers.
async fn run_all(
    client: &ClientWrapper,
    statements: impl Iterator<Item = &Statement>,
) -> Result<Vec<Result<Answered, tokio_postgres::Error>>, tokio_postgres::Error> {
    let mut prepared = Vec::new();
    for statement in statements {
        prepared.push((client.prepare_cached(statement.sql).await?, statement));
    }
    let answers = prepared.iter().map(|(prepared, statement)| run_prepared(client, prepared, statement));
    let mut answers: Vec<_> = answers.map(|answer| Box::pin(maybe_done(answer))).collect();
    // A statement is sent when it is first polled, so this also is the order in which they are done.
    poll_fn(|context| {
        let waiting =
            answers.iter_mut().filter_map(|answer| answer.as_mut().poll(context).is_pending().then_some(()));
        if waiting.count() == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    Ok(answers.iter_mut().filter_map(|answer| answer.as_mut().take_output()).collect())
}

async fn run(client: &ClientWrapper, statement: &Statement) -> Result<Answered, tokio_postgres::Error> {
    let prepared = client.prepare_cached(statement.sql).await?;
    run_prepared(client, &prepared, statement).await
}

async fn run_prepared(
    client: &ClientWrapper,
    prepared: &tokio_postgres::Statement,
    statement: &Statement,
) -> Result<Answered, tokio_postgres::Error> {
    let parameters: Vec<_> = statement.values.iter().map(Parameter).collect();
    let parameters: Vec<_> = parameters.iter().map(|parameter| parameter as &(dyn ToSql + Sync)).collect();
    if prepared.columns().is_empty() {
        let touched = client.execute(prepared, &parameters).await?;
        return Ok(Answered { rows: Vec::new(), touched });
    }
    let rows = client.query(prepared, &parameters).await?;
    let rows = rows.iter().map(values).collect::<Result<Vec<_>, _>>()?;
    let touched = rows.len() as u64;
    Ok(Answered { rows, touched })
}

fn values(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    (0..row.len()).map(|column| row.try_get(column).map(|Column(value)| value)).collect()
}

async fn plain(session: &Session, text: &str) -> Result<(), Failure> {
    Ok(session.client.batch_execute(text).await?)
}

#[derive(Debug)]
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, as_type: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => number.to_sql_checked(as_type, out),
            Value::Text(text) => text.to_sql_checked(as_type, out),
            Value::Bytes(bytes) => bytes.to_sql_checked(as_type, out),
        }
    }

    // Each value looks for itself.
    fn accepts(_type: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

struct Column(Value);

impl<'a> FromSql<'a> for Column {
    fn from_sql(from: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *from {
            Type::INT4 => Value::Integer(i32::from_sql(from, raw)?.into()),
            Type::INT8 => Value::Integer(i64::from_sql(from, raw)?),
            Type::BYTEA => Value::Bytes(Vec::from_sql(from, raw)?),
            _ => Value::Text(String::from_sql(from, raw)?),
        }))
    }

    fn from_sql_null(_from: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(from: &Type) -> bool {
        [Type::INT4, Type::INT8, Type::BYTEA, Type::TEXT].contains(from)
    }
}
