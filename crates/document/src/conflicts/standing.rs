//! Which versions of a register stand, and what their authors had all seen.

use super::registers::{Register, RegisterNumber, Registers, ShortKey};
use crate::causality::{Causality, Clock, Node};
use crate::short_id::ShortId;
use std::collections::BTreeSet;
use tiebreak_protocol::ChangeHash;

/// A version that stands: by its write or by touches, that no write of another version has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) version: ShortId,
    /// The change that wrote it.
    pub(super) written_by: Option<Node>,
    pub(super) by: By,
    /// The change that left the version as it is on this side, where acts inside of it are sides of their own.
    pub(super) part: Option<Node>,
}

/// By what a version stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// No other version's author knew that it was written. With touches, if there are any.
    Write(Vec<Node>),
    /// It was written over, by somebody who did not know these.
    Touches(Vec<Node>),
}

/// What the sides of a conflict have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// The last writes that all of them had seen.
    pub(super) writes: Vec<ShortId>,
    /// The last changes that all of them had seen: the place as these left it is what all sides started from. None
    /// where there was nothing.
    pub(super) heads: Vec<ChangeHash>,
}

impl Registers {
    /// The versions of a register that stand, in the order of their ids; with one or none nobody disagrees.
    pub(super) fn standing(&self, number: RegisterNumber) -> Vec<Standing> {
        let Some(register) = self.register(number) else { return Vec::new() };
        // What those had seen who took away above what holds this register.
        let removals: Vec<Clock> = self
            .above(number)
            .flat_map(|(above, holds)| above.latest().filter(move |write| write.removes(holds)))
            .map(|write| self.causality.clock(write.change))
            .collect();
        let stands = |change: Node| {
            planted!(IgnoreRemovalAbove)
                || !removals.iter().any(|removal| self.causality.is_in(change, removal))
        };
        let written = register.latest().map(|write| write.version);
        let versions: BTreeSet<_> = written.chain(register.touches.versions()).collect();
        let standing = versions.into_iter().filter_map(|version| {
            let of_version = register.touches.iter().filter(|touch| touch.version == version);
            let touches: Vec<_> =
                of_version.map(|touch| touch.change).filter(|change| stands(*change)).collect();
            let latest = register.latest().find(|write| write.version == version);
            let written_by = self.causality.change_of(version);
            match latest.filter(|write| stands(write.change)) {
                Some(_) => Some(Standing { version, written_by, by: By::Write(touches), part: None }),
                None if touches.is_empty() => None,
                None => Some(Standing { version, written_by, by: By::Touches(touches), part: None }),
            }
        });
        standing.collect()
    }

    /// What all sides had seen of the register.
    pub(super) fn base(&self, register: &Register, standing: &[Standing]) -> Base {
        let causality = &self.causality;
        let seen_by_all = self.seen_by_all(standing);
        let base = register.latest_among(|change| causality.is_in(change, &seen_by_all), causality);
        let mut writes: Vec<_> = base.iter().map(|write| write.version).collect();
        // An element is there from its insertion on, which is not noted.
        if let (true, ShortKey::Element(element)) = (writes.is_empty(), register.place.key) {
            let inserted = causality.change_of(element);
            writes.extend(inserted.filter(|change| causality.is_in(*change, &seen_by_all)).map(|_| element));
        }
        let heads = if writes.is_empty() { Vec::new() } else { causality.last_in(&seen_by_all) };
        Base { writes, heads }
    }

    fn seen_by_all(&self, standing: &[Standing]) -> Clock {
        let causality = &self.causality;
        let events = standing.iter().flat_map(Standing::events);
        let clocks = events.map(|(change, is_write)| {
            let clock = causality.clock(change);
            if is_write { clock.before(causality.actor_of(change)) } else { clock }
        });
        let met = clocks.reduce(|mut common, clock| {
            common.meet(&clock);
            common
        });
        met.unwrap_or_default()
    }

    /// Whether a side was written over by another one: then it stands because of what that one's author did not know.
    pub(super) fn is_overwritten(&self, side: &Standing, standing: &[Standing]) -> bool {
        let Some(written_by) = side.written_by else { return false };
        let others = standing.iter().filter(|other| other.version != side.version);
        let mut writes = others.filter_map(|other| other.written_by);
        writes.any(|write| self.causality.is_in(written_by, &self.causality.clock(write)))
    }
}

impl Standing {
    /// The operation that names the side: the one that wrote the version, or the first one of the change that left it so.
    pub(super) fn id(&self, causality: &Causality) -> ShortId {
        self.part.map_or(self.version, |change| causality.first_operation(change))
    }

    /// A side for each change inside of the version, if there are any.
    pub(super) fn parts(self) -> Vec<Self> {
        let (By::Write(touches) | By::Touches(touches)) = &self.by;
        if touches.is_empty() {
            return vec![self];
        }
        let part = |change: &Node| Self { by: By::Touches(vec![*change]), part: Some(*change), ..self };
        touches.iter().map(part).collect()
    }

    /// What the version stands by: changes, and whether each wrote it.
    fn events(&self) -> impl Iterator<Item = (Node, bool)> + '_ {
        let (write, touches) = match &self.by {
            By::Write(_) => (self.written_by, &[][..]),
            By::Touches(touches) => (None, touches.as_slice()),
        };
        write.map(|change| (change, true)).into_iter().chain(touches.iter().map(|change| (*change, false)))
    }

    /// The changes that keep it standing.
    pub(super) fn changes(&self) -> impl Iterator<Item = Node> + '_ {
        let (write, touches) = match &self.by {
            By::Write(touches) => (self.written_by, touches),
            By::Touches(touches) => (None, touches),
        };
        write.into_iter().chain(touches.iter().copied())
    }
}
