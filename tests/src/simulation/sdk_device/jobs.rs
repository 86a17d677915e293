//! What an app has to do at any time, done one by one in any order that its tasks could come to.

use super::super::disk::Disk;
use super::app::App;
use super::open_document::Stage;
use super::{DiskLuck, Outcome};
use crate::dice::Dice;
use std::time::Duration;
use tiebreak_document::SavedChange;
use tiebreak_protocol::{DocumentId, Heads, Refusal};
use tiebreak_sync::Moment;
use tiebreak_sync::link::{self, TokenAnswer};
use tiebreak_sync::replica::{Effect, Input, Replica};
use tiebreak_sync::room::{self, Ticket};

/// Messages of documents that wait for the connection.
const TELLS_MAX: usize = 8;

/// Something that the disk is doing.
#[derive(Debug)]
pub(super) enum Work {
    Recall,
    Load,
    Append { changes: Vec<SavedChange>, heads: Heads },
    Remember(Heads),
    Compact,
}

/// Something that is due.
#[derive(Debug, Clone, Copy)]
enum Job {
    Token,
    Notes,
    /// The oldest work of a document.
    Disk(DocumentId),
    Document(DocumentId),
    Notice(DocumentId),
    Tell,
}

impl App {
    pub(super) fn work_once(
        &mut self,
        now: Moment,
        dice: &mut Dice,
        disk: &mut Disk,
        luck: DiskLuck,
    ) -> bool {
        let jobs = self.jobs();
        if jobs.is_empty() {
            return false;
        }
        match jobs[dice.below(jobs.len() as u64) as usize] {
            Job::Token => {
                self.awaits_token = false;
                self.feed(now, link::Input::Token(TokenAnswer::NotNeeded));
            }
            Job::Notes => self.read_notes(now),
            Job::Disk(document) => self.finish(now, document, disk, luck.draw(dice)),
            Job::Document(document) => {
                self.next_ticket += 1;
                let (actor, ticket) = (self.actor.clone(), Ticket(self.next_ticket));
                if let Some(open) = self.open.get_mut(&document) {
                    let effects = open.take_job(now, &actor, ticket, dice);
                    self.step(now, document, effects);
                }
            }
            Job::Notice(document) => {
                let notice = self.open.get_mut(&document).and_then(|open| open.notices.pop_front());
                self.tells.extend(notice.map(|notice| (document, notice)));
            }
            Job::Tell => {
                if let Some((document, notice)) = self.tells.pop_front()
                    && self.roster.is_attached(document)
                {
                    self.feed(now, link::Input::Tell { document, notice });
                }
            }
        }
        true
    }

    fn jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        jobs.extend(self.awaits_token.then_some(Job::Token));
        jobs.extend((!self.notes.is_empty()).then_some(Job::Notes));
        jobs.extend((!self.tells.is_empty()).then_some(Job::Tell));
        for (document, open) in &self.open {
            let has_work = self.work.iter().any(|(of, _work)| of == document);
            jobs.extend(has_work.then_some(Job::Disk(*document)));
            jobs.extend(open.has_job().then_some(Job::Document(*document)));
            let has_notice = !open.notices.is_empty() && self.tells.len() < TELLS_MAX;
            jobs.extend(has_notice.then_some(Job::Notice(*document)));
        }
        jobs
    }

    /// The disk ends the oldest work of a document.
    fn finish(&mut self, now: Moment, document: DocumentId, disk: &mut Disk, outcome: Outcome) {
        let Some(at) = self.work.iter().position(|(of, _work)| *of == document) else { return };
        let Some((_, work)) = self.work.remove(at) else { return };
        let fails = outcome == Outcome::Fails;
        let input = match work {
            Work::Recall => {
                if let Some(open) = self.open.get_mut(&document) {
                    open.stage = Stage::Working;
                }
                Input::Recalled(disk.shared_heads(&self.server, document).unwrap_or_default())
            }
            Work::Load if fails => Input::Room(room::Input::Loaded(Err(Refusal::StorageUnavailable))),
            Work::Load => Input::Room(room::Input::Loaded(Ok(disk.load(document)))),
            Work::Append { .. } if fails => Input::Room(room::Input::Appended(Err(Refusal::StorageFull))),
            Work::Append { changes, heads } => {
                Input::Room(room::Input::Appended(Ok(disk.append(document, changes, heads))))
            }
            Work::Compact => Input::Room(room::Input::Compacted(disk.compact(document))),
            // As long as servers keep what they have, a note that was not kept only makes more count as pending.
            Work::Remember(_) if fails => return,
            Work::Remember(heads) => return disk.remember(self.server.clone(), document, heads),
        };
        self.give(now, document, input);
    }

    fn give(&mut self, now: Moment, document: DocumentId, input: Input) {
        if let Some(open) = self.open.get_mut(&document) {
            let effects = open.replica.handle(now, input);
            self.step(now, document, effects);
        }
    }

    /// Performs what a replica wants and takes the turns that are due, as a document's task does.
    fn step(&mut self, now: Moment, document: DocumentId, effects: Vec<Effect>) {
        let Some(open) = self.open.get_mut(&document) else { return };
        open.stage = Stage::Working;
        self.perform(document, effects);
        while let Some(effects) = self.turn(now, document) {
            self.perform(document, effects);
        }
        let Some(open) = self.open.get_mut(&document) else { return };
        if std::mem::take(&mut open.is_overfull) {
            let effects = open.replica.handle(now, Input::Silence);
            self.perform(document, effects);
            self.stall(document);
        }
        self.close_unused(document);
    }

    fn turn(&mut self, now: Moment, document: DocumentId) -> Option<Vec<Effect>> {
        let open = self.open.get_mut(&document)?;
        open.replica.is_turn_due().then(|| open.replica.take_turn(now))
    }

    pub(super) fn pass_deadlines(&mut self, now: Moment) {
        if self.link.deadline().is_some_and(|at| at <= now.elapsed) {
            self.feed(now, link::Input::DeadlinePassed);
        }
        if self.retry_at.is_some_and(|at| at <= now.elapsed) {
            self.retry_at = None;
            let actions = self.roster.retry();
            self.act(now, actions);
        }
        let is_due = |replica: &Replica| replica.deadline().is_some_and(|at| at <= now.elapsed);
        let due: Vec<_> = self
            .open
            .iter()
            .filter(|(_, open)| open.stage == Stage::Working && is_due(&open.replica))
            .map(|(document, _open)| *document)
            .collect();
        for document in due {
            self.give(now, document, Input::Room(room::Input::DeadlinePassed));
        }
    }

    /// The next time at which the connection or a stalled document goes on by itself.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.link.deadline().into_iter().chain(self.retry_at).min()
    }
}
