//! The client's owner of one document: a room with one member, the server, and what that has said to have.
//!
//! The protocol is the same in both directions, and so is the danger: what a server sends passes the same
//! gatekeeper, is stored before anybody sees it, and takes the same part of memory as what clients send.

mod standing;

pub use standing::{Progress, Standing};

use crate::room::{self, Condition, Notice, PeerInfo, Received, Room, Ticket};
use crate::{Moment, SessionId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::{Author, CheckedChange, Document, Have, SyncMessage, TransactError, Transaction};
use tiebreak_protocol::{ChangeHash, DocumentId, Heads, Limits, Refusal};

/// Word from the server about one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The connection that it came by. What comes by one that is gone counts no more: the server may have lost
    /// what it said to have.
    pub from: SessionId,
    pub said: Said,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A sync message whose changes have passed the gatekeeper.
    Sync(Box<Received>),
    /// A change that did not pass it.
    Unfit(Refusal),
    /// The server has no such document.
    Unavailable,
    /// Everything up to these heads survives a crash of the server.
    Durable(Heads),
    /// Behind the message that names these heads there is more to come.
    More(Heads),
    /// A change of ours was not taken.
    Refused { change: Option<ChangeHash>, code: String, detail: String },
}

impl Word {
    /// Bytes that the changes in it unfold to.
    pub fn weight(&self) -> u64 {
        match &self.said {
            Said::Sync(received) => received.changes.iter().map(CheckedChange::weight).sum(),
            Said::Unfit(_) | Said::Unavailable | Said::Durable(_) | Said::More(_) | Said::Refused { .. } => 0,
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// For the room: answers to its effects, deadlines, deletion.
    Room(room::Input),
    /// What the last connection left to be remembered, before there is another.
    Recalled(Heads),
    /// There is a connection: speak to the server.
    Greet(Arc<PeerInfo>),
    Word(Word),
    /// The connection is gone, or the server was told that we want to hear no more.
    Silence,
    /// The store did not answer: read the document again.
    Reread,
}

/// What the driver must do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Something that the room wants done; [`room::Effect::Tell`] is word to the server.
    Room(room::Effect),
    /// The document holds these heads, durably: whoever watches it may look.
    Changed(Heads),
    /// The document stands otherwise with the server.
    Stands(Standing),
    /// Keep for later connections: the server has said that it has everything up to these heads.
    Remember(Heads),
    /// A change was refused: one of ours by the server, or one of the server's by us.
    Refused(RefusedChange),
    /// What the server sent could not be stored; it is not spoken to until it is greeted again.
    Stalled(Refusal),
}

/// A change that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedChange {
    pub by: RefusedBy,
    /// `None` when it could not even be read.
    pub change: Option<ChangeHash>,
    /// Stable: see [`Refusal::code`].
    pub code: String,
    /// A sentence for a person.
    pub detail: String,
}

impl std::fmt::Display for RefusedChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let who = match self.by {
            RefusedBy::Server => "the server did not take a change of this device",
            RefusedBy::Device => "a change that the server sent was not taken",
        };
        write!(f, "{who}: {} ({})", self.detail, self.code)
    }
}

/// Who refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedBy {
    /// The server does not take a change of this device. It stays here, and counts as pending.
    Server,
    /// This device does not take a change that the server sent.
    Device,
}

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
    /// The heads, and the confirmed ones, that pending changes were counted between.
    counted: Option<(Heads, BTreeSet<ChangeHash>)>,
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

/// Parts that are announced and not taken in yet.
const PARTS_MAX: usize = 16;

/// Heads that the server confirmed one after the other; with more, only the last count, and what they do not
/// cover counts as pending until they do.
const CONFIRMED_MAX: usize = 64;

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
            counted: None,
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
                let shared = self.confirmed.iter().copied().collect();
                self.step(&mut effects, |room| room.handle(now, room::Input::Greet { peer, shared }));
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

    fn hear(&mut self, now: Moment, word: Word, effects: &mut Vec<Effect>) {
        let Some(upstream) = self.upstream.as_mut().filter(|upstream| upstream.session() == word.from) else {
            return;
        };
        match word.said {
            Said::Sync(received) => {
                upstream.has = Has::It;
                self.step(effects, |room| room.handle(now, room::Input::Received(received)));
            }
            Said::Unavailable => self.hear_of_nothing(now, effects),
            Said::Durable(heads) => {
                self.confirm(&heads);
                self.step(effects, |_room| Vec::new());
            }
            Said::More(heads) => {
                // A server sends the next part when it has heard of the last.
                if upstream.parts.len() < PARTS_MAX {
                    upstream.parts.push(heads);
                }
            }
            Said::Refused { change, code, detail } => {
                if code == Refusal::DocumentDeleted.code() {
                    upstream.has = Has::Tombstone;
                }
                if code == Refusal::TooManyDocuments.code() {
                    // It was not heard at all; there may be a place for it later.
                    self.upstream = None;
                    self.step(effects, |_room| Vec::new());
                    effects.push(Effect::Stalled(Refusal::TooManyDocuments));
                }
                effects.push(Effect::Refused(RefusedChange { by: RefusedBy::Server, change, code, detail }));
            }
            Said::Unfit(refusal) => effects.push(refused_here(None, refusal)),
        }
    }

    fn confirm(&mut self, heads: &Heads) {
        let Some(document) = self.room.document_mut() else { return };
        if self.confirmed.len() > CONFIRMED_MAX {
            self.confirmed.clear();
        }
        self.confirmed.extend(heads.iter().filter(|hash| document.has(hash)));
    }

    /// To have nothing is to say that one has nothing: so the room answers with all that is here. Once: a server
    /// that says so again does not take it.
    fn hear_of_nothing(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.confirmed.clear();
        effects.push(Effect::Remember(Heads::default()));
        let Some(upstream) = self.upstream.as_mut().filter(|upstream| upstream.has == Has::It) else {
            return self.step(effects, |_room| Vec::new());
        };
        upstream.has = Has::Nothing;
        let message = SyncMessage { have: vec![Have::everything_up_to(&[])], ..SyncMessage::default() };
        let received = Received { from: Arc::clone(&upstream.info), message, changes: Vec::new() };
        self.step(effects, |room| room.handle(now, room::Input::Received(Box::new(received))));
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
            self.count_pending();
        }
        let standing =
            Standing { pending_changes: self.pending_changes, progress: self.progress() }.with_uploads();
        // Before the document was read nobody knows what is pending; what was known of it stays.
        if self.counted.is_some() && standing != self.standing {
            self.standing = standing;
            effects.push(Effect::Stands(standing));
        }
        // Behind what the step changed: whoever is answered finds the standing true.
        for effect in done {
            match effect {
                room::Effect::Tell { notice: Notice::Refused { change, refusal }, .. } => {
                    effects.push(refused_here(change, refusal));
                }
                room::Effect::Tell { notice: Notice::Close(refusal), .. } => {
                    // Whoever has greeted the server anew since goes on.
                    if stalls {
                        effects.push(Effect::Stalled(refusal));
                    }
                }
                effect @ (room::Effect::Load
                | room::Effect::Append { .. }
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

    /// A server tells of nothing that it does not have on disk, so the heads it names are confirmed. Those that
    /// it named on an earlier connection count until its first word on this one: it may have lost them since.
    fn note_what_was_said(&mut self, effects: &mut Vec<Effect>) {
        let Some(upstream) = &mut self.upstream else { return };
        let Some(said) = self.room.said_by(upstream.session()) else { return };
        if upstream.said.as_ref() == Some(&said) {
            return;
        }
        if upstream.said.is_none() || self.confirmed.len() > CONFIRMED_MAX {
            self.confirmed.clear();
        }
        let Some(document) = self.room.document_mut() else { return };
        if said == *document.heads() {
            self.confirmed.clear();
        }
        self.confirmed.extend(said.iter().filter(|hash| document.has(hash)));
        upstream.parts.retain(|part| Some(part) != upstream.said.as_ref());
        upstream.said = Some(said);
        effects.push(Effect::Remember(self.confirmed.iter().copied().collect()));
    }

    /// What cannot be looked into keeps the count that it had.
    fn count_pending(&mut self) {
        let counted = (self.room.heads().clone(), self.confirmed.clone());
        if self.counted.as_ref() == Some(&counted) {
            return;
        }
        let (heads, confirmed) = &counted;
        let is_all_confirmed = heads.iter().all(|head| confirmed.contains(head));
        let frontier: Vec<_> = confirmed.iter().copied().collect();
        self.pending_changes = match self.room.document_mut() {
            Some(document) if !is_all_confirmed => {
                // A document that does not open has at least the changes that make up its heads.
                document.pending(&frontier).unwrap_or(heads.len())
            }
            Some(_) | None => 0,
        };
        self.counted = Some(counted);
    }

    fn progress(&self) -> Progress {
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

fn refused_here(change: Option<ChangeHash>, refusal: Refusal) -> Effect {
    let (code, detail) = (refusal.code().to_owned(), refusal.to_string());
    Effect::Refused(RefusedChange { by: RefusedBy::Device, change, code, detail })
}

#[cfg(test)]
mod tests;
