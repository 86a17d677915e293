//! By what a turn's changes are judged.

use super::Room;
use super::turn::Turn;
use tiebreak_document::{Admitted, CheckedChange, OpenError, WriteRules, Writer};

impl Room {
    /// Judges what the turn brings, by the kind of the document too, where kinds are known.
    pub(super) fn judge(&mut self, changes: Vec<CheckedChange>, turn: &Turn) -> Result<Admitted, OpenError> {
        let Some(kinds) = self.kinds().cloned() else { return self.document.admit(changes, &self.limits) };
        let Self { members, document, limits, .. } = self;
        let writer = |change: &CheckedChange| {
            let hash = change.hash();
            let member = turn.author_of(&hash).and_then(|author| members.get(&author));
            let submitted = turn.submitter_by_change.get(&hash).map(|by| by.writer);
            submitted.or_else(|| member.map(|member| member.access.writer())).unwrap_or(Writer::Editor)
        };
        document.admit_as(changes, limits, &WriteRules { kinds: &kinds, writer: &writer })
    }
}
