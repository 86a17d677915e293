//! Which of a client's documents take part in a connection: a server holds only so many open for one.
//!
//! Those in use come first and stay; then those with something to upload; then all others, once per connection,
//! each making room for the next when it is in step.

use crate::replica::Standing;
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
    waiting: BTreeSet<(u8, DocumentId)>,
    /// Those with a place that could do without.
    dispensable: BTreeSet<DocumentId>,
    /// Those that have not been in step on this connection, or are not now.
    behind: BTreeSet<DocumentId>,
    attached: usize,
}

#[derive(Debug, Default)]
struct Entry {
    demand: Demand,
    standing: Standing,
    /// It was in step once on this connection.
    is_visited: bool,
    is_attached: bool,
}

/// Whether the app has a document open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Demand {
    #[default]
    AtRest,
    InUse,
}

impl Entry {
    /// Whether it wants a place, and how urgently: the least first.
    fn urgency(&self) -> Option<u8> {
        match (self.demand, self.standing.pending_changes > 0, self.is_visited) {
            (Demand::InUse, _, _) => Some(0),
            (Demand::AtRest, true, _) => Some(1),
            (Demand::AtRest, false, false) => Some(2),
            (Demand::AtRest, false, true) => None,
        }
    }

    fn is_in_step(&self) -> bool {
        self.is_visited
            && self.standing.pending_changes == 0
            && (self.standing.is_settled() || !self.is_attached)
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
        if self.entries.remove(&document).is_some_and(|entry| entry.is_attached) {
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

    /// A document stands otherwise with the server.
    pub fn stands(&mut self, document: DocumentId, standing: Standing) -> Vec<Action> {
        if self.entries.contains_key(&document) {
            self.update(document, |entry| {
                entry.standing = standing;
                entry.is_visited |= entry.is_attached && standing.is_settled();
            });
        }
        self.fill()
    }

    /// There is a connection.
    pub fn connect(&mut self) -> Vec<Action> {
        self.is_connected = true;
        self.update_all(|entry| entry.is_visited = false);
        self.fill()
    }

    /// It is gone, and with it every place; the documents know by themselves.
    pub fn disconnect(&mut self) {
        self.is_connected = false;
        self.attached = 0;
        self.update_all(|entry| entry.is_attached = false);
    }

    /// A document fell silent by itself; [`Roster::retry`] attaches it again.
    pub fn stall(&mut self, document: DocumentId) {
        if self.is_attached(document) {
            self.attached -= 1;
            self.update(document, |entry| (entry.is_attached, entry.is_visited) = (false, false));
        }
    }

    /// Gives places to documents that have none and want one.
    pub fn retry(&mut self) -> Vec<Action> {
        self.fill()
    }

    pub fn is_attached(&self, document: DocumentId) -> bool {
        self.entries.get(&document).is_some_and(|entry| entry.is_attached)
    }

    /// Whether every document here has been in step on this connection and, where it could have changed since,
    /// still is.
    pub fn is_in_step(&self) -> bool {
        self.is_connected && self.behind.is_empty()
    }

    fn fill(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        while self.is_connected
            && let Some((_, document)) = self.waiting.first().copied()
        {
            if self.attached >= self.places {
                let Some(leaves) = self.dispensable.first().copied() else { break };
                self.attached -= 1;
                self.update(leaves, |entry| entry.is_attached = false);
                actions.push(Action::Detach(leaves));
            }
            self.attached += 1;
            self.update(document, |entry| entry.is_attached = true);
            actions.push(Action::Attach(document));
        }
        actions
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
        match (entry.is_attached, entry.urgency()) {
            (true, None) => drop(self.dispensable.insert(document)),
            (false, Some(urgency)) => drop(self.waiting.insert((urgency, document))),
            (true, Some(_)) | (false, None) => {}
        }
        if !entry.is_in_step() {
            self.behind.insert(document);
        }
    }

    fn unlist(&mut self, document: DocumentId) {
        if let Some(urgency) = self.entries.get(&document).and_then(Entry::urgency) {
            self.waiting.remove(&(urgency, document));
        }
        self.dispensable.remove(&document);
        self.behind.remove(&document);
    }
}

#[cfg(test)]
mod tests;
