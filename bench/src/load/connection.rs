//! One light client's life: handshake, then reading, counting, answering and, for writers, editing.

use super::Pace;
use super::ledger::{Ledger, Totals};
use crate::client::{Arrivals, CONNECT_TIME_MAX, LightPeer, Socket, next_binary, send_all, try_next_binary};
use anyhow::Context;
use bytes::Bytes;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

/// Edits that a writer in a closed loop sends with one flush.
const BATCH_EDITS_MAX: u32 = 16;

/// What all clients of a run do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Writing,
    Draining,
    Over,
}

pub(crate) struct Connection {
    pub(crate) socket: Socket,
    pub(crate) peer: LightPeer,
    /// The number of the writer that this client is.
    pub(crate) writer: Option<u32>,
    /// Whether arrivals here count.
    pub(crate) is_watching: bool,
    pub(crate) pace: Pace,
    pub(crate) ledger: Rc<Ledger>,
    pub(crate) totals: Rc<Totals>,
    pub(crate) phases: watch::Receiver<Phase>,
}

impl Connection {
    /// Joins, and waits until the document is here.
    pub(crate) async fn shake_hands(&mut self) -> anyhow::Result<()> {
        let handshake = async {
            let mut out = vec![self.peer.join()];
            loop {
                send_all(&mut self.socket, &mut out).await?;
                if self.peer.is_synced() {
                    return Ok(());
                }
                let message = next_binary(&mut self.socket).await?;
                self.peer.receive(&message, &mut out, &mut Arrivals::new())?;
            }
        };
        timeout(CONNECT_TIME_MAX, handshake).await.context("the handshake takes too long")?
    }

    /// Runs until the run is over or the connection breaks.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        let ledger = Rc::clone(&self.ledger);
        let mut known = vec![0; ledger.writers()];
        let mut is_writing = false;
        let mut due = Instant::now();
        let window = self.writer.and_then(|writer| ledger.window(writer));
        loop {
            tokio::select! {
                changed = self.phases.changed() => {
                    changed?;
                    let phase = *self.phases.borrow_and_update();
                    if phase == Phase::Over {
                        return Ok(());
                    }
                    is_writing = phase == Phase::Writing && self.writer.is_some();
                    due = self.first_due();
                }
                message = next_binary(&mut self.socket) => self.take(message?, &mut known).await?,
                permit = acquire(window), if is_writing && window.is_some() => {
                    permit?.forget();
                    self.write_into_window().await?;
                }
                () = sleep_until(due.into()), if is_writing && window.is_none() => {
                    self.write_one(due).await?;
                    due += self.gap();
                }
            }
        }
    }

    fn gap(&self) -> Duration {
        match self.pace {
            Pace::Window(_) => Duration::ZERO,
            Pace::PerSecond(edits) => Duration::from_secs_f64(1.0 / edits),
        }
    }

    /// Spreads the writers over the time between two edits, so that they do not tick together.
    fn first_due(&self) -> Instant {
        let fraction = (crate::document::random() % 1024) as f64 / 1024.0;
        Instant::now() + self.gap().mul_f64(fraction)
    }

    /// Takes this message and all that have arrived behind it, then answers with one flush.
    async fn take(&mut self, message: Bytes, known: &mut [u32]) -> anyhow::Result<()> {
        let (mut out, mut arrivals) = (Vec::new(), Arrivals::new());
        let mut next = Some(message);
        while let Some(message) = next {
            self.totals.count(|counts| {
                counts.frames += 1;
                counts.bytes += message.len() as u64;
            });
            self.peer.receive(&message, &mut out, &mut arrivals)?;
            next = try_next_binary(&mut self.socket)?;
        }
        for (writer, end) in arrivals {
            let Some(first) = known.get_mut(writer as usize) else { continue };
            if self.is_watching && Some(writer) != self.writer && *first < end {
                self.ledger.arrive(writer, *first, end, &self.totals);
                *first = end;
            }
        }
        send_all(&mut self.socket, &mut out).await
    }

    /// Sends an edit for the permit that the caller holds, and for those that are free besides.
    async fn write_into_window(&mut self) -> anyhow::Result<()> {
        let writer = self.writer.context("a reader does not write")?;
        let window = self.ledger.window(writer).context("the pace has no window")?;
        let mut edits = 1;
        while edits < BATCH_EDITS_MAX
            && let Ok(permit) = window.try_acquire()
        {
            permit.forget();
            edits += 1;
        }
        let mut out = Vec::new();
        for _ in 0..edits {
            // Latency counts from before the edit is made, as a user would.
            let number = self.ledger.send(writer, Instant::now());
            out.push(self.peer.edit(number)?);
        }
        self.totals.count(|counts| counts.sent += u64::from(edits));
        send_all(&mut self.socket, &mut out).await
    }

    /// Sends the edit that was due at `due`; latency counts from then, so a stalled loop is not hidden.
    async fn write_one(&mut self, due: Instant) -> anyhow::Result<()> {
        let writer = self.writer.context("a reader does not write")?;
        let number = self.ledger.send(writer, due);
        let mut out = vec![self.peer.edit(number)?];
        self.totals.count(|counts| counts.sent += 1);
        send_all(&mut self.socket, &mut out).await
    }
}

async fn acquire(
    window: Option<&tokio::sync::Semaphore>,
) -> anyhow::Result<tokio::sync::SemaphorePermit<'_>> {
    Ok(window.context("the pace has no window")?.acquire().await?)
}
