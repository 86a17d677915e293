//! The client's owner of one document: a room with one member, the server, and what that has said to have.
//!
//! The protocol is the same in both directions, and so is the danger: what a server sends passes the same
//! gatekeeper, is stored before anybody sees it, and takes the same part of memory as what clients send.

mod account;
mod hearing;
mod refusals;
mod standing;
mod vocabulary;

pub use standing::{Obstacle, Progress, Standing};
pub use vocabulary::{Effect, Input, RefusedBy, RefusedChange, Said, Word};

use crate::access::Access;
use crate::room::{self, Condition, Notice, PeerInfo, Refused, Room, Ticket};
use crate::{Moment, SessionId};
use account::Basis;
use refusals::Refusals;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::{Author, Document, TransactError, Transaction};
use tiebreak_protocol::{ChangeHash, DocumentId, Heads, Limits, Refusal};

/// One document on a client.
#[derive(Debug)]
pub struct Replica {
    room: Room,
    upstream: Option<Upstream>,
    /// The server has said, on this connection or the last one, that it has everything up to these.
    confirmed: BTreeSet<ChangeHash>,
    /// The heads that watchers know of.
    shown: Heads,
    standing: Standing,
    pending_changes: usize,
    /// Why none of them will get to the server, if that is known.
    obstacle: Option<Obstacle>,
    /// What that was counted from.
    counted: Option<Basis>,
    /// What was refused since the server was last greeted; it holds when the connection has gone, until then.
    refusals: Refusals,
}

/// The server, on one connection.
#[derive(Debug)]
struct Upstream {
    info: Arc<PeerInfo>,
    /// What it said last, as far as that is taken in; `None` before its first word.
    said: Option<Heads>,
    /// The heads of parts behind which more follows; not those of parts that were left behind.
    parts: Vec<Heads>,
    has: Has,
}

/// Whether the server has the document, as far as it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Has {
    /// It did not say otherwise.
    It,
    /// It has no such document (yet).
    Nothing,
    /// It was deleted there for good.
    Tombstone,
}

impl Upstream {
    fn session(&self) -> SessionId {
        self.info.session
    }
}

impl Replica {
    /// A replica to be read first: perform the effects.
    pub fn open(document: DocumentId, limits: Arc<Limits>, now: Moment) -> (Self, Vec<Effect>) {
        let (room, effects) = Room::open(document, limits, now);
        let replica = Self {
            room,
            upstream: None,
            confirmed: BTreeSet::new(),
            shown: Heads::default(),
            standing: Standing::default(),
            pending_changes: 0,
            obstacle: None,
            counted: None,
            refusals: Refusals::default(),
        };
        (replica, effects.into_iter().map(Effect::Room).collect())
    }

    pub fn document_id(&self) -> DocumentId {
        self.room.document_id()
    }

    /// Where the document stands with the server, as far as it was told: nothing is before the document was read.
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// The connection on which it takes part, if any.
    pub fn session(&self) -> Option<SessionId> {
        self.upstream.as_ref().map(Upstream::session)
    }

    /// See [`Room::has_queued`].
    pub fn has_queued(&self) -> bool {
        self.room.has_queued()
    }

    /// What can be done with the document now.
    pub fn condition(&self) -> Condition {
        self.room.condition()
    }

    /// The durable heads; empty: there is no document here (yet).
    pub const fn heads(&self) -> &Heads {
        &self.shown
    }

    /// See [`Room::is_turn_due`].
    pub fn is_turn_due(&self) -> bool {
        self.room.is_turn_due()
    }

    /// See [`Room::has_space`].
    pub fn has_space(&self) -> bool {
        self.room.has_space()
    }

    /// See [`Room::stored_bytes`].
    pub fn stored_bytes(&self) -> u64 {
        self.room.stored_bytes()
    }

    /// See [`Room::is_document_open`].
    pub fn is_document_open(&self) -> bool {
        self.room.is_document_open()
    }

    /// See [`Room::deadline`].
    pub fn deadline(&self) -> Option<Duration> {
        self.room.deadline()
    }

    /// Looks into the document; `None` while it is being read, and when it was deleted or is unreadable.
    pub fn read<T>(&mut self, look: impl FnOnce(&mut Document) -> T) -> Option<T> {
        self.room.document_mut().map(look)
    }

    /// Takes one input and answers what the driver must do. Words wait for the next turn.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Room(input) => self.step(&mut effects, |room| room.handle(now, input)),
            Input::Recalled(heads) => {
                self.confirmed.extend(heads.iter());
                self.step(&mut effects, |_room| Vec::new());
            }
            Input::Greet(peer) => {
                self.upstream =
                    Some(Upstream { info: Arc::clone(&peer), said: None, parts: Vec::new(), has: Has::It });
                self.refusals = Refusals::default();
                let shared = self.confirmed.iter().copied().collect();
                let greet = room::Input::Greet { peer, access: Access::Writes, shared };
                self.step(&mut effects, |room| room.handle(now, greet));
            }
            Input::Word(word) => self.hear(now, word, &mut effects),
            Input::Silence => {
                if let Some(upstream) = self.upstream.take() {
                    let left = room::Input::Left(upstream.session());
                    self.step(&mut effects, |room| room.handle(now, left));
                }
            }
            Input::Reread => self.step(&mut effects, Room::reread),
        }
        effects
    }

    /// See [`Room::take_turn`].
    pub fn take_turn(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.step(&mut effects, |room| room.take_turn(now));
        effects
    }

    /// See [`Room::edit`].
    ///
    /// # Errors
    /// When the edit fails, or makes a change that nobody would take.
    ///
    /// # Panics
    /// When the document is not [ready](Condition::Ready).
    pub fn edit<T, E>(
        &mut self,
        now: Moment,
        ticket: Ticket,
        author: &Author<'_>,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<(T, Vec<Effect>), TransactError<E>> {
        let (value, made) = self.room.edit(now, ticket, author, edit)?;
        let mut effects = Vec::new();
        self.step(&mut effects, |_room| made);
        Ok((value, effects))
    }

    /// Lets the room do something, and looks at what has become of the document.
    fn step(&mut self, effects: &mut Vec<Effect>, work: impl FnOnce(&mut Room) -> Vec<room::Effect>) {
        let done = work(&mut self.room);
        let stalls = done.iter().any(|effect| self.is_farewell(effect));
        if stalls {
            self.upstream = None;
        }
        // While something is being stored the document is ahead of what may be shown.
        if matches!(self.condition(), Condition::Ready | Condition::Deleted) {
            self.note_what_was_said(effects);
            let heads = self.room.heads().clone();
            if heads != self.shown {
                self.shown = heads.clone();
                effects.push(Effect::Changed(heads));
            }
        }
        self.count_pending();
        let (pending_changes, progress, obstacle) = (self.pending_changes, self.progress(), self.obstacle);
        let standing = Standing { pending_changes, progress, obstacle }.with_uploads();
        // Before the document was read nobody knows what is pending; what was known of it stays.
        if self.counted.is_some() && standing != self.standing {
            self.standing = standing;
            effects.push(Effect::Stands(standing));
        }
        // Behind what the step changed: whoever is answered finds the standing true.
        for effect in done {
            match effect {
                room::Effect::Tell { notice: Notice::Refused(refused), .. } => {
                    effects.push(refused_here(refused));
                }
                room::Effect::Tell { notice: Notice::Close(refusal), .. } => {
                    // Whoever has greeted the server anew since goes on, and who was deleted has nothing to go on with.
                    if stalls && refusal != Refusal::DocumentDeleted {
                        effects.push(Effect::Stalled(refusal));
                    }
                }
                effect @ (room::Effect::Load
                | room::Effect::Append { .. }
                | room::Effect::Record { .. }
                | room::Effect::Unreviewed(_)
                | room::Effect::Tell { .. }
                | room::Effect::Quarantine { .. }
                | room::Effect::Compact
                | room::Effect::Recall { .. }
                | room::Effect::Remember { .. }
                | room::Effect::Delete
                | room::Effect::Answer { .. }
                | room::Effect::Refused(_)
                | room::Effect::Broken(_)
                | room::Effect::Done) => effects.push(Effect::Room(effect)),
            }
        }
    }

    /// Whether the room will have nothing more to do with the server on this connection.
    fn is_farewell(&self, effect: &room::Effect) -> bool {
        let session = self.upstream.as_ref().map(Upstream::session);
        matches!(effect, room::Effect::Tell { to, notice: Notice::Close(_) } if Some(*to) == session)
    }

    fn progress(&self) -> Progress {
        if matches!(self.condition(), Condition::Deleted | Condition::Broken) {
            return Progress::Over;
        }
        let Some(upstream) = &self.upstream else { return Progress::Detached };
        let has_content = !self.room.heads().is_empty();
        if upstream.has == Has::Tombstone || (upstream.has == Has::Nothing && !has_content) {
            Progress::Unavailable
        } else if upstream.said.is_none() {
            Progress::Asking
        } else if self.room.is_behind(upstream.session())
            || upstream.parts.iter().any(|part| Some(part) == upstream.said.as_ref())
        {
            Progress::Downloading
        } else {
            Progress::InStep
        }
    }
}

fn refused_here(refused: Refused) -> Effect {
    let Refused { change, refusal, path } = refused;
    let (code, detail) = (refusal.code().to_owned(), refusal.to_string());
    Effect::Refused(RefusedChange { by: RefusedBy::Device, change, code, detail, path })
}

#[cfg(test)]
mod tests;
