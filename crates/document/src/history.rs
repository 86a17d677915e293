//! Who changed what, and when, read from the document's own history.

use crate::{Document, OpenError};
use tiebreak_protocol::ChangeHash;

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
}

impl Document {
    /// The changes from newest to oldest, `limit` of them after the first `skip`, and how many there are in all.
    ///
    /// # Errors
    /// When the document does not open.
    pub fn history(&mut self, skip: usize, limit: usize) -> Result<(Vec<HistoryEntry>, usize), OpenError> {
        self.open()?;
        let Some(engine) = self.engine() else { return Ok((Vec::new(), 0)) };
        let changes = engine.automerge.get_changes_meta(&[]);
        let page = changes.iter().rev().skip(skip).take(limit).map(|meta| HistoryEntry {
            hash: ChangeHash(meta.hash.0),
            actor: meta.actor.to_hex_string(),
            seq: meta.seq,
            time_s: meta.timestamp,
            message: meta.message.as_ref().map(|message| message.clone().into_owned()),
            deps: meta.deps.iter().map(|dep| ChangeHash(dep.0)).collect(),
            operations: (meta.max_op + 1).saturating_sub(meta.start_op),
        });
        Ok((page.collect(), changes.len()))
    }
}
