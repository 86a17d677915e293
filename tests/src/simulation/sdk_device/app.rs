//! The app's process, from its start to its death: the hub around the link and the roster, and the open documents.

use super::super::network::Parcel;
use super::Wish;
use super::jobs::Work;
use super::open_document::{self, OpenDocument, Stage};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tiebreak_protocol::{ChangeHash, DocumentId, Limits, StorageId};
use tiebreak_sync::Moment;
use tiebreak_sync::link::{ConnectionState, Effect, Input, Link};
use tiebreak_sync::replica::{self, Progress, Standing};
use tiebreak_sync::room::{self, Notice, PeerInfo};
use tiebreak_sync::roster::{Action, Roster};

/// How long a document that could not go on is left alone.
const STALL_TIME: Duration = Duration::from_secs(10);
/// Edits that wait for a document to be ready.
const EDITS_WANTED_MAX: usize = 3;

/// What is new about one document, for the hub.
#[derive(Debug, Default)]
pub(super) struct Note {
    is_in_use: Option<bool>,
    standing: Option<Standing>,
    is_stalled: bool,
}

#[derive(Debug)]
pub(super) struct App {
    pub(super) actor: Vec<u8>,
    pub(super) server: StorageId,
    pub(super) limits: Arc<Limits>,
    pub(super) link: Link,
    pub(super) roster: Roster,
    pub(super) open: BTreeMap<DocumentId, OpenDocument>,
    pub(super) peer: Option<Arc<PeerInfo>>,
    pub(super) sessions: u64,
    /// What the app shows of each document.
    pub(super) board: BTreeMap<DocumentId, Standing>,
    /// Documents that the app has open.
    pub(super) held: BTreeSet<DocumentId>,
    pub(super) notes: BTreeMap<DocumentId, Note>,
    /// Messages of documents that wait for the connection.
    pub(super) tells: VecDeque<(DocumentId, Notice)>,
    pub(super) work: VecDeque<(DocumentId, Work)>,
    pub(super) awaits_token: bool,
    pub(super) retry_at: Option<Duration>,
    pub(super) wishes: Vec<Wish>,
    pub(super) answered: Vec<(DocumentId, ChangeHash)>,
    pub(super) next_ticket: u64,
}

impl App {
    /// Gives the link an input and does what it wants, as the client's hub does.
    pub(super) fn feed(&mut self, now: Moment, input: Input) {
        for effect in self.link.handle(now, input) {
            match effect {
                Effect::FetchToken(_) => self.awaits_token = true,
                Effect::Open(_) => self.wishes.push(Wish::Open),
                Effect::Send(bytes) => self.wishes.push(Wish::Send(Parcel::Binary(bytes))),
                Effect::Ping => self.wishes.push(Wish::Send(Parcel::Ping)),
                Effect::Drop => {
                    self.awaits_token = false;
                    self.wishes.push(Wish::Drop);
                }
                Effect::Connected(peer) => {
                    self.sessions = peer.session.0;
                    self.peer = Some(peer);
                    let actions = self.roster.connect();
                    self.act(now, actions);
                }
                Effect::Disconnected => {
                    self.peer = None;
                    self.roster.disconnect();
                    self.open.values_mut().for_each(|open| open.meet(None));
                }
                Effect::ToReplica { document, word } => {
                    let open = self.open.get_mut(&document).filter(|_| self.roster.is_attached(document));
                    if let Some(open) = open {
                        open.words.push_back(word);
                    }
                }
                Effect::StateChanged | Effect::Troubled { .. } => {}
            }
        }
    }

    pub(super) fn act(&mut self, now: Moment, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Attach(document) => {
                    let peer = self.peer.clone();
                    self.opened(now, document).meet(peer);
                }
                Action::Detach(document) => self.detach(now, document),
            }
        }
    }

    fn detach(&mut self, now: Moment, document: DocumentId) {
        if let Some(open) = self.open.get_mut(&document) {
            open.meet(None);
        }
        self.feed(now, Input::Close(document));
    }

    fn opened(&mut self, now: Moment, document: DocumentId) -> &mut OpenDocument {
        if !self.open.contains_key(&document) {
            let (open, effects) = open_document::open(document, &self.limits, now);
            self.open.insert(document, open);
            self.work.push_back((document, Work::Recall));
            self.perform(document, effects);
        }
        self.open.get_mut(&document).expect("opened above")
    }

    pub(super) fn want_edit(&mut self, now: Moment, document: DocumentId) {
        if self.held.insert(document) {
            self.notes.entry(document).or_default().is_in_use = Some(true);
        }
        let open = self.opened(now, document);
        open.edits_wanted = (open.edits_wanted + 1).min(EDITS_WANTED_MAX);
    }

    pub(super) fn release_all(&mut self) {
        for document in std::mem::take(&mut self.held) {
            self.notes.entry(document).or_default().is_in_use = Some(false);
        }
    }

    pub(super) fn read_notes(&mut self, now: Moment) {
        for (document, note) in std::mem::take(&mut self.notes) {
            if note.is_stalled {
                self.roster.stall(document);
                self.detach(now, document);
                self.retry_at = Some(now.elapsed + STALL_TIME);
            }
            let mut actions = match note.is_in_use {
                Some(true) => self.roster.take(document),
                Some(false) => self.roster.release(document),
                None => Vec::new(),
            };
            if let Some(standing) = note.standing {
                actions.extend(self.roster.stands(document, standing));
            }
            self.act(now, actions);
        }
    }

    /// Does what a replica wants.
    pub(super) fn perform(&mut self, document: DocumentId, effects: Vec<replica::Effect>) {
        for effect in effects {
            match effect {
                replica::Effect::Room(effect) => self.perform_room(document, effect),
                replica::Effect::Changed(_) => {}
                replica::Effect::Stands(standing) => {
                    self.board.insert(document, standing);
                    self.notes.entry(document).or_default().standing = Some(standing);
                }
                replica::Effect::Remember(heads) => self.work.push_back((document, Work::Remember(heads))),
                replica::Effect::Refused(refused) => {
                    assert_eq!(refused.code, "missing_dependencies", "an honest change was refused");
                }
                replica::Effect::Stalled(_) => self.stall(document),
            }
        }
    }

    pub(super) fn stall(&mut self, document: DocumentId) {
        if let Some(open) = self.open.get_mut(&document) {
            open.notices.clear();
        }
        self.notes.entry(document).or_default().is_stalled = true;
    }

    fn perform_room(&mut self, document: DocumentId, effect: room::Effect) {
        let Some(open) = self.open.get_mut(&document) else { return };
        match effect {
            room::Effect::Load => self.work.push_back((document, Work::Load)),
            room::Effect::Append { changes, heads, .. } => {
                self.work.push_back((document, Work::Append { changes, heads }));
            }
            room::Effect::Compact => self.work.push_back((document, Work::Compact)),
            room::Effect::Tell { notice, .. } => {
                if !open.notice(notice) {
                    open.is_overfull = true;
                }
            }
            room::Effect::Answer { ticket, answer } => {
                if let (Some(change), Ok(_)) = (open.callers.remove(&ticket), answer) {
                    self.answered.push((document, change));
                }
            }
            room::Effect::Done => open.stage = Stage::Resting,
            room::Effect::Refused(_) | room::Effect::Recall { .. } | room::Effect::Remember { .. } => {}
            room::Effect::Quarantine { reason, .. } => panic!("an honest change was quarantined: {reason}"),
            room::Effect::Broken(reason) => panic!("a stored document broke: {reason}"),
            room::Effect::Record { .. } | room::Effect::Unreviewed(_) => {
                panic!("nobody looks for disagreements")
            }
            room::Effect::Delete => panic!("nobody asked for this"),
        }
    }

    pub(super) fn close_unused(&mut self, document: DocumentId) {
        let has_work = self.work.iter().any(|(of, _work)| *of == document);
        let is_unused = |open: &OpenDocument| {
            open.stage == Stage::Resting && open.peer.is_none() && open.edits_wanted == 0
        };
        if !has_work && !self.held.contains(&document) && self.open.get(&document).is_some_and(is_unused) {
            self.open.remove(&document);
        }
    }

    pub(super) fn take_wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    pub(super) fn take_answered(&mut self) -> Vec<(DocumentId, ChangeHash)> {
        std::mem::take(&mut self.answered)
    }

    pub(super) fn standing(&self, document: DocumentId) -> Standing {
        self.board.get(&document).copied().unwrap_or_default()
    }

    pub(super) fn heard_on(&self, document: DocumentId) -> Option<u64> {
        let session = self.open.get(&document)?.session()?;
        match self.standing(document).progress {
            Progress::Downloading | Progress::Uploading | Progress::InStep | Progress::Unavailable => {
                Some(session.0)
            }
            Progress::Detached | Progress::Asking | Progress::Over => None,
        }
    }

    pub(super) const fn session(&self) -> u64 {
        self.sessions
    }

    pub(super) fn is_connected(&self) -> bool {
        self.link.state() == ConnectionState::Connected
    }

    pub(super) fn is_in_step(&self) -> bool {
        self.roster.is_done()
    }

    pub(super) fn is_recovering(&self) -> bool {
        self.retry_at.is_some() || !self.is_connected()
    }
}
