//! The threads that read, each on its own connection, so that loads go on while a commit waits for the disk.

use super::panic_guard::PanicGuard;
use super::queue::{Portion, Queue, Taken};
use crate::status::Status;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

const ONE: Portion = Portion { items_max: 1, cost_max: u32::MAX };

const WAIT: Duration = Duration::from_secs(60);

/// One caller's read.
pub(super) type Read = Box<dyn FnOnce(&mut Connection) + Send>;

/// Runs until the queue is closed and empty.
pub(super) fn run(mut connection: Connection, queue: Arc<Queue<Read>>, status: Arc<Status>) {
    let guard = PanicGuard { status, queue };
    loop {
        match guard.queue.take(ONE, WAIT) {
            Taken::Items(reads) => reads.into_iter().for_each(|read| read(&mut connection)),
            Taken::Nothing => {}
            Taken::Closed => break,
        }
    }
}
