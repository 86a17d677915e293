//! A transaction as it is put together: each condition with the answer to give when it does not hold.

use crate::StorageError;
use crate::audit::AuditEntry;
use crate::relational::{Expect, Row, Statement, Step, Transacted, Value};

/// Steps, and what their outcome means.
pub(super) struct Plan<T> {
    steps: Vec<Step>,
    outcomes: Outcomes<T>,
}

pub(super) struct Outcomes<T> {
    asked: Vec<usize>,
    otherwise: Vec<(usize, T)>,
}

/// What became of a plan.
pub(super) enum Attempt<T> {
    /// All was done; with what each `ask` was answered.
    Done(Vec<Vec<Row>>),
    /// Nothing was done; with the rows of the condition that did not hold.
    Unmet(T, Vec<Row>),
}

impl<T> Plan<T> {
    pub(super) fn new() -> Self {
        Self { steps: Vec::new(), outcomes: Outcomes { asked: Vec::new(), otherwise: Vec::new() } }
    }

    /// Goes on whatever comes of it.
    pub(super) fn run(self, sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        self.with(Step::Do(Statement::new(sql, values), Expect::Anything))
    }

    /// The same, and its rows are part of the answer.
    pub(super) fn ask(mut self, sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        self.outcomes.asked.push(self.steps.len());
        self.run(sql, values)
    }

    /// Goes on only when this answers or touches a row.
    pub(super) fn require(mut self, sql: &'static str, values: impl Into<Vec<Value>>, otherwise: T) -> Self {
        self.outcomes.otherwise.push((self.steps.len(), otherwise));
        self.with(Step::Do(Statement::new(sql, values), Expect::Rows))
    }

    /// Goes on only when this answers and touches no row.
    pub(super) fn forbid(mut self, sql: &'static str, values: impl Into<Vec<Value>>, otherwise: T) -> Self {
        self.outcomes.otherwise.push((self.steps.len(), otherwise));
        self.with(Step::Do(Statement::new(sql, values), Expect::NoRows))
    }

    pub(super) fn audit(self, entry: AuditEntry, at_ms: i64) -> Self {
        self.with(Step::Audit { entry, at_ms })
    }

    pub(super) fn into_parts(self) -> (Vec<Step>, Outcomes<T>) {
        (self.steps, self.outcomes)
    }

    fn with(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl<T> Outcomes<T> {
    pub(super) fn of(self, transacted: Transacted) -> Result<Attempt<T>, StorageError> {
        match transacted {
            Transacted::Done(mut rows) => {
                let take = |step| rows.get_mut(step).map(std::mem::take).unwrap_or_default();
                Ok(Attempt::Done(self.asked.into_iter().map(take).collect()))
            }
            Transacted::Unmet { step, mut rows } => {
                let otherwise = self.otherwise.into_iter().find(|(index, _)| *index == step);
                let (_, otherwise) = otherwise.ok_or_else(|| {
                    StorageError::Fatal(format!("step {step} of a transaction expects nothing"))
                })?;
                Ok(Attempt::Unmet(otherwise, rows.pop().unwrap_or_default()))
            }
        }
    }
}
