//! A crowd that asks the server for the same thing at once, and comes back when it is told to.

use super::people::Person;
use crate::client::{Answer, HttpClient, Post};
use anyhow::{Context, bail};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// People who are there at a time; whoever is done makes room for the next.
const AT_ONCE_MAX: usize = 1_000;
/// After which a person gives up.
const PATIENCE_MAX: Duration = Duration::from_secs(600);
/// Where the server does not say when to come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Tries that may fail without an answer.
const BROKEN_MAX: u32 = 3;

/// What went differently from a first try that succeeds.
#[derive(Default)]
pub(super) struct Troubles {
    /// Refusals to come back from, by code.
    pub(super) refused: BTreeMap<String, u64>,
    /// Requests without an answer.
    pub(super) broken: u64,
    pub(super) wrong: u64,
    /// The first of the wrong outcomes.
    pub(super) first_wrong: Option<String>,
}

pub(super) type SharedTroubles = Rc<RefCell<Troubles>>;

impl Troubles {
    fn refuse(&mut self, answer: &Answer) {
        *self.refused.entry(answer.text("code").to_owned()).or_default() += 1;
    }

    fn note_wrong(&mut self, error: &anyhow::Error) {
        self.wrong += 1;
        self.first_wrong.get_or_insert_with(|| format!("{error:#}"));
    }

    pub(super) fn refusals(&self, of: impl Fn(&str) -> bool) -> u64 {
        self.refused.iter().filter(|(code, _)| of(code)).map(|(_, count)| count).sum()
    }
}

/// How fast a crowd was served.
pub(super) struct Served {
    pub(super) succeeded: usize,
    /// While it was full: the last ones wait for their moment to come back, not for the server.
    pub(super) per_second: f64,
}

/// Has everybody do `step`, as many at once as there may be.
pub(super) async fn storm(
    people: &mut Vec<Person>,
    port: u16,
    troubles: &SharedTroubles,
    step: impl AsyncFn(&mut Visitor, &mut Person) -> anyhow::Result<()> + Copy + 'static,
) -> anyhow::Result<Served> {
    let at_once = AT_ONCE_MAX.min(people.len().div_ceil(2));
    let (started, mut full_time, mut succeeded, mut at_full) = (Instant::now(), Duration::ZERO, 0, 0);
    let (mut coming, mut crowd, mut done) = (std::mem::take(people).into_iter(), JoinSet::new(), Vec::new());
    loop {
        while crowd.len() < at_once
            && let Some(mut person) = coming.next()
        {
            let mut visitor = Visitor { client: person.client(port), troubles: Rc::clone(troubles) };
            crowd.spawn_local(async move { (step(&mut visitor, &mut person).await, person) });
            (full_time, at_full) = (started.elapsed(), succeeded);
        }
        let Some(left) = crowd.join_next().await else { break };
        let (outcome, person) = left?;
        match outcome {
            Ok(()) => succeeded += 1,
            Err(error) => troubles.borrow_mut().note_wrong(&error),
        }
        done.push(person);
    }
    *people = done;
    Ok(Served { succeeded, per_second: at_full as f64 / full_time.as_secs_f64() })
}

/// A person at the server's door.
pub(super) struct Visitor {
    pub(super) client: HttpClient,
    pub(super) troubles: SharedTroubles,
}

impl Visitor {
    /// Asks until the server has answered with something other than that it is busy.
    pub(super) async fn ask(&mut self, post: &Post) -> anyhow::Result<Answer> {
        let (started, mut broken) = (Instant::now(), 0);
        while started.elapsed() < PATIENCE_MAX {
            let wait = match self.client.post(post).await {
                Ok(answer) if matches!(answer.status, 429 | 503) => {
                    self.troubles.borrow_mut().refuse(&answer);
                    answer.retry_after
                }
                Ok(answer) => return Ok(answer),
                Err(error) if broken < BROKEN_MAX => {
                    broken += 1;
                    drop(error);
                    self.troubles.borrow_mut().broken += 1;
                    None
                }
                Err(error) => return Err(error),
            };
            sleep(jittered(wait.unwrap_or(RETRY_AFTER))).await;
        }
        bail!("the server was busy for {PATIENCE_MAX:?}")
    }

    /// Asks for what must end in a certain way.
    pub(super) async fn expect(&mut self, status: u16, post: &Post) -> anyhow::Result<Answer> {
        let answer = self.ask(post).await.with_context(|| post.path)?;
        if answer.status != status {
            bail!("{} answered {} {}, not {status}", post.path, answer.status, answer.text("code"));
        }
        Ok(answer)
    }
}

/// Not before the server wants it, and not all at once.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + (crate::document::random() % 1024) as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_comes_back_earlier_than_told_or_twice_as_late() {
        for _ in 0..100 {
            let wait = jittered(Duration::from_secs(5));
            assert!((Duration::from_secs(5)..Duration::from_secs(10)).contains(&wait), "{wait:?}");
        }
    }

    #[test]
    fn refusals_are_counted_by_code_and_the_first_wrong_outcome_is_kept() {
        let mut troubles = Troubles::default();
        for code in ["busy", "busy", "too_many_attempts"] {
            let body = serde_json::json!({ "code": code });
            troubles.refuse(&Answer { status: 503, retry_after: None, body });
        }
        assert_eq!(troubles.refusals(|code| code == "busy"), 2);
        assert_eq!(troubles.refusals(|_| true), 3);
        troubles.note_wrong(&anyhow::anyhow!("first"));
        troubles.note_wrong(&anyhow::anyhow!("second"));
        assert_eq!((troubles.wrong, troubles.first_wrong.as_deref()), (2, Some("first")));
    }
}
