//! Changes of the CRDT library in the words of the model.

use crate::oracle::{Action, ChangeId, Kind, ModelChange, ModelOperation, Object, OperationId, Place, Value};
use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ChangeHash, ObjType, ScalarValue};
use std::collections::BTreeMap;

/// Knows the changes that it has translated, by their hash.
#[derive(Debug, Default)]
pub(super) struct Translator {
    known: BTreeMap<ChangeHash, ChangeId>,
}

impl Translator {
    pub(super) fn translate(&mut self, change: &Change) -> ModelChange {
        let id = ChangeId { actor: actor(change.actor_id()), seq: change.seq() };
        self.known.insert(change.hash(), id);
        let decoded = change.decode();
        let operations =
            (change.start_op().get()..).zip(&decoded.operations).map(|(counter, operation)| ModelOperation {
                id: OperationId { counter, actor: id.actor },
                object: object(&operation.obj),
                place: place(operation),
                action: action(&operation.action),
                predecessors: operation.pred.iter().map(operation_id).collect(),
            });
        let deps = change.deps().iter().map(|dep| self.known[dep]).collect();
        ModelChange { id, deps, operations: operations.collect() }
    }
}

/// Every replica's actor repeats one byte, so that they are ordered as these bytes are.
fn actor(actor: &ActorId) -> u8 {
    actor.to_bytes()[0]
}

fn operation_id(id: &OpId) -> OperationId {
    OperationId { counter: id.counter(), actor: actor(id.actor()) }
}

fn object(object: &ObjectId) -> Object {
    match object {
        ObjectId::Root => Object::Root,
        ObjectId::Id(id) => Object::MadeBy(operation_id(id)),
    }
}

fn place(operation: &Op) -> Place {
    match &operation.key {
        Key::Map(key) => Place::Property(key.to_string()),
        Key::Seq(element) if operation.insert => {
            Place::NewElement { after: element.as_opid().map(operation_id) }
        }
        Key::Seq(ElementId::Id(element)) => Place::Element(operation_id(element)),
        Key::Seq(ElementId::Head) => panic!("only insertions name the place in front of all"),
    }
}

fn action(action: &OpType) -> Action {
    match action {
        OpType::Make(kind) => Action::Make(match kind {
            ObjType::Map | ObjType::Table => Kind::Map,
            ObjType::List => Kind::List,
            ObjType::Text => Kind::Text,
        }),
        OpType::Delete => Action::Delete,
        OpType::Increment(by) => Action::Increment(*by),
        OpType::Put(value) => Action::Put(scalar(value)),
        OpType::MarkBegin(_) | OpType::MarkEnd(_) => Action::Mark,
    }
}

pub(super) fn scalar(value: &ScalarValue) -> Value {
    match value {
        ScalarValue::Null => Value::Null,
        ScalarValue::Boolean(value) => Value::Bool(*value),
        ScalarValue::Int(value) => Value::Int(*value),
        ScalarValue::Uint(value) => Value::Uint(*value),
        ScalarValue::F64(value) => Value::Float(*value),
        ScalarValue::Str(value) => Value::String(value.to_string()),
        ScalarValue::Bytes(value) => Value::Bytes(value.clone()),
        ScalarValue::Counter(value) => Value::Counter(value.into()),
        ScalarValue::Timestamp(value) => Value::Timestamp(*value),
        ScalarValue::Unknown { type_code, .. } => panic!("no replica writes values of type {type_code}"),
    }
}
