//! Who changed what, and when, read from the document's own history.

mod touched;

pub use touched::{Made, Touch, TouchAction};

use crate::engine::{Engine, library_hash, our_hash};
use crate::{Document, OpenError};
use automerge::{ChangeMetadata, ReadDoc};
use tiebreak_protocol::ChangeHash;
use touched::Touches;

/// Operations looked at for one page. Changes beyond it are listed without what they touched, so that a
/// page costs about the same whatever is in it.
const OPERATIONS_PER_PAGE_MAX: u64 = 50_000;

/// One change, as a person wants to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    pub hash: ChangeHash,
    /// The actor id in hexadecimal digits: one per device and session.
    pub actor: String,
    pub seq: u64,
    /// Seconds since the Unix epoch as the author's device claimed; 0 when it did not say.
    pub time_s: i64,
    /// The author's commit message.
    pub message: Option<String>,
    pub deps: Vec<ChangeHash>,
    pub operations: u64,
    /// What the change did, in its own order.
    pub touched: Vec<Touch>,
    /// Operations that `touched` leaves out, because there are too many.
    pub operations_left_out: u64,
}

impl Document {
    /// The changes from newest to oldest, `limit` of them after the first `skip`, and how many there are in all.
    ///
    /// # Errors
    /// When the document does not open.
    pub fn history(&mut self, skip: usize, limit: usize) -> Result<(Vec<HistoryEntry>, usize), OpenError> {
        self.opened()?.read(|engine| {
            let changes = engine.automerge.get_changes_meta(&[]);
            let mut operations_left = OPERATIONS_PER_PAGE_MAX;
            let page = changes.iter().rev().skip(skip).take(limit);
            (page.map(|meta| entry(engine, meta, &mut operations_left)).collect(), changes.len())
        })
    }
}

fn entry(engine: &Engine, meta: &ChangeMetadata<'_>, operations_left: &mut u64) -> HistoryEntry {
    let hash = our_hash(meta.hash);
    let operations = (meta.max_op + 1).saturating_sub(meta.start_op);
    let touches = match operations_left.checked_sub(operations) {
        Some(left) => {
            *operations_left = left;
            touches(engine, hash).unwrap_or_default()
        }
        None => Touches::default(),
    };
    let (touched, operations_shown) = touches.finish();
    HistoryEntry {
        hash,
        actor: meta.actor.to_hex_string(),
        seq: meta.seq,
        time_s: meta.timestamp,
        message: meta.message.as_ref().map(|message| message.clone().into_owned()),
        deps: meta.deps.iter().map(|dep| our_hash(*dep)).collect(),
        operations,
        touched,
        operations_left_out: operations.saturating_sub(operations_shown),
    }
}

fn touches(engine: &Engine, hash: ChangeHash) -> Option<Touches> {
    let change = engine.automerge.get_change_by_hash(&library_hash(hash))?;
    Touches::read(engine, change.raw_bytes())
}

#[cfg(test)]
mod tests;
