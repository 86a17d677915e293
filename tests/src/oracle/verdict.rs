//! Which registers are in conflict, how, and over what.

use super::registers::Version;
use super::value::Value;
use super::{ChangeId, Model, OperationId, Register};
use std::collections::BTreeSet;

/// A conflict that a history has.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub register: Register,
    pub kind: Type,
    /// In the order of their writes' ids.
    pub candidates: Vec<Candidate>,
    /// The last writes before the sides parted.
    pub base: BTreeSet<OperationId>,
}

/// A version that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub write: OperationId,
    /// What it is today; none: removed.
    pub value: Option<Value>,
    /// Of the changes with an event that keeps it standing, the one with the greatest operation.
    pub newest: ChangeId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    WriteWrite,
    DeleteEdit,
    ReplaceEdit,
    LostIncrement,
}

impl Type {
    pub const ALL: [Self; 4] = [Self::WriteWrite, Self::DeleteEdit, Self::ReplaceEdit, Self::LostIncrement];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WriteWrite => "write_write",
            Self::DeleteEdit => "delete_edit",
            Self::ReplaceEdit => "replace_edit",
            Self::LostIncrement => "lost_increment",
        }
    }
}

/// A version that stands, with the events by which it does.
struct Standing {
    version: Version,
    unseen: Vec<OperationId>,
}

impl Model {
    /// Every conflict that stands today, in the order of registers.
    pub fn conflicts(&self) -> Vec<Expected> {
        self.registers().into_iter().filter_map(|register| self.conflict(register)).collect()
    }

    fn conflict(&self, register: Register) -> Option<Expected> {
        let standing = self.standing(&register);
        let disagree = standing.iter().enumerate().any(|(index, one)| {
            standing[index + 1..].iter().any(|other| !self.agree(&one.version, &other.version))
        });
        disagree.then(|| Expected {
            kind: self.kind_of_conflict(&standing),
            candidates: standing.iter().map(|one| self.candidate(one)).collect(),
            base: self.base(&register, &standing),
            register,
        })
    }

    fn standing(&self, register: &Register) -> Vec<Standing> {
        let versions = self.versions(register).into_iter().map(|version| {
            let unseen = self.unseen_events(&version, &self.rivals(register, &version));
            Standing { version, unseen }
        });
        versions.filter(|one| !one.unseen.is_empty()).collect()
    }

    /// Choice: two versions that show one and the same operation's value agree, be it a counter.
    fn agree(&self, one: &Version, other: &Version) -> bool {
        match (one.shows, other.shows) {
            (None, None) => true,
            (Some(one), Some(other)) => one == other || self.value(one).agrees_with(&self.value(other)),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    fn kind_of_conflict(&self, standing: &[Standing]) -> Type {
        // Choice: only writes of this register count here, not what fell or stands further up.
        let is_overwritten = |one: &&Standing| {
            let mut others = standing.iter().map(|other| other.version.write);
            others.any(|other| self.has_seen(other, one.version.write))
        };
        let mut overwritten = standing.iter().filter(is_overwritten);
        let is_counter = |one: &Standing| one.version.shows.is_some_and(|shows| self.is_counter(shows));
        if overwritten.clone().any(is_counter) {
            Type::LostIncrement
        } else if standing.iter().any(|one| one.version.shows.is_none()) {
            Type::DeleteEdit
        } else if overwritten.next().is_some() {
            Type::ReplaceEdit
        } else {
            Type::WriteWrite
        }
    }

    fn candidate(&self, standing: &Standing) -> Candidate {
        let changes = standing.unseen.iter().map(|event| self.change_of(*event));
        let newest = changes.max_by_key(|change| self.last_operation(*change));
        Candidate {
            write: standing.version.write,
            value: standing.version.shows.map(|shows| self.value(shows)),
            newest: newest.expect("what stands does so by an event"),
        }
    }

    /// The writes that all sides had seen, without those that another one of them had seen.
    fn base(&self, register: &Register, standing: &[Standing]) -> BTreeSet<OperationId> {
        let events: Vec<_> = standing.iter().flat_map(|one| self.first_cause(one)).collect();
        let writes = self.versions(register).into_iter().map(|version| version.write);
        let is_common = |write: &OperationId| events.iter().all(|event| self.has_seen(*event, *write));
        let common: Vec<_> = writes.filter(is_common).collect();
        let is_last = |write: &&OperationId| !common.iter().any(|other| self.has_seen(*other, **write));
        common.iter().filter(is_last).copied().collect()
    }

    /// The events by which a version stands: its write, or else the last of its touches on each side.
    ///
    /// Choice: the last among the unseen touches; one that a rival has seen is none by which a version stands.
    fn first_cause(&self, standing: &Standing) -> Vec<OperationId> {
        let unseen = &standing.unseen;
        if unseen.contains(&standing.version.write) {
            return vec![standing.version.write];
        }
        let is_last = |event: &&OperationId| !unseen.iter().any(|other| self.has_seen(*other, **event));
        unseen.iter().filter(is_last).copied().collect()
    }
}
