//! Which conflicts are open is a function of the documents' histories, so records that are lost or wrong can be made anew.

use super::{ConflictRecords, Occasion};
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_document::{Document, OpenError, RegisterName, SavedChange};
use tiebreak_protocol::{ConflictState, DocumentId};
use tiebreak_storage::{StorageError, StoredDocument};
use tiebreak_sync::room::{Closed, ConflictChange, Disagreement, Flagging, OpenConflict};

/// What was wrong with the records of a document, and is right now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rebuilt {
    /// Open in the history, and not recorded so.
    pub(crate) opened: usize,
    /// Recorded otherwise than they are.
    pub(crate) changed: usize,
    /// Recorded as open, and over in the history.
    pub(crate) closed: usize,
}

impl Rebuilt {
    pub(crate) const fn add(&mut self, other: Self) {
        self.opened += other.opened;
        self.changed += other.changed;
        self.closed += other.closed;
    }
}

/// Why the records of a document stay as they are.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RebuildError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Document(#[from] OpenError),
}

impl ConflictRecords {
    /// Makes the open records of a document what its history says, up to `most` of them.
    pub(crate) async fn rebuild(
        &self,
        document: DocumentId,
        stored: StoredDocument,
        (flagging, most): (&Flagging, usize),
        now_ms: i64,
    ) -> Result<Rebuilt, RebuildError> {
        let recorded: BTreeMap<RegisterName, OpenConflict> =
            self.open_of(document).await?.into_iter().collect();
        let open = open(document, stored, (flagging, most))?;
        let mut rebuilt = Rebuilt::default();
        let registers: BTreeSet<_> = open.iter().map(|open| &open.conflict.register).collect();
        let over = recorded.iter().filter(|(register, _)| !registers.contains(register));
        let mut changes: Vec<_> = over.map(|(_, over)| overtaken(*over)).collect();
        rebuilt.closed = changes.len();
        for disagreement in open {
            let conflict = &disagreement.conflict;
            let now = OpenConflict { id: conflict.id, state: conflict.digest() };
            match recorded.get(&conflict.register) {
                Some(same) if *same == now => continue,
                Some(before) if before.id == now.id => rebuilt.changed += 1,
                Some(before) => {
                    changes.push(overtaken(*before));
                    (rebuilt.closed, rebuilt.opened) = (rebuilt.closed + 1, rebuilt.opened + 1);
                }
                None => rebuilt.opened += 1,
            }
            changes.push(ConflictChange::Open(Box::new(disagreement)));
        }
        self.record(Occasion { document, changes: &BTreeSet::new(), now_ms }, changes).await?;
        Ok(rebuilt)
    }
}

/// What the history of a document says is open.
fn open(
    document: DocumentId,
    stored: StoredDocument,
    (flagging, most): (&Flagging, usize),
) -> Result<Vec<Disagreement>, OpenError> {
    if stored.deleted {
        return Ok(Vec::new());
    }
    let saved = stored.changes.into_iter().map(|row| SavedChange { hash: row.hash, bytes: row.bytes });
    let mut read = Document::from_stored(stored.snapshot, saved.collect(), stored.heads);
    let Some(flags) = flagging.of(&mut read)? else { return Ok(Vec::new()) };
    let conflicts = read.conflicts(document, &flags)?.into_iter().take(most);
    let account_of = |actor: &_| stored.actors.get(actor).copied();
    Ok(conflicts.map(|conflict| Disagreement::of(conflict, &flags, account_of)).collect())
}

fn overtaken(before: OpenConflict) -> ConflictChange {
    ConflictChange::Closed(Box::new(Closed {
        id: before.id,
        state: ConflictState::Overtaken,
        by: None,
        account: None,
        rule: None,
        wider: None,
    }))
}
