//! The start of an app, and its death.

use super::super::disk::Disk;
use super::Installation;
use super::app::App;
use super::jobs::Work;
use crate::dice::Dice;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tiebreak_document::Document;
use tiebreak_protocol::{DocumentId, Limits};
use tiebreak_sync::Moment;
use tiebreak_sync::link::{ClientIdentity, Input, Link, LinkOptions};
use tiebreak_sync::replica::Standing;
use tiebreak_sync::roster::Roster;

impl App {
    pub(super) fn start(installation: &Installation, opening: u32, disk: &Disk, now: Moment) -> Self {
        let Installation { index, places, documents } = installation;
        let peer = format!("sdk-device-{index}-{opening}").parse().expect("a good name");
        // Small, so that snapshots and idle documents happen.
        let limits = Arc::new(Limits { snapshot_changes_min: 20, ..Limits::default() });
        let seed = (*index as u64) << 32 | u64::from(opening);
        let mut actor = opening.to_be_bytes().to_vec();
        actor.extend([*index as u8, 0x5d]);
        let mut app = Self {
            actor,
            server: "server at ws://simulated".parse().expect("a good name"),
            link: Link::new(ClientIdentity { peer }, LinkOptions::default(), seed),
            limits,
            roster: Roster::new(*places),
            open: BTreeMap::new(),
            peer: None,
            sessions: 0,
            board: BTreeMap::new(),
            held: BTreeSet::new(),
            notes: BTreeMap::new(),
            tells: VecDeque::new(),
            work: VecDeque::new(),
            awaits_token: false,
            retry_at: None,
            wishes: Vec::new(),
            answered: Vec::new(),
            next_ticket: 0,
        };
        for document in documents {
            app.survey(*document, disk);
            app.roster.add(*document);
        }
        app.feed(now, Input::Connect);
        app
    }

    /// What is pending before any document is open, as the client counts it when it starts.
    fn survey(&mut self, document: DocumentId, disk: &Disk) {
        let Some(stored) = disk.load(document) else { return };
        let confirmed = disk.shared_heads(&self.server, document).unwrap_or_default();
        let mut read = Document::from_stored(stored.snapshot, stored.tail, stored.heads);
        let pending_changes = read.pending(confirmed.as_slice()).expect("what is stored opens");
        self.board.insert(document, Standing { pending_changes, ..Standing::default() });
    }

    /// Work under way may still be done, or not. Answers whether something was not remembered.
    pub(super) fn die(&mut self, disk: &mut Disk, dice: &mut Dice) -> bool {
        let mut forgot = false;
        for (document, work) in std::mem::take(&mut self.work) {
            match work {
                Work::Append { changes, heads } if dice.one_in(2) => {
                    disk.append(document, changes, heads);
                }
                Work::Remember(heads) if !forgot && dice.one_in(2) => {
                    disk.remember(self.server.clone(), document, heads);
                }
                Work::Remember(_) => forgot = true,
                Work::Append { .. } | Work::Recall | Work::Load | Work::Compact => {}
            }
        }
        forgot
    }
}
