//! The hashing threads. A hash costs tens of milliseconds of one core and 19 MiB, on purpose: how many run
//! at once is fixed, the queue in front of them is short, and the system runs everything else first.

use super::slot::Slot;
use super::{Password, Verdict};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::error;

/// What waits for a hashing thread: about half a second's work of two cores.
pub(crate) const QUEUE_MAX: usize = 64;
/// Longer than a full queue takes. What is not done by then waits because all cores are busy with other things, and
/// would wait as long as they are.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far the thread for what is late stands back: beside a busy thread of the usual priority, a tenth of a core.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Hashes and verifies passwords on threads of its own, which end with its last clone.
#[derive(Debug, Clone)]
pub(crate) struct Hasher {
    jobs: Sender<Job>,
    /// A word for each job that is late.
    late: Sender<()>,
    patience: Duration,
}

/// Too many are waiting already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

#[derive(Debug)]
enum Job {
    Hash { password: Password, answer: oneshot::Sender<String> },
    Verify { password: Password, stored: Option<String>, answer: oneshot::Sender<Verdict> },
}

impl Hasher {
    /// As many threads as hashes shall run at once, and one for what is late; memory is taken with the first hash of
    /// each.
    pub(crate) fn new(at_once: usize) -> Self {
        Self::with_threads(at_once.max(1), PATIENCE)
    }

    fn with_threads(idle: usize, patience: Duration) -> Self {
        let (jobs, waiting) = bounded(QUEUE_MAX);
        let (late, words) = bounded(QUEUE_MAX);
        for _ in 0..idle {
            let waiting = waiting.clone();
            spawn("password-hash", move || work(&waiting));
        }
        spawn("password-late", move || relieve(&words, &waiting));
        Self { jobs, late, patience }
    }

    /// The string to store, salt and parameters included.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Busy> {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Hash { password, answer }, answered).await
    }

    /// Without a stored hash this takes as long as with one: nobody learns from it which names there are.
    pub(crate) async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verdict, Busy> {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Verify { password, stored, answer }, answered).await
    }

    async fn ask<T>(&self, job: Job, mut answered: oneshot::Receiver<T>) -> Result<T, Busy> {
        self.jobs.try_send(job).map_err(|_| Busy)?;
        if let Ok(in_time) = timeout(self.patience, &mut answered).await {
            return in_time.map_err(|_| Busy);
        }
        // When there is no room for it, enough others have said it.
        self.late.try_send(()).ok();
        answered.await.map_err(|_| Busy)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(work) {
        error!(%error, "no thread for hashing passwords");
    }
}

fn work(waiting: &Receiver<Job>) {
    stand_aside();
    let mut slot = Slot::default();
    while let Ok(job) = waiting.recv() {
        run(&mut slot, job);
    }
}

/// One job for each word: the one that has waited longest.
fn relieve(words: &Receiver<()>, waiting: &Receiver<Job>) {
    give_way();
    let mut slot = Slot::default();
    while let Ok(()) = words.recv() {
        if let Ok(job) = waiting.try_recv() {
            run(&mut slot, job);
        }
    }
}

fn run(slot: &mut Slot, job: Job) {
    match job {
        // Whoever asked has gone: the work is saved.
        Job::Hash { answer, .. } if answer.is_closed() => {}
        Job::Verify { answer, .. } if answer.is_closed() => {}
        Job::Hash { password, answer } => match slot.hash(&password) {
            Ok(stored) => {
                answer.send(stored).ok();
            }
            Err(error) => error!(%error, "a password could not be hashed"),
        },
        Job::Verify { password, stored, answer } => {
            let verdict = slot.verify(&password, stored.as_deref()).unwrap_or_else(|error| {
                error!(%error, "a stored password hash is damaged");
                Verdict::Wrong
            });
            answer.send(verdict).ok();
        }
    }
}

/// From now on the thread runs when nothing else wants to: whatever wakes up goes first, at once. Beside a thread that is
/// merely nicer, what wakes up may have to wait for the end of its slice, which is milliseconds.
#[cfg(target_os = "linux")]
fn stand_aside() {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let thread = thread_priority::thread_native_id();
    if let Err(error) = thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Min, idle) {
        error!(?error, "hashing passwords competes with everything else");
    }
}

/// On Linux a thread has a priority of its own; elsewhere this would slow down the whole process.
#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(error) = rustix::process::nice(NICE) {
        error!(%error, "hashing passwords competes with everything else");
    }
}

#[cfg(not(target_os = "linux"))]
fn stand_aside() {}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests;
