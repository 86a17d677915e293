//! Which of a client's documents take part in a connection: a server holds only so many open for one.
//!
//! Those in use come first; then those with something to upload; then all others, once per connection, each making
//! room for the next when it is in step. With more in use than there are places, those beyond are in step once, and
//! upload what is written to them, but hear no news until the next connection.

use crate::replica::{Progress, Standing};
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_protocol::DocumentId;

/// What the driver must do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Let it greet the server.
    Attach(DocumentId),
    /// Let it fall silent, and tell the server that it need not send anything more.
    Detach(DocumentId),
}

/// All documents that a client keeps in step.
#[derive(Debug)]
pub struct Roster {
    /// Most documents on a connection at once.
    places: usize,
    is_connected: bool,
    entries: BTreeMap<DocumentId, Entry>,
    /// Those without a place that want one, the most urgent first.
    waiting: BTreeSet<(Urgency, DocumentId)>,
    /// Those with a place that could do without, the least missed first.
    dispensable: BTreeSet<(Loss, DocumentId)>,
    /// Those that have not been in step on this connection, or are not now, and may yet be.
    behind: BTreeSet<DocumentId>,
    attached: usize,
}

#[derive(Debug, Default)]
struct Entry {
    demand: Demand,
    standing: Standing,
    part: Part,
    /// It was in step once on this connection.
    is_visited: bool,
}

/// Whether the app has a document open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Demand {
    #[default]
    AtRest,
    InUse,
}

/// A document's part in the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    #[default]
    None,
    Attached,
    /// It could not go on, and is left alone until the next [`Roster::retry`].
    Stalled,
    /// The server does not take what it has; so it is until the next connection.
    GivenUp,
}

/// How much a document wants a place; the least comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    InUseAndPending,
    InUse,
    Pending,
    NotVisited,
    /// It would hear news as they come; it gets a place that is free, and takes nobody's.
    News,
}

/// What giving up its place would cost a document; the least comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    Nothing,
    /// The server does not take what it has anyway.
    Hope,
    News,
}

impl Entry {
    fn urgency(&self) -> Option<Urgency> {
        if self.part != Part::None || self.is_over() {
            return None;
        }
        match (self.demand, self.standing.pending_changes > 0, self.is_visited) {
            (Demand::InUse, true, _) => Some(Urgency::InUseAndPending),
            (Demand::InUse, false, false) => Some(Urgency::InUse),
            (Demand::InUse, false, true) => Some(Urgency::News),
            (Demand::AtRest, true, _) => Some(Urgency::Pending),
            (Demand::AtRest, false, false) => Some(Urgency::NotVisited),
            (Demand::AtRest, false, true) => None,
        }
    }

    /// `None` as long as it must keep its place.
    fn loss(&self) -> Option<Loss> {
        match (self.part, self.demand) {
            (Part::Attached, _) if self.is_hopeless() => Some(Loss::Hope),
            (Part::Attached, _) if !self.standing.is_settled() => None,
            (Part::Attached, Demand::AtRest) => Some(Loss::Nothing),
            (Part::Attached, Demand::InUse) => Some(Loss::News),
            (Part::None | Part::Stalled | Part::GivenUp, _) => None,
        }
    }

    fn is_hopeless(&self) -> bool {
        let Standing { pending_changes, progress, obstacle } = self.standing;
        obstacle.is_some() || (pending_changes > 0 && progress == Progress::Unavailable)
    }

    /// Whether there is nothing to keep in step, on no connection.
    fn is_over(&self) -> bool {
        self.standing.progress == Progress::Over
    }

    /// Whether all has come about that can.
    fn is_done(&self) -> bool {
        let Standing { pending_changes, obstacle, .. } = self.standing;
        let is_answered = self.standing.is_settled() || obstacle.is_some() || self.part != Part::Attached;
        self.is_over() || (self.is_visited && is_answered && (pending_changes == 0 || obstacle.is_some()))
    }

    fn give_up_place(&mut self) {
        self.part = if self.is_hopeless() { Part::GivenUp } else { Part::None };
    }
}

impl Roster {
    /// A roster without documents or connection.
    pub fn new(places: usize) -> Self {
        Self {
            places,
            is_connected: false,
            entries: BTreeMap::new(),
            waiting: BTreeSet::new(),
            dispensable: BTreeSet::new(),
            behind: BTreeSet::new(),
            attached: 0,
        }
    }

    /// A document is, or is to be, kept here.
    pub fn add(&mut self, document: DocumentId) -> Vec<Action> {
        self.update(document, |_entry| {});
        self.fill()
    }

    /// A document is gone from here.
    pub fn remove(&mut self, document: DocumentId) -> Vec<Action> {
        let mut actions = Vec::new();
        self.unlist(document);
        if self.entries.remove(&document).is_some_and(|entry| entry.part == Part::Attached) {
            self.attached -= 1;
            actions.push(Action::Detach(document));
        }
        actions.extend(self.fill());
        actions
    }

    /// The app opened a document.
    pub fn take(&mut self, document: DocumentId) -> Vec<Action> {
        self.update(document, |entry| entry.demand = Demand::InUse);
        self.fill()
    }

    /// The app let go of it.
    pub fn release(&mut self, document: DocumentId) -> Vec<Action> {
        if self.entries.contains_key(&document) {
            self.update(document, |entry| entry.demand = Demand::AtRest);
        }
        self.fill()
    }

    /// A document stands otherwise with the server, on this connection.
    pub fn stands(&mut self, document: DocumentId, standing: Standing) -> Vec<Action> {
        self.hear(document, |entry| {
            entry.standing = standing;
            let is_answered = standing.is_settled() || standing.obstacle.is_some();
            entry.is_visited |= entry.part == Part::Attached && is_answered;
        })
    }

    /// A document says where it stands without, or before, this connection: only what is pending counts.
    pub fn stands_apart(&mut self, document: DocumentId, standing: Standing) -> Vec<Action> {
        let is_over = standing.progress == Progress::Over;
        let progress = if is_over { Progress::Over } else { Progress::Detached };
        self.hear(document, |entry| entry.standing = Standing { progress, ..standing })
    }

    fn hear(&mut self, document: DocumentId, change: impl FnOnce(&mut Entry)) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.entries.contains_key(&document) {
            self.update(document, change);
        }
        if self.entries.get(&document).is_some_and(|entry| entry.part == Part::Attached && entry.is_over()) {
            actions.push(self.vacate(document));
        }
        actions.extend(self.fill());
        actions
    }

    /// There is a connection.
    pub fn connect(&mut self) -> Vec<Action> {
        self.is_connected = true;
        self.update_all(|entry| (entry.part, entry.is_visited) = (Part::None, false));
        self.fill()
    }

    /// It is gone, and with it every place; the documents know by themselves.
    pub fn disconnect(&mut self) {
        self.is_connected = false;
        self.attached = 0;
        self.update_all(|entry| entry.part = Part::None);
    }

    /// A document fell silent by itself; [`Roster::retry`] lets it begin anew.
    pub fn stall(&mut self, document: DocumentId) {
        if self.is_attached(document) {
            self.attached -= 1;
            self.update(document, |entry| (entry.part, entry.is_visited) = (Part::Stalled, false));
        }
    }

    /// Those that stalled want a place again.
    pub fn retry(&mut self) -> Vec<Action> {
        self.update_all(|entry| {
            if entry.part == Part::Stalled {
                entry.part = Part::None;
            }
        });
        self.fill()
    }

    /// Those without a place hear once more what is new: it may be long since they gave it up.
    pub fn revisit(&mut self) -> Vec<Action> {
        self.update_all(|entry| entry.is_visited &= entry.part != Part::None);
        self.fill()
    }

    pub fn is_attached(&self, document: DocumentId) -> bool {
        self.entries.get(&document).is_some_and(|entry| entry.part == Part::Attached)
    }

    /// Whether every document here has been in step on this connection and, where it could have changed since,
    /// still is; or cannot be, as far as is known.
    pub fn is_done(&self) -> bool {
        self.is_connected && self.behind.is_empty()
    }

    fn fill(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        while self.is_connected
            && let Some((urgency, document)) = self.waiting.first().copied()
        {
            if self.attached >= self.places {
                let leaves = self.dispensable.first().copied().filter(|_| urgency < Urgency::News);
                let Some((_, leaves)) = leaves else { break };
                actions.push(self.vacate(leaves));
            }
            self.attached += 1;
            self.update(document, |entry| {
                entry.part = Part::Attached;
                // It will say how it stands on this connection.
                (entry.standing.progress, entry.standing.obstacle) = (Progress::Asking, None);
            });
            actions.push(Action::Attach(document));
        }
        actions
    }

    fn vacate(&mut self, document: DocumentId) -> Action {
        self.attached -= 1;
        self.update(document, Entry::give_up_place);
        Action::Detach(document)
    }

    fn update_all(&mut self, change: impl Fn(&mut Entry)) {
        let documents: Vec<_> = self.entries.keys().copied().collect();
        for document in documents {
            self.update(document, &change);
        }
    }

    /// Changes an entry, which is made if it is new, and lists it anew.
    fn update(&mut self, document: DocumentId, change: impl FnOnce(&mut Entry)) {
        self.unlist(document);
        let entry = self.entries.entry(document).or_default();
        change(entry);
        self.waiting.extend(entry.urgency().map(|urgency| (urgency, document)));
        self.dispensable.extend(entry.loss().map(|loss| (loss, document)));
        if !entry.is_done() {
            self.behind.insert(document);
        }
    }

    fn unlist(&mut self, document: DocumentId) {
        if let Some(entry) = self.entries.get(&document) {
            if let Some(urgency) = entry.urgency() {
                self.waiting.remove(&(urgency, document));
            }
            if let Some(loss) = entry.loss() {
                self.dispensable.remove(&(loss, document));
            }
        }
        self.behind.remove(&document);
    }
}

#[cfg(test)]
mod tests;
