//! What every operation of a history did, in little space: what references to it are checked against.
//!
//! The library finds an operation by its id in time linear in the document, tells no insertion from an
//! overwriting, and panics over an element of another object; so the history is noted here once more.
//! Deletions are not: nothing may refer to them. Text that was typed in one go takes one entry, any
//! other operation takes one of its own (about 40 bytes).

mod stored;

use crate::engine::{guarded, saved};
use crate::gatekeeper::{Action, CheckedChange, Key, Object, OperationId, reread_change};
use crate::short_id::{NOWHERE, Names, ShortId, short};
use automerge::{Automerge, ObjType};
use std::collections::BTreeMap;

/// What names an operation. Ids are ordered as the library orders them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id<'a> {
    pub(crate) counter: u64,
    pub(crate) actor: &'a [u8],
}

/// What one operation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known<'a> {
    /// `None` is the root.
    pub(crate) object: Option<Id<'a>>,
    pub(crate) place: Place<'a>,
    pub(crate) deed: Deed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Property(&'a str),
    /// It wrote over this element.
    Element(Id<'a>),
    /// It is an element itself: one of a run that begins with `first`, each right after the one before,
    /// and the first right after `after`, or at the head of its sequence.
    Inserted {
        first: Id<'a>,
        after: Option<Id<'a>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Makes(ObjType),
    Marks,
    Writes,
}

#[derive(Debug, Default)]
pub(crate) struct Operations {
    actors: Names<[u8]>,
    properties: Names<str>,
    runs: BTreeMap<ShortId, Run>,
}

/// One operation or several in a row, each of which inserts a plain value right after the one before.
#[derive(Debug, Clone, Copy)]
struct Run {
    length: u32,
    object: ShortId,
    place: ShortPlace,
    deed: Deed,
}

#[derive(Debug, Clone, Copy)]
enum ShortPlace {
    Property(u32),
    Element(ShortId),
    Inserted(ShortId),
}

impl Operations {
    /// Everything that a document holds.
    pub(crate) fn of(automerge: &Automerge) -> Self {
        let saved = guarded(|| automerge.save_nocompress()).ok();
        saved.and_then(|saved| stored::read(&saved)).unwrap_or_else(|| Self::of_changes(automerge))
    }

    /// The same from the changes, which takes far longer.
    fn of_changes(automerge: &Automerge) -> Self {
        let mut operations = Self::default();
        for change in automerge.get_changes(&[]) {
            if let Ok(change) = reread_change(saved(&change).bytes) {
                operations.note(&change);
            }
        }
        operations
    }

    pub(crate) fn find<'a>(&'a self, id: Id<'_>) -> Option<Known<'a>> {
        let actor = self.actors.number(id.actor)?;
        let counter = u32::try_from(id.counter).ok()?;
        let (first, run) = self.runs.range(..=ShortId { actor, counter }).next_back()?;
        if first.actor != actor || counter - first.counter >= run.length {
            return None;
        }
        let place = match run.place {
            ShortPlace::Property(property) => Place::Property(self.properties.name(property)?),
            ShortPlace::Element(element) => Place::Element(self.id(element)?),
            ShortPlace::Inserted(after) => Place::Inserted { first: self.id(*first)?, after: self.id(after) },
        };
        Some(Known { object: self.id(run.object), place, deed: run.deed })
    }

    /// Goes up from an object to the first container that is not noted here, or to the root, and counts
    /// the levels; `None` when what is noted is no object.
    pub(crate) fn climb<'a>(&'a self, object: Id<'a>) -> Option<(Option<Id<'a>>, usize)> {
        let (mut at, mut levels) = (object, 0);
        while let Some(known) = self.find(at) {
            let Known { deed: Deed::Makes(_), object, .. } = known else { return None };
            levels += 1;
            match object {
                // Containers are older than what they contain.
                Some(container) if container < at => at = container,
                Some(_) => return None,
                None => return Some((None, levels)),
            }
        }
        Some((Some(at), levels))
    }

    /// Adds the operations of a change.
    pub(crate) fn note(&mut self, change: &CheckedChange) {
        // Actors are looked up once a change, not once an operation.
        let actors: Vec<_> =
            (0..).map_while(|index| change.actor_at(index)).map(|actor| self.actors.note(actor)).collect();
        let short = |id: OperationId| actors.get(id.actor).map_or(NOWHERE, |actor| short(id.counter, *actor));
        let mut runs = Vec::new();
        for operation in change.operations_iter() {
            let deed = match operation.action {
                Action::MakeMap => Deed::Makes(ObjType::Map),
                Action::MakeList => Deed::Makes(ObjType::List),
                Action::MakeText => Deed::Makes(ObjType::Text),
                Action::Mark => Deed::Marks,
                Action::Set | Action::Increment => Deed::Writes,
                Action::Delete => continue,
            };
            let object = match operation.object {
                Object::Root => NOWHERE,
                Object::Made(id) => short(id),
            };
            let place = match operation.key {
                Key::Property(property) => ShortPlace::Property(self.properties.note(property)),
                Key::Head => ShortPlace::Inserted(NOWHERE),
                Key::Element(element) if operation.insert => ShortPlace::Inserted(short(element)),
                Key::Element(element) => ShortPlace::Element(short(element)),
            };
            let id = short(OperationId { counter: operation.counter, actor: 0 });
            fold(&mut runs, id, Run { length: 1, object, place, deed });
        }
        self.add(runs);
    }

    /// Adds runs that are newer than all by their actors; a change goes on where its author's last one ended.
    fn add(&mut self, runs: Vec<(ShortId, Run)>) {
        let mut runs = runs.into_iter();
        if let Some((id, run)) = runs.next() {
            match self.runs.range_mut(..id).next_back() {
                Some((first, before)) if before.goes_on(*first, id, run) => before.length += run.length,
                Some(_) | None => drop(self.runs.insert(id, run)),
            }
        }
        self.runs.extend(runs);
    }

    fn id(&self, id: ShortId) -> Option<Id<'_>> {
        if id == NOWHERE {
            return None;
        }
        Some(Id { counter: id.counter.into(), actor: self.actors.name(id.actor)? })
    }
}

impl Run {
    /// Whether `next`, which begins with the operation `id`, belongs to this run, which begins with `first`.
    fn goes_on(&self, first: ShortId, id: ShortId, next: Self) -> bool {
        let last = ShortId { counter: first.counter + self.length - 1, ..first };
        let (ShortPlace::Inserted(_), ShortPlace::Inserted(after)) = (self.place, next.place) else {
            return false;
        };
        after == last
            && id == ShortId { counter: last.counter + 1, ..last }
            && self.object == next.object
            && (self.deed, next.deed) == (Deed::Writes, Deed::Writes)
    }
}

/// Lengthens the last run, or begins one.
fn fold(runs: &mut Vec<(ShortId, Run)>, id: ShortId, run: Run) {
    match runs.last_mut() {
        Some((first, last)) if last.goes_on(*first, id, run) => last.length += 1,
        Some(_) | None => runs.push((id, run)),
    }
}

#[cfg(test)]
mod tests;
