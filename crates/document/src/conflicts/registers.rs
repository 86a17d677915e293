//! Every place of a document that holds one value at a time, and what of its past may still disagree.
//!
//! A register is a key of a map or an element of a list. A change *writes* it (puts, makes an object, deletes) or
//! *touches* what it holds (increments a counter, acts inside an object, at any depth). Each write makes a version.
//! A version stands while something of it, its write or a touch, is unseen by every write that made another
//! version, here or in a register above. Two versions that stand are two sides that know nothing of each other.

mod noting;
mod records;
mod tally;

use super::touches::Touches;
use crate::OpenError;
use crate::causality::{Causality, Clock, Link, Node};
use crate::engine::saved;
use crate::gatekeeper::reread_change;
use crate::short_id::{NOWHERE, Names, ShortId, short};
use automerge::{Automerge, ObjId, ObjType};
use std::collections::{BTreeMap, BTreeSet};
use tally::Tally;
use tiebreak_protocol::ChangeHash;

/// The number of a register.
pub(super) type RegisterNumber = usize;

/// Where a register is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The map or the list; [`NOWHERE`] is the root.
    pub(super) object: ShortId,
    pub(super) key: ShortKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ShortKey {
    Property(u32),
    /// The element that this operation inserted.
    Element(ShortId),
}

#[derive(Debug)]
pub(super) struct Register {
    pub(super) place: Place,
    /// All writes, the oldest first.
    pub(super) writes: Vec<Write>,
    /// Those that no other has seen, by their position in `writes`.
    pub(super) latest: Vec<usize>,
    /// Touches that no write has seen.
    pub(super) touches: Touches,
    /// Whether it ever held an object.
    holds_objects: bool,
}

/// What one change wrote to a register at last.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) change: Node,
    /// Its operation, and with it the version that it made.
    pub(super) version: ShortId,
    pub(super) deed: Deed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    Put,
    /// Removed what was there, but for these values, which it did not name: so libraries write the value
    /// that is winning already.
    Delete {
        left: Vec<ShortId>,
    },
}

/// An object, and the register that holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) register: RegisterNumber,
    pub(super) object_type: ObjType,
}

#[derive(Debug, Default)]
pub(crate) struct Registers {
    pub(super) causality: Causality,
    pub(super) properties: Names<str>,
    registers: Vec<Register>,
    number_by_place: BTreeMap<Place, RegisterNumber>,
    holder_by_object: BTreeMap<ShortId, Holder>,
    /// Where each counter stands, with all increments in, whether it is shown or not.
    count_by_counter: BTreeMap<ShortId, i64>,
    /// Of registers that ever held whole numbers, counters or not.
    tallies: BTreeMap<RegisterNumber, Tally>,
    /// Values that are no counters, and the changes that hid them by incrementing a counter beside them.
    hidden_by: BTreeMap<ShortId, Vec<Node>>,
    /// In which more than one version may stand.
    contested: BTreeSet<RegisterNumber>,
    /// In which several changes acted inside of one version that know nothing of each other.
    divided: BTreeSet<RegisterNumber>,
    /// In which these changes may be others since this was last taken.
    newly_divided: BTreeSet<RegisterNumber>,
    /// In which something may have come to stand or to fall since this was last taken.
    changed: BTreeSet<RegisterNumber>,
}

impl Registers {
    /// Everything that a document holds. Registers that only changes other than the `new` ones wrote do not count as
    /// changed.
    ///
    /// # Errors
    /// When a change does not read as it did when it came in.
    pub(crate) fn of(automerge: &Automerge, new: &BTreeSet<ChangeHash>) -> Result<Self, OpenError> {
        let mut registers = Self::default();
        let (mut changed, mut divided) = (BTreeSet::new(), BTreeSet::new());
        for change in automerge.get_changes(&[]) {
            let change = reread_change(saved(&change).bytes)
                .map_err(|refusal| OpenError::Unreadable(refusal.to_string()))?;
            if planted!(ForgetSnapshot) && !new.contains(&ChangeHash(change.hash().0)) {
                registers.causality.add(&Link::from(&change));
                continue;
            }
            registers.note(&change);
            let touched = registers.take_changed();
            let newly_divided = std::mem::take(&mut registers.newly_divided);
            if new.contains(&change.hash()) {
                changed.extend(touched);
                divided.extend(newly_divided);
            }
        }
        (registers.changed, registers.newly_divided) = (changed, divided);
        Ok(registers)
    }

    /// The registers in which something may have come to stand or to fall since this was last asked.
    pub(super) fn take_changed(&mut self) -> BTreeSet<RegisterNumber> {
        std::mem::take(&mut self.changed)
    }

    /// Some of them; the others stay for the next time.
    pub(super) fn take_some_changed(&mut self, most: usize) -> BTreeSet<RegisterNumber> {
        let later = self.changed.iter().nth(most).copied();
        let later = later.map(|first| self.changed.split_off(&first)).unwrap_or_default();
        std::mem::replace(&mut self.changed, later)
    }

    pub(super) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    pub(super) fn register(&self, number: RegisterNumber) -> Option<&Register> {
        self.registers.get(number)
    }

    pub(super) fn holder(&self, object: ShortId) -> Option<Holder> {
        self.holder_by_object.get(&object).copied()
    }

    pub(super) fn count(&self, counter: ShortId) -> Option<i64> {
        self.count_by_counter.get(&counter).copied()
    }

    /// Where a number stands with all that was added to it; `None` if there never was one.
    pub(super) fn sum(&self, number: RegisterNumber) -> Option<i64> {
        self.tallies.get(&number).map(Tally::sum)
    }

    /// The operation that made an object, if its actor is known here.
    pub(super) fn short(&self, object: &ObjId) -> Option<ShortId> {
        match object {
            ObjId::Root => Some(NOWHERE),
            ObjId::Id(counter, actor, _) => {
                Some(short(*counter, self.causality.actor_number(actor.to_bytes())?))
            }
        }
    }

    /// The register with this place, if anything was ever noted there.
    pub(super) fn number_of(&self, place: Place) -> Option<RegisterNumber> {
        self.number_by_place.get(&place).copied()
    }

    /// The registers above one, the nearest first, each with the version that leads to it.
    pub(super) fn above(&self, number: RegisterNumber) -> impl Iterator<Item = (&Register, ShortId)> {
        let mut object = self.register(number).map_or(NOWHERE, |register| register.place.object);
        std::iter::from_fn(move || {
            let holder = self.holder(object)?;
            let register = self.register(holder.register)?;
            let version = std::mem::replace(&mut object, register.place.object);
            Some((register, version))
        })
    }
}

impl Register {
    const fn new(place: Place) -> Self {
        Self { place, writes: Vec::new(), latest: Vec::new(), touches: Touches::new(), holds_objects: false }
    }

    /// Several writes of one change count as the last of them.
    fn write(&mut self, write: Write, sees: impl Fn(Node) -> bool) {
        self.touches.retain(|touch| !sees(touch.change));
        if let Some(last) = self.writes.last_mut().filter(|last| last.change == write.change) {
            *last = write;
            return;
        }
        let Self { writes, latest, .. } = self;
        latest.retain(|at| writes.get(*at).is_some_and(|write| !sees(write.change)));
        latest.push(writes.len());
        writes.push(write);
    }

    /// The writes that no other has seen.
    pub(super) fn latest(&self) -> impl Iterator<Item = &Write> {
        self.latest.iter().filter_map(|at| self.writes.get(*at))
    }

    /// Among the writes that `sees` tells, those that no other of them has seen.
    pub(super) fn latest_among(&self, sees: impl Fn(Node) -> bool, causality: &Causality) -> Vec<&Write> {
        let mut found: Vec<(&Write, Clock)> = Vec::new();
        for write in self.writes.iter().rev().filter(|write| sees(write.change)) {
            if !found.iter().any(|(_, clock)| causality.is_in(write.change, clock)) {
                found.push((write, causality.clock(write.change)));
            }
        }
        found.into_iter().map(|(write, _)| write).collect()
    }

    /// What a deletion leaves that names some of the values before its change.
    fn left_by_delete(
        &self,
        is_gone: impl Fn(&ShortId) -> bool,
        sees: impl Fn(Node) -> bool,
        causality: &Causality,
    ) -> Vec<ShortId> {
        let one = self.latest.len() == 1 && self.latest().all(|write| sees(write.change));
        let before: Vec<&Write> = match one {
            true => self.latest().collect(),
            false => self.latest_among(sees, causality),
        };
        let mut left: Vec<_> = before.into_iter().flat_map(Write::shown).filter(|id| !is_gone(id)).collect();
        left.sort_unstable();
        left
    }

    /// The write that made a version.
    pub(super) fn write_of(&self, version: ShortId) -> Option<&Write> {
        self.writes.iter().rev().find(|write| write.version == version)
    }

    fn is_contested(&self) -> bool {
        let mut versions = self.latest().map(|write| write.version).chain(self.touches.versions());
        let first = versions.next();
        versions.any(|version| Some(version) != first)
    }
}

impl Write {
    /// The operations whose values stand in the register after it.
    pub(super) fn shown(&self) -> Vec<ShortId> {
        match &self.deed {
            Deed::Put => vec![self.version],
            Deed::Delete { left } => left.clone(),
        }
    }

    /// Whether it took this version away.
    pub(super) fn removes(&self, version: ShortId) -> bool {
        self.version != version && !self.shown().contains(&version)
    }
}
