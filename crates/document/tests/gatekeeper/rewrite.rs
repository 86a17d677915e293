//! Changes whose contents were tampered with and which the library then encoded itself.

use crate::random::Random;
use automerge::legacy::{ElementId, Key, MarkData, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ExpandedChange, ObjType, ScalarValue};
use bytes::Bytes;
use std::num::NonZeroU64;

pub(crate) fn rewrite(random: &mut Random, change: &Change) -> Bytes {
    let mut content = change.decode();
    for _ in 0..=random.below(3) {
        tamper(random, change, &mut content);
    }
    Bytes::copy_from_slice(Change::from(content).raw_bytes())
}

fn tamper(random: &mut Random, change: &Change, content: &mut ExpandedChange) {
    let operations = content.operations.len();
    if operations == 0 || random.below(12) == 0 {
        match random.below(6) {
            0 => content.seq = content.seq.wrapping_add(random.next() % 3).wrapping_sub(1).max(1),
            1 => content.message = Some("tampered".to_owned()),
            2 => content.time = random.next() as i64 >> random.below(64),
            3 => content.extra_bytes = vec![random.below(3) as u8, random.below(4) as u8, 7, 8],
            4 => drop(content.deps.pop()),
            _ => {
                let start = content.start_op.get().wrapping_add(random.next() % 5).wrapping_sub(2);
                content.start_op = NonZeroU64::new(start).unwrap_or(NonZeroU64::MIN);
            }
        }
        return;
    }
    let at = random.below(operations);
    let other = content.operations[random.below(operations)].clone();
    match random.below(12) {
        0 => drop(content.operations.remove(at)),
        1 => content.operations.insert(at, other),
        2 => content.operations.swap(at, random.below(operations)),
        _ => tamper_operation(random, change, &mut content.operations[at], other),
    }
}

fn tamper_operation(random: &mut Random, change: &Change, operation: &mut Op, other: Op) {
    let id = operation_id(random, change);
    match random.below(13) {
        0 => operation.insert = !operation.insert,
        1 => operation.pred = Vec::new().into(),
        2 => operation.pred = other.pred,
        3 => operation.pred = vec![id].into(),
        4 => operation.pred = operation.pred.iter().cloned().chain([id]).collect(),
        5 => operation.obj = other.obj,
        6 => operation.obj = ObjectId::Id(id),
        7 => operation.obj = ObjectId::Root,
        8 => operation.key = other.key,
        9 => operation.key = Key::Seq(ElementId::Id(id)),
        10 => operation.key = [Key::head(), Key::Map("key 1".into())][random.below(2)].clone(),
        11 => operation.action = other.action,
        _ => operation.action = action(random),
    }
}

fn operation_id(random: &mut Random, change: &Change) -> OpId {
    let actors: Vec<&ActorId> = change.actors().collect();
    let counter = match random.below(3) {
        0 => 1 + random.next() % change.start_op(),
        1 => change.start_op().get() + random.next() % (change.len() as u64 + 1),
        _ => 1 + random.next() % (change.max_op() + 2),
    };
    OpId::new(counter, actors[random.below(actors.len())])
}

fn action(random: &mut Random) -> OpType {
    let value =
        [ScalarValue::Null, ScalarValue::counter(5), ScalarValue::Str("v".into()), ScalarValue::Int(-3)];
    let value = value[random.below(4)].clone();
    let expand = random.below(2) == 0;
    match random.below(10) {
        0 => OpType::Make(ObjType::Map),
        1 => OpType::Make(ObjType::List),
        2 => OpType::Make(ObjType::Text),
        3 => OpType::Make(ObjType::Table),
        4 => OpType::Delete,
        5 => OpType::Increment(random.next() as i64 >> 20),
        6 => OpType::MarkBegin(MarkData { name: "bold".into(), value, expand }),
        7 => OpType::MarkEnd(expand),
        _ => OpType::Put(value),
    }
}
