//! A device with the SDK's machines: real `Link`, `Roster` and `Replica`, driven as the Rust client drives them,
//! over a disk that may fail, in an app that may be killed.

mod app;
mod jobs;
mod lifetime;
mod open_document;

use super::disk::Disk;
use super::network::Parcel;
use crate::dice::Dice;
use app::App;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tiebreak_protocol::{ChangeHash, DocumentId, Heads};
use tiebreak_sync::Moment;
use tiebreak_sync::link::{End, Incoming, Input};

/// What an app wants of the network.
#[derive(Debug)]
pub(super) enum Wish {
    Open,
    Send(Parcel),
    Drop,
}

/// Whether a piece of the disk's work may fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiskLuck {
    /// Once in so many; 0: never.
    pub(super) failed_write: u64,
}

/// Whether a piece of the disk's work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Works,
    Fails,
}

impl DiskLuck {
    const fn draw(self, dice: &mut Dice) -> Outcome {
        if self.failed_write > 0 && dice.one_in(self.failed_write) { Outcome::Fails } else { Outcome::Works }
    }
}

/// What an app is from its first start to its last.
#[derive(Debug)]
struct Installation {
    index: usize,
    /// Documents on a connection at once.
    places: usize,
    /// Those that it keeps in step.
    documents: Vec<DocumentId>,
}

#[derive(Debug)]
pub(super) struct SdkDevice {
    pub(super) index: usize,
    installation: Installation,
    disk: Disk,
    openings: u32,
    app: App,
    /// Edits that were answered: these must never be lost.
    answered: BTreeMap<DocumentId, BTreeSet<ChangeHash>>,
}

impl SdkDevice {
    pub(super) fn new(index: usize, places: usize, documents: Vec<DocumentId>, now: Moment) -> Self {
        let (disk, openings) = (Disk::default(), 1);
        let installation = Installation { index, places, documents };
        let app = App::start(&installation, openings, &disk, now);
        Self { index, installation, disk, openings, app, answered: BTreeMap::new() }
    }

    /// The app dies, and with it what it had in memory; writes under way may or may not have happened. It is
    /// started again at once. Answers whether what the server has said could not be remembered.
    pub(super) fn kill(&mut self, now: Moment, dice: &mut Dice) -> bool {
        let forgot = self.app.die(&mut self.disk, dice);
        self.openings += 1;
        self.app = App::start(&self.installation, self.openings, &self.disk, now);
        forgot
    }

    pub(super) fn input(&mut self, now: Moment, input: Input) {
        self.app.feed(now, input);
    }

    pub(super) fn receive(&mut self, now: Moment, parcel: Parcel) {
        self.app.feed(
            now,
            match parcel {
                Parcel::Binary(bytes) => Input::Message(Incoming::read(&bytes, &self.app.limits)),
                Parcel::Ping | Parcel::Pong => Input::Heard,
            },
        );
    }

    pub(super) fn lose(&mut self, now: Moment) {
        self.app.feed(now, Input::Ended(End::Broken { reason: "cut".to_owned() }));
    }

    /// The person writes something, in a document that the app opens for it.
    pub(super) fn edit(&mut self, now: Moment, document: DocumentId) {
        self.app.want_edit(now, document);
    }

    /// The app lets go of all documents that it has opened.
    pub(super) fn release_all(&mut self) {
        self.app.release_all();
    }

    /// Does one thing that is due, any of them. Answers whether there was one.
    pub(super) fn work_once(&mut self, now: Moment, dice: &mut Dice, luck: DiskLuck) -> bool {
        let worked = self.app.work_once(now, dice, &mut self.disk, luck);
        for (document, change) in self.app.take_answered() {
            self.answered.entry(document).or_default().insert(change);
        }
        worked
    }

    pub(super) fn pass_deadlines(&mut self, now: Moment) {
        self.app.pass_deadlines(now);
    }

    /// The next time at which something happens by itself.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.app.deadline()
    }

    pub(super) fn take_wishes(&mut self) -> Vec<Wish> {
        self.app.take_wishes()
    }

    /// Changes that the app shows as not yet with the server.
    pub(super) fn pending(&self, document: DocumentId) -> usize {
        self.app.standing(document).pending_changes
    }

    /// The connection by which the server has spoken of this document, if it has.
    pub(super) fn heard_on(&self, document: DocumentId) -> Option<(u32, u64)> {
        self.app.heard_on(document).map(|session| (self.openings, session))
    }

    /// The present connection, or the next.
    pub(super) fn session(&self) -> (u32, u64) {
        (self.openings, self.app.session())
    }

    pub(super) fn is_connected(&self) -> bool {
        self.app.is_connected()
    }

    /// Whether the client says that everything is in step.
    pub(super) fn is_in_step(&self) -> bool {
        self.app.is_in_step()
    }

    /// Whether it will try something again by itself.
    pub(super) fn is_recovering(&self) -> bool {
        self.app.is_recovering()
    }

    pub(super) fn answered(&self, document: DocumentId) -> BTreeSet<ChangeHash> {
        self.answered.get(&document).cloned().unwrap_or_default()
    }

    pub(super) fn hashes(&self, document: DocumentId) -> &BTreeSet<ChangeHash> {
        self.disk.hashes(document)
    }

    pub(super) fn heads(&self, document: DocumentId) -> Heads {
        self.disk.heads(document)
    }
}
