//! Takes the changes of a document into its registers, one after the other.

use super::{Deed, Holder, Place, Register, RegisterNumber, Registers, ShortKey, Write};
use crate::causality::{Causality, Clock, Link, Node};
use crate::gatekeeper::{Action, CheckedChange, Key, Object, Operation, OperationId, Value};
use crate::short_id::{NOWHERE, ShortId, short};
use automerge::ObjType;
use std::collections::BTreeSet;

/// A change that is being noted.
struct Noting {
    node: Node,
    start_op: u32,
    past: Past,
    /// The numbers of its actors; its author's first.
    actors: Vec<u32>,
    touched: BTreeSet<(RegisterNumber, ShortId)>,
    /// Registers that hold or held objects, and were written.
    written_over: BTreeSet<RegisterNumber>,
}

/// What a change that is being noted has seen.
#[derive(Debug)]
enum Past {
    /// All that is here.
    Everything,
    Some(Clock),
}

impl Registers {
    /// Notes a change; those that it depends on are noted before it.
    pub(crate) fn note(&mut self, change: &CheckedChange) {
        let node = self.causality.add(&Link::from(change));
        let past = match self.causality.is_only_head(node) || planted!(ArrivalIsCausality) {
            true => Past::Everything,
            false => Past::Some(self.causality.clock(node)),
        };
        let actors = (0..).map_while(|index| change.actor_at(index));
        let mut noting = Noting {
            node,
            start_op: short(change.start_op(), 0).counter,
            past,
            actors: actors.map(|actor| self.causality.number_of_actor(actor)).collect(),
            touched: BTreeSet::new(),
            written_over: BTreeSet::new(),
        };
        for operation in change.operations_iter() {
            self.note_operation(&operation, &mut noting);
        }
        self.note_removed_above(&noting.written_over);
    }

    fn note_operation(&mut self, operation: &Operation<'_>, noting: &mut Noting) {
        let object = match operation.object {
            Object::Root => NOWHERE,
            Object::Made(id) => noting.id(id),
        };
        let id = noting.id(OperationId { counter: operation.counter, actor: 0 });
        let is_text = self.holder(object).is_some_and(|holder| holder.object_type == ObjType::Text);
        if let Some(object_type) = made(operation.action) {
            let key = self.key(operation.key, noting, operation.insert.then_some(id));
            let register = self.number(Place { object, key });
            self.holder_by_object.insert(id, Holder { register, object_type });
            if let Some(register) = self.registers.get_mut(register) {
                register.holds_objects = true;
            }
        }
        if let Value::Counter(count) = operation.value
            && operation.action == Action::Set
        {
            self.count_by_counter.insert(id, count);
        }
        if operation.action == Action::Increment {
            let key = self.key(operation.key, noting, None);
            let register = self.number(Place { object, key });
            let mut counts = false;
            for counter in operation.predecessors.iter().map(|counter| noting.id(*counter)) {
                if let Some(count) = self.count_by_counter.get_mut(&counter) {
                    *count = count.wrapping_add(operation.value.amount());
                    counts = true;
                    self.touch(register, counter, noting);
                } else {
                    self.hidden_by.entry(counter).or_default().push(noting.node);
                }
            }
            if counts {
                // Of counters in conflict it counts on all; it is one increment.
                let tally = self.tallies.entry(register).or_default();
                tally.add(noting.author(), noting.node, operation.value.amount());
            }
        } else if !is_text
            && operation.action != Action::Mark
            && (!operation.insert || operation.action.makes())
        {
            let key = self.key(operation.key, noting, operation.insert.then_some(id));
            self.write(Place { object, key }, id, operation, noting);
        }
        self.touch_above(object, noting);
    }

    fn key(&mut self, key: Key<'_>, noting: &Noting, inserted: Option<ShortId>) -> ShortKey {
        match (inserted, key) {
            (Some(id), _) => ShortKey::Element(id),
            (None, Key::Property(property)) => ShortKey::Property(self.properties.note(property)),
            (None, Key::Element(element)) => ShortKey::Element(noting.id(element)),
            (None, Key::Head) => ShortKey::Element(NOWHERE),
        }
    }

    fn number(&mut self, place: Place) -> RegisterNumber {
        if let Some(number) = self.number_of(place) {
            return number;
        }
        let number = self.registers.len();
        self.number_by_place.insert(place, number);
        self.registers.push(Register::new(place));
        number
    }

    fn write(&mut self, place: Place, version: ShortId, operation: &Operation<'_>, noting: &mut Noting) {
        if planted!(SkipDeletes) && operation.action == Action::Delete {
            return;
        }
        if planted!(SkipElements) && matches!(place.key, ShortKey::Element(_)) {
            return;
        }
        let number = self.number(place);
        self.tally(number, operation, noting);
        let Self { registers, causality, hidden_by, .. } = self;
        let Some(register) = registers.get_mut(number) else { return };
        let sees = |change: Node| noting.has_seen(change, causality);
        let named: Vec<_> = operation.predecessors.iter().map(|id| noting.id(*id)).collect();
        let is_gone = |id: &ShortId| {
            named.contains(id) || hidden_by.get(id).is_some_and(|by| by.iter().any(|change| sees(*change)))
        };
        let deed = match operation.action {
            Action::Delete => Deed::Delete { left: register.left_by_delete(is_gone, sees, causality) },
            Action::MakeMap
            | Action::MakeList
            | Action::MakeText
            | Action::Set
            | Action::Increment
            | Action::Mark => Deed::Put,
        };
        register.write(Write { change: noting.node, version, deed }, sees);
        if register.holds_objects {
            noting.written_over.insert(number);
        }
        self.weigh(number);
    }

    /// What is no number counts as none, except that a removal of some values leaves what is left.
    fn tally(&mut self, number: RegisterNumber, operation: &Operation<'_>, noting: &Noting) {
        let whole = (operation.action == Action::Set).then(|| operation.value.whole()).flatten();
        if operation.action == Action::Delete || whole.is_none() && !self.tallies.contains_key(&number) {
            return;
        }
        let tally = self.tallies.entry(number).or_default();
        let before = tally.sum_of(|change| noting.has_seen(change, &self.causality));
        tally.add(noting.author(), noting.node, whole.unwrap_or_default().wrapping_sub(before));
    }

    fn touch(&mut self, number: RegisterNumber, version: ShortId, noting: &Noting) {
        let Some(register) = self.registers.get_mut(number) else { return };
        if planted!(SkipIncrements) && self.count_by_counter.contains_key(&version) {
            return;
        }
        if planted!(TouchSettles) {
            register
                .latest
                .retain(|at| register.writes.get(*at).is_some_and(|write| write.version == version));
        }
        // What a change writes itself, it has seen itself.
        let is_own = noting.is_own(version);
        let is_overwritten = register.writes.last().is_some_and(|last| last.change == noting.node);
        if is_own || is_overwritten {
            return;
        }
        register.touches.add(noting.node, version, |change| noting.has_seen(change, &self.causality));
        self.weigh(number);
    }

    /// An act inside an object touches every version that it lies in.
    fn touch_above(&mut self, object: ShortId, noting: &mut Noting) {
        let mut object = object;
        if planted!(SkipNested) {
            return;
        }
        while let Some(Holder { register, .. }) = self.holder(object) {
            // What this change made itself, it has written in its place, and touched what is above.
            if noting.is_own(object) || !noting.touched.insert((register, object)) {
                return;
            }
            self.touch(register, object, noting);
            object = self.register(register).map_or(NOWHERE, |register| register.place.object);
        }
    }

    fn weigh(&mut self, number: RegisterNumber) {
        let is_contested = self.register(number).is_some_and(Register::is_contested);
        let was_contested = match is_contested {
            true => !self.contested.insert(number),
            false => self.contested.remove(&number),
        };
        if (is_contested != was_contested) || (is_contested && !planted!(MissChangedCandidate)) {
            self.changed.insert(number);
        }
        let is_divided = self.register(number).is_some_and(|register| register.touches.are_divided());
        let was_divided = match is_divided {
            true => !self.divided.insert(number),
            false => self.divided.remove(&number),
        };
        if is_divided || was_divided {
            self.newly_divided.insert(number);
        }
    }

    /// What stands below a register falls when the register is written.
    fn note_removed_above(&mut self, written: &BTreeSet<RegisterNumber>) {
        let below = self.contested_below(written);
        self.changed.extend(below);
        let below = self.below(self.divided.iter(), written);
        self.newly_divided.extend(below);
    }

    pub(super) fn contested_below(&self, above: &BTreeSet<RegisterNumber>) -> Vec<RegisterNumber> {
        self.below(self.contested.iter(), above)
    }

    /// Those of some registers that lie in what others hold.
    fn below<'a>(
        &self,
        registers: impl Iterator<Item = &'a RegisterNumber>,
        others: &BTreeSet<RegisterNumber>,
    ) -> Vec<RegisterNumber> {
        if others.is_empty() {
            return Vec::new();
        }
        let is_below = |number: &RegisterNumber| {
            let mut above = self.above(*number);
            above.any(|(register, _)| {
                self.number_of(register.place).is_some_and(|above| others.contains(&above))
            })
        };
        registers.copied().filter(is_below).collect()
    }
}

impl Noting {
    fn id(&self, id: OperationId) -> ShortId {
        self.actors.get(id.actor).map_or(NOWHERE, |actor| short(id.counter, *actor))
    }

    fn author(&self) -> u32 {
        self.actors.first().copied().unwrap_or_default()
    }

    fn is_own(&self, version: ShortId) -> bool {
        self.actors.first() == Some(&version.actor) && version.counter >= self.start_op
    }

    fn has_seen(&self, change: Node, causality: &Causality) -> bool {
        match &self.past {
            Past::Everything => true,
            Past::Some(clock) => causality.is_in(change, clock),
        }
    }
}

const fn made(action: Action) -> Option<ObjType> {
    match action {
        Action::MakeMap => Some(ObjType::Map),
        Action::MakeList => Some(ObjType::List),
        Action::MakeText => Some(ObjType::Text),
        Action::Set | Action::Delete | Action::Increment | Action::Mark => None,
    }
}
