//! The server: real sessions and rooms, a disk that keeps what it acknowledged, and a driver in between.

use super::disk::Disk;
use crate::dice::Dice;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tiebreak_document::SavedChange;
use tiebreak_protocol::{ChangeHash, DocumentId, Heads, Limits, Refusal, StorageId};
use tiebreak_sync::access::Admission;
use tiebreak_sync::room::{Effect, Input};
use tiebreak_sync::session::{self, ServerIdentity};
use tiebreak_sync::{Moment, Room, Session, SessionId};

/// Something that the disk is doing.
#[derive(Debug)]
enum Work {
    Load,
    Append { changes: Vec<SavedChange>, heads: Heads },
    Recall { session: SessionId, storage: StorageId },
    Compact,
}

#[derive(Debug)]
pub(super) struct Server {
    disk: Disk,
    backup: Disk,
    identity: Arc<ServerIdentity>,
    limits: Arc<Limits>,
    sessions: BTreeMap<u64, Session>,
    rooms: BTreeMap<DocumentId, Room>,
    work: VecDeque<(DocumentId, Work)>,
    /// For a connection: bytes, or `None` for "closed by the server".
    sent: Vec<(u64, Option<Bytes>)>,
}

impl Server {
    pub(super) fn new() -> Self {
        let identity = ServerIdentity {
            peer: "server".parse().expect("a good name"),
            storage: "server-storage".parse().expect("a good name"),
        };
        let limits =
            Limits { room_inbox_messages_max: 1 << 20, snapshot_changes_min: 20, ..Limits::default() };
        Self {
            disk: Disk::default(),
            backup: Disk::default(),
            identity: Arc::new(identity),
            limits: Arc::new(limits),
            sessions: BTreeMap::new(),
            rooms: BTreeMap::new(),
            work: VecDeque::new(),
            sent: Vec::new(),
        }
    }

    pub(super) fn accept(&mut self, connection: u64, now: Moment) {
        let session = Session::new(
            SessionId(connection),
            Arc::clone(&self.identity),
            Arc::clone(&self.limits),
            Admission::Open,
            now,
        );
        self.sessions.insert(connection, session);
    }

    pub(super) fn receive(&mut self, connection: u64, bytes: Bytes, now: Moment) {
        self.run_session(connection, session::Input::Binary(bytes), now);
    }

    /// The connection has ended.
    pub(super) fn lose(&mut self, connection: u64, now: Moment) {
        let Some(session) = self.sessions.remove(&connection) else { return };
        for document in session.documents() {
            self.run_room(document, Input::Left(SessionId(connection)), now);
        }
    }

    fn run_session(&mut self, connection: u64, input: session::Input, now: Moment) {
        let Some(session) = self.sessions.get_mut(&connection) else { return };
        for effect in session.handle(now, input) {
            match effect {
                session::Effect::Send(bytes) => self.sent.push((connection, Some(bytes))),
                session::Effect::ToRoom { document, input } => self.run_room(document, input, now),
                session::Effect::Close(_) | session::Effect::Hangup => self.sent.push((connection, None)),
                session::Effect::Refused(refusal) => {
                    assert!(refusal != Refusal::MalformedMessage, "a device wrote nothing malformed");
                }
                session::Effect::Authenticate(_) | session::Effect::Authorize(_) => {
                    panic!("nobody is asked who it is")
                }
                session::Effect::Pause(_) => {}
            }
        }
    }

    fn run_room(&mut self, document: DocumentId, input: Input, now: Moment) {
        if !self.rooms.contains_key(&document) {
            let (room, effects) = Room::open(document, Arc::clone(&self.limits), now);
            self.rooms.insert(document, room);
            self.perform(document, effects, now);
        }
        let Some(room) = self.rooms.get_mut(&document) else { return };
        let mut effects = room.handle(now, input);
        while room.is_turn_due() {
            effects.extend(room.take_turn(now));
        }
        self.perform(document, effects, now);
    }

    fn perform(&mut self, document: DocumentId, effects: Vec<Effect>, now: Moment) {
        for effect in effects {
            match effect {
                Effect::Load => self.work.push_back((document, Work::Load)),
                Effect::Append { changes, heads, .. } => {
                    self.work.push_back((document, Work::Append { changes, heads }))
                }
                Effect::Recall { session, storage } => {
                    self.work.push_back((document, Work::Recall { session, storage }));
                }
                Effect::Compact => self.work.push_back((document, Work::Compact)),
                Effect::Tell { to, notice } => {
                    self.run_session(to.0, session::Input::FromRoom { document, notice }, now);
                }
                Effect::Remember { storage, heads } => {
                    self.disk.remember(storage, document, heads);
                }
                Effect::Done => {
                    self.rooms.remove(&document);
                }
                Effect::Refused(refusal) => {
                    assert!(
                        matches!(refusal, Refusal::MissingDependencies),
                        "an honest change was refused: {refusal}"
                    );
                }
                Effect::Quarantine { reason, .. } => panic!("an honest change was quarantined: {reason}"),
                Effect::Broken(reason) => panic!("a stored document broke: {reason}"),
                Effect::Record { .. } | Effect::Unreviewed(_) => panic!("nobody looks for disagreements"),
                Effect::Delete | Effect::Answer { .. } => panic!("nobody asked for this"),
            }
        }
    }

    /// Finishes one piece of work, not necessarily the oldest: documents do not wait for one another.
    /// Answers whether there was any.
    pub(super) fn finish_work(&mut self, now: Moment, dice: &mut Dice, failed_write: u64) -> bool {
        if self.work.is_empty() {
            return false;
        }
        let which = dice.below(self.work.len() as u64) as usize;
        let Some((document, work)) = self.work.remove(which) else { return false };
        let input = match work {
            Work::Load => Input::Loaded(Ok(self.disk.load(document))),
            Work::Append { .. } if failed_write > 0 && dice.one_in(failed_write) => {
                Input::Appended(Err(Refusal::StorageFull))
            }
            Work::Append { changes, heads } => {
                Input::Appended(Ok(self.disk.append(document, changes, heads)))
            }
            Work::Recall { session, storage } => {
                Input::Recalled { session, heads: self.disk.shared_heads(&storage, document) }
            }
            Work::Compact => Input::Compacted(self.disk.compact(document)),
        };
        self.run_room(document, input, now);
        true
    }

    pub(super) fn pass_deadlines(&mut self, now: Moment) {
        let due = |deadline: Option<_>| deadline.is_some_and(|deadline| deadline <= now.elapsed);
        let rooms: Vec<_> =
            self.rooms.iter().filter(|(_, room)| due(room.deadline())).map(|(id, _)| *id).collect();
        for document in rooms {
            self.run_room(document, Input::DeadlinePassed, now);
        }
        let late: Vec<_> =
            self.sessions.iter().filter(|(_, session)| due(session.deadline())).map(|(id, _)| *id).collect();
        for connection in late {
            self.run_session(connection, session::Input::DeadlinePassed, now);
        }
    }

    /// The process dies. A write under way may or may not have reached the disk.
    pub(super) fn kill(&mut self, dice: &mut Dice) {
        for (document, work) in std::mem::take(&mut self.work) {
            if let Work::Append { changes, heads } = work
                && dice.one_in(2)
            {
                self.disk.append(document, changes, heads);
            }
        }
        self.sessions.clear();
        self.rooms.clear();
        self.sent.clear();
    }

    pub(super) fn back_up(&mut self) {
        self.backup = self.disk.clone();
    }

    /// The disk is as it was at the last backup, or empty if there was none.
    pub(super) fn restore(&mut self) {
        self.disk = self.backup.clone();
    }

    pub(super) fn take_sent(&mut self) -> Vec<(u64, Option<Bytes>)> {
        std::mem::take(&mut self.sent)
    }

    /// Every change that is on the disk.
    pub(super) fn durable_hashes(&self, document: DocumentId) -> &BTreeSet<ChangeHash> {
        self.disk.hashes(document)
    }

    pub(super) fn heads(&self, document: DocumentId) -> Heads {
        self.disk.heads(document)
    }
}
