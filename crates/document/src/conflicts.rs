//! Where two sides really disagree: found by looking at what the changes that come together wrote, without knowing of
//! each other.
//!
//! What disagrees is a function of the history alone, so every replica with the same history finds the same
//! conflicts, under the same ids. [`registers`] keeps what of the past still counts, [`standing`] says who stands.

/// Whether a test has planted this mistake here; never, in what is shipped.
macro_rules! planted {
    ($mistake:ident) => {{
        #[cfg(feature = "planted-mistakes")]
        let planted = $crate::conflicts::mistakes::is_planted($crate::conflicts::mistakes::Mistake::$mistake);
        #[cfg(not(feature = "planted-mistakes"))]
        let planted = false;
        planted
    }};
}

mod digest;
mod flags;
mod identity;
#[cfg(feature = "planted-mistakes")]
pub mod mistakes;
mod registers;
mod repair;
mod rules;
mod settle;
mod standing;
mod touches;
mod value;

pub use digest::ConflictDigest;
pub use flags::Flags;
pub(crate) use registers::Registers;
pub(crate) use rules::RulesLook;
pub use settle::{Choice, Resolved, SettleError, Settlement};

use crate::engine::{Engine, library_hash};
use crate::json::to_json;
use crate::path::PathStep;
use crate::{CheckedChange, Document, OpenError};
use registers::{Register, RegisterNumber, ShortKey};
use serde_json::Value as Json;
use standing::Standing;
use std::collections::BTreeSet;
use tiebreak_protocol::{ActorId, ChangeHash, ConflictId, ConflictType, DocumentId, Heads};
use value::{Shown, Values};

/// Two or more sides that disagree about one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    pub id: ConflictId,
    /// The place, as no two have it in common, whatever moves around it.
    pub register: RegisterName,
    /// The place today.
    pub path: Vec<PathStep>,
    pub conflict_type: ConflictType,
    /// What people are told of the rule that the document breaks, if that is what this is.
    pub rule: Option<String>,
    /// What all sides had seen there; `None` when there was nothing.
    pub base: Option<Json>,
    /// At least two, in the order of their ids, on every replica alike: the greatest is what the library shows. A rule can
    /// be broken by one alone.
    pub candidates: Vec<Candidate>,
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The operation that wrote it: `counter@actor`.
    pub id: String,
    /// What it shows today; `None`: the place is empty.
    pub value: Option<Json>,
    /// The latest change that keeps it.
    pub change: ChangeHash,
    /// Who made that change.
    pub actor: ActorId,
    /// When, in seconds since the Unix epoch, as the device claimed; 0 when it did not say.
    pub time_s: i64,
    /// The last of the changes that keep it, `change` among them: whoever has these has all.
    pub changes: Vec<ChangeHash>,
}

/// What names a place of a document for good: the object's id, and the key in it or the element's id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegisterName(pub Vec<u8>);

/// A place that was looked at, and the conflict that is there now.
#[derive(Debug, Clone, PartialEq)]
pub struct Reviewed {
    pub register: RegisterName,
    pub conflict: Option<Conflict>,
    /// What stands there without any other side, if something does.
    pub alone: Option<Candidate>,
    /// What that says it settles.
    pub resolved: Option<Resolved>,
    /// Where the document's kind decides without anybody, between the sides of a conflict or of what it never asks
    /// about: the change that makes it so, the same on every replica with the same sides. To be merged by whoever decides for all, and by nobody else.
    pub repair: Option<CheckedChange>,
}

/// Places looked at in one review. More than that change at once only where somebody writes over, or takes away, what
/// holds thousands of places in conflict; nobody else is to wait for it.
pub const REVIEWED_AT_ONCE_MAX: usize = 64;

impl Document {
    /// Looks at the places about which something may have changed: those that `merged` changes wrote while others
    /// wrote there too. Costs nothing when each of them followed from all that was here before and nothing was
    /// in conflict: `open` is how many conflicts the document is known to have. Of very many places some are looked at
    /// the next time, without anything merged: [`has_more_to_review`](Self::has_more_to_review).
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn review(
        &mut self,
        document_id: DocumentId,
        flags: &Flags,
        merged: &[CheckedChange],
        open: usize,
    ) -> Result<Vec<Reviewed>, OpenError> {
        let is_in_one_line = is_in_one_line(merged, self.heads());
        let engine = self.opened()?;
        if engine.noted_registers().is_none() && open == 0 && is_in_one_line {
            return Ok(Vec::new());
        }
        let new: BTreeSet<_> = merged.iter().map(CheckedChange::hash).collect();
        let registers = engine.registers(&new)?;
        registers.note_records(flags);
        let changed = registers.take_some_changed(REVIEWED_AT_ONCE_MAX);
        engine.read(|engine| {
            let Some(review) = Review::of(engine, document_id, flags) else { return Vec::new() };
            changed.into_iter().filter_map(|number| review.look_at(number)).collect()
        })
    }

    /// Whether the last review has left something for the next one.
    pub fn has_more_to_review(&self) -> bool {
        self.engine().and_then(Engine::noted_registers).is_some_and(Registers::has_changed)
    }

    /// Every conflict of the document.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn conflicts(&mut self, document_id: DocumentId, flags: &Flags) -> Result<Vec<Conflict>, OpenError> {
        let engine = self.opened()?;
        engine.registers(&BTreeSet::new())?;
        let mut conflicts: Vec<_> = engine.read(|engine| {
            let Some(review) = Review::of(engine, document_id, flags) else { return Vec::new() };
            let disputed = review.values.registers.disputed(flags).into_iter();
            disputed.filter_map(|number| review.look_at(number)?.conflict).collect()
        })?;
        conflicts.extend(self.broken(document_id, flags)?);
        Ok(conflicts)
    }
}

/// Whether each change follows from the one before, and the first from all that was here, so that nobody has missed
/// anything.
fn is_in_one_line(merged: &[CheckedChange], heads: &Heads) -> bool {
    let follows = |(before, after): (&CheckedChange, &CheckedChange)| after.deps() == [before.hash()];
    merged.iter().zip(merged.iter().skip(1)).all(follows)
        && merged.last().is_none_or(|last| heads.as_slice() == [last.hash()])
}

/// One look at a document.
struct Review<'a> {
    document_id: DocumentId,
    flags: &'a Flags,
    values: Values<'a>,
}

impl<'a> Review<'a> {
    fn of(engine: &'a Engine, document_id: DocumentId, flags: &'a Flags) -> Option<Self> {
        let registers = engine.noted_registers()?;
        Some(Self { document_id, flags, values: Values { engine, registers } })
    }

    fn look_at(&self, number: RegisterNumber) -> Option<Reviewed> {
        let register = self.values.registers.register(number)?;
        let name = RegisterName(identity::register_bytes(self.values.registers, register));
        let conflict = self.conflict(number, register, &name);
        let alone = if conflict.is_none() { self.alone(number, register) } else { None };
        let repair = match &conflict {
            None if self.is_in_disputed_record(number) => None,
            None => self.repair(number, register, &name),
            Some(conflict) => self.by_rule(register, conflict),
        };
        let resolved = alone.as_ref().and_then(|alone| self.resolved_by(alone.change));
        Some(Reviewed { register: name, conflict, alone, resolved, repair })
    }

    /// What a change says that it settles.
    fn resolved_by(&self, change: ChangeHash) -> Option<Resolved> {
        let meta = self.values.engine.automerge.get_change_meta_by_hash(&library_hash(change))?;
        Resolved::read(&meta.message?)
    }

    fn alone(&self, number: RegisterNumber, register: &Register) -> Option<Candidate> {
        let standing = self.sides(number);
        let [side] = standing.as_slice() else { return None };
        self.candidate(side, &self.values.of(register, side))
    }

    /// The sides that know nothing of each other, in the order of their ids: every replica numbers actors in its own way.
    fn sides(&self, number: RegisterNumber) -> Vec<Standing> {
        let registers = self.values.registers;
        let sides = registers.standing(number);
        self.in_order(match registers.is_record(number, self.flags) {
            true => sides.into_iter().flat_map(Standing::parts).collect(),
            false => sides,
        })
    }

    fn in_order(&self, mut sides: Vec<Standing>) -> Vec<Standing> {
        let id = |side: &Standing| side.id(&self.values.registers.causality);
        sides.sort_by(|one, other| self.values.order(id(one), id(other)));
        sides
    }

    /// Whether somebody is asked about all that this is a part of.
    fn is_in_disputed_record(&self, number: RegisterNumber) -> bool {
        let registers = self.values.registers;
        self.flags.hold_records()
            && registers.above(number).any(|(above, _)| {
                let record = registers.number_of(above.place);
                let record = record.filter(|number| registers.is_record(*number, self.flags));
                record.is_some_and(|number| self.look_for_conflict(number, above).is_some())
            })
    }

    fn look_for_conflict(&self, number: RegisterNumber, register: &Register) -> Option<Conflict> {
        let name = RegisterName(identity::register_bytes(self.values.registers, register));
        self.conflict(number, register, &name)
    }

    fn conflict(&self, number: RegisterNumber, register: &Register, name: &RegisterName) -> Option<Conflict> {
        let registers = self.values.registers;
        let mut standing = self.sides(number);
        if standing.len() < 2 || self.is_in_disputed_record(number) {
            return None;
        }
        let path = self.path(register);
        let is_removed = |side: &Standing| self.values.shown_by(register, side).is_none();
        flags::keep(self.flags.at(&path)?, &mut standing, is_removed);
        if standing.len() < 2 {
            return None;
        }
        let shown: Vec<_> = standing.iter().map(|side| self.values.of(register, side)).collect();
        let shown_by = standing.iter().map(|side| (self.values.shown_by(register, side), side.part));
        let shown_by: Vec<_> = shown_by.collect();
        let mut pairs = shown_by.iter().zip(&shown).zip(shown_by.iter().zip(&shown).skip(1));
        if pairs.all(|((one, shown), (other, shown_too))| {
            (one == other || shown.is_same(shown_too)) && !planted!(FlagEqual)
        }) {
            return None;
        }
        if self
            .flags
            .node_at(&path)
            .is_some_and(|node| self.combined(register, node, (&standing, &shown)).is_some())
        {
            return None;
        }
        let base = registers.base(register, &standing);
        Some(Conflict {
            id: identity::of(self.document_id, name, registers, &base.writes),
            register: name.clone(),
            path,
            conflict_type: self.conflict_type(&standing, &shown),
            rule: None,
            base: self.values.at(register.place, &base.heads).as_ref().map(to_json),
            candidates: self.candidates(&standing, &shown),
        })
    }

    fn conflict_type(&self, standing: &[Standing], shown: &[Shown]) -> ConflictType {
        let registers = self.values.registers;
        let overwritten: Vec<_> =
            standing.iter().map(|side| registers.is_overwritten(side, standing)).collect();
        let is_lost = |(is_overwritten, shown): (&bool, &Shown)| *is_overwritten && shown.is_counter();
        if overwritten.iter().zip(shown).any(is_lost) {
            ConflictType::LostIncrement
        } else if shown.iter().any(Shown::is_removed) {
            ConflictType::DeleteEdit
        } else if overwritten.contains(&true) {
            ConflictType::ReplaceEdit
        } else {
            ConflictType::WriteWrite
        }
    }

    fn candidates(&self, standing: &[Standing], shown: &[Shown]) -> Vec<Candidate> {
        let candidates = standing.iter().zip(shown).filter_map(|(side, shown)| self.candidate(side, shown));
        candidates.collect()
    }

    fn candidate(&self, side: &Standing, shown: &Shown) -> Option<Candidate> {
        let Values { engine, registers } = &self.values;
        let causality = &registers.causality;
        let rank = |change: &u32| {
            let max_op = causality.hash(*change).and_then(|hash| engine.max_op_of(&hash));
            (max_op, causality.actor(causality.actor_of(*change)))
        };
        let latest = side.changes().max_by_key(rank)?;
        let change = causality.hash(latest)?;
        let last = causality.last_of(side.changes());
        let mut changes: Vec<_> = last.into_iter().filter_map(|change| causality.hash(change)).collect();
        changes.sort_unstable();
        let meta = engine.automerge.get_change_meta_by_hash(&library_hash(change));
        Some(Candidate {
            id: identity::version(registers, side.id(&registers.causality)),
            value: shown.to_json(),
            change,
            actor: ActorId::from_bytes(causality.actor(causality.actor_of(latest))),
            time_s: meta.map_or(0, |meta| meta.timestamp),
            changes,
        })
    }

    fn path(&self, register: &Register) -> Vec<PathStep> {
        let registers = self.values.registers;
        let mut path = vec![self.step(register)];
        let mut object = register.place.object;
        while let Some(above) =
            registers.holder(object).and_then(|holder| registers.register(holder.register))
        {
            path.push(self.step(above));
            object = above.place.object;
        }
        path.reverse();
        path
    }

    fn step(&self, register: &Register) -> PathStep {
        match register.place.key {
            ShortKey::Property(property) => {
                PathStep::Key(self.values.registers.properties.name(property).unwrap_or_default().to_owned())
            }
            ShortKey::Element(element) => {
                let position = self.values.position(register.place.object, element, None);
                position.map_or(PathStep::Removed, PathStep::Position)
            }
        }
    }
}

#[cfg(test)]
mod tests;
