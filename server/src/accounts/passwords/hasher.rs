//! The hashing threads. A hash costs tens of milliseconds of one core and 19 MiB, on purpose: how many run
//! at once is fixed, the queue in front of them is short, and the system runs everything else first.

use super::slot::Slot;
use super::{Password, Verdict};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tracing::error;

/// What waits for a hashing thread: about half a second's work of two cores.
pub(crate) const QUEUE_MAX: usize = 64;
/// How far hashing threads stand back: beside a busy thread of the usual priority, a tenth of a core.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Hashes and verifies passwords on threads of its own, which end with its last clone.
#[derive(Debug, Clone)]
pub(crate) struct Hasher {
    jobs: SyncSender<Job>,
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
    /// As many threads as hashes shall run at once; memory is taken with the first hash of each.
    pub(crate) fn new(at_once: usize) -> Self {
        let (jobs, waiting) = sync_channel(QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..at_once.max(1) {
            let waiting = Arc::clone(&waiting);
            let thread = std::thread::Builder::new().name("password-hash".to_owned());
            if let Err(error) = thread.spawn(move || work(&waiting)) {
                error!(%error, "no thread for hashing passwords");
            }
        }
        Self { jobs }
    }

    /// The string to store, salt and parameters included.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Busy> {
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send(Job::Hash { password, answer }).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }

    /// Without a stored hash this takes as long as with one: nobody learns from it which names there are.
    pub(crate) async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verdict, Busy> {
        let (answer, answered) = oneshot::channel();
        self.jobs.try_send(Job::Verify { password, stored, answer }).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    give_way();
    let mut slot = Slot::default();
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        run(&mut slot, job);
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

/// On Linux a thread has a priority of its own; elsewhere this would slow down the whole process.
#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(error) = rustix::process::nice(NICE) {
        error!(%error, "hashing passwords competes with everything else");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests;
