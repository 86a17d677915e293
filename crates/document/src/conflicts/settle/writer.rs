//! The operations of a change, one after the other.

use super::super::registers::{Place, Registers, ShortKey};
use super::content::Content;
use crate::short_id::{NOWHERE, ShortId};
use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ObjType, ScalarValue};

pub(super) struct Writer {
    actor: ActorId,
    next: u64,
    operations: Vec<Op>,
}

/// Where something is written.
#[derive(Clone)]
pub(super) struct Target {
    object: ObjectId,
    key: Key,
    replaces: Vec<OpId>,
    insert: bool,
}

impl Writer {
    pub(super) const fn new(actor: ActorId, start_op: u64) -> Self {
        Self { actor, next: start_op, operations: Vec::new() }
    }

    pub(super) fn into_operations(self) -> Vec<Op> {
        self.operations
    }

    pub(super) fn place(&self, registers: &Registers, place: Place) -> Target {
        let actor = |id: ShortId| ActorId::from(registers.causality.actor(id.actor));
        let id = |id: ShortId| OpId::new(id.counter.into(), &actor(id));
        let object = if place.object == NOWHERE { ObjectId::Root } else { ObjectId::Id(id(place.object)) };
        let key = match place.key {
            ShortKey::Property(property) => {
                Key::Map(registers.properties.name(property).unwrap_or_default().into())
            }
            ShortKey::Element(element) => Key::Seq(ElementId::Id(id(element))),
        };
        Target { object, key, replaces: Vec::new(), insert: false }
    }

    /// Puts something in a place instead of what these operations wrote there, or nothing.
    pub(super) fn replace(&mut self, place: Target, known: Vec<OpId>, content: Option<&Content>) {
        match content {
            Some(content) => self.put(Target { replaces: known, ..place }, content),
            None if !known.is_empty() => self.write(Target { replaces: known, ..place }, OpType::Delete),
            None => {
                // A removal names what it removes: something that is never shown.
                let removed = self.write(place.clone(), OpType::Put(ScalarValue::Null));
                self.write(Target { replaces: vec![removed], ..place }, OpType::Delete)
            }
        };
    }

    fn write(&mut self, to: Target, action: OpType) -> OpId {
        let Target { object, key, replaces, insert } = to;
        self.operations.push(Op { action, obj: object, key, pred: replaces.into(), insert });
        self.next += 1;
        OpId::new(self.next - 1, &self.actor)
    }

    /// Depth is bounded for whatever is copied by the gatekeeper, and by the reader of JSON for all that is new.
    fn put(&mut self, to: Target, content: &Content) -> OpId {
        match content {
            Content::Scalar(scalar) => self.write(to, OpType::Put(scalar.clone())),
            Content::Map(map) => {
                let made = self.write(to, OpType::Make(ObjType::Map));
                for (key, value) in map {
                    let key = Key::Map(key.as_str().into());
                    let object = ObjectId::Id(made.clone());
                    self.put(Target { object, key, replaces: Vec::new(), insert: false }, value);
                }
                made
            }
            Content::List(list) => {
                let made = self.write(to, OpType::Make(ObjType::List));
                self.fill(&made, list.iter().cloned());
                made
            }
            Content::Text(text) => {
                let made = self.write(to, OpType::Make(ObjType::Text));
                self.fill(&made, text.chars().map(|character| Content::Scalar(character.into())));
                made
            }
        }
    }

    fn fill(&mut self, sequence: &OpId, elements: impl Iterator<Item = Content>) {
        let mut after = ElementId::Head;
        for element in elements {
            let object = ObjectId::Id(sequence.clone());
            let to = Target { object, key: Key::Seq(after), replaces: Vec::new(), insert: true };
            after = ElementId::Id(self.put(to, &element));
        }
    }
}
