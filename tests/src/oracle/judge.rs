//! Holds what the product found against what the oracle says.

use super::{ChangeId, Expected, Key, Object, OperationId, Value};
use crate::oracle::histories::History;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_document::Conflict;
use tiebreak_protocol::{ChangeHash, ConflictId};

/// What the product calls the conflicts that the oracle tells apart.
#[derive(Debug, Default)]
pub struct Identities {
    id_by_subject: BTreeMap<(Vec<u8>, BTreeSet<OperationId>), ConflictId>,
    ids: BTreeSet<ConflictId>,
}

impl Identities {
    /// The same register with the same base always has one id, and no other has it.
    fn check(&mut self, register: &[u8], base: &BTreeSet<OperationId>, id: ConflictId) -> Result<(), String> {
        match self.id_by_subject.get(&(register.to_vec(), base.clone())) {
            Some(known) if *known == id => Ok(()),
            Some(known) => Err(format!("{id} was {known} before")),
            None if self.ids.insert(id) => {
                self.id_by_subject.insert((register.to_vec(), base.clone()), id);
                Ok(())
            }
            None => Err(format!("{id} has named another conflict before")),
        }
    }
}

/// Whether these are the conflicts of a history, none missing and none too many.
///
/// # Errors
/// What is different.
pub fn judge(history: &History, found: &[Conflict], identities: &mut Identities) -> Result<(), String> {
    let expected = history.model.conflicts();
    let mut found_by_register: BTreeMap<_, _> =
        found.iter().map(|conflict| (conflict.register.0.as_slice(), conflict)).collect();
    if found_by_register.len() != found.len() {
        return Err("one register is in conflict twice".to_owned());
    }
    for expected in &expected {
        let register = register_bytes(expected);
        let Some(conflict) = found_by_register.remove(register.as_slice()) else {
            return Err(format!("missed: {expected:#?}"));
        };
        compare(history, expected, conflict)
            .map_err(|difference| format!("{difference}: expected {expected:#?}, found {conflict:#?}"))?;
        identities.check(&register, &expected.base, conflict.id)?;
    }
    match found_by_register.values().next() {
        Some(surplus) => Err(format!("no conflict: {surplus:#?}")),
        None => Ok(()),
    }
}

fn compare(history: &History, expected: &Expected, found: &Conflict) -> Result<(), &'static str> {
    if expected.kind.as_str() != found.conflict_type.as_str() {
        return Err("another type");
    }
    let sides = |id: String, value: Option<Json>, change: ChangeHash| (id, (value, change));
    let mine: BTreeMap<_, _> = expected
        .candidates
        .iter()
        .map(|side| {
            sides(operation_text(side.write), side.value.as_ref().map(json), hash(history, side.newest))
        })
        .collect();
    let theirs: BTreeMap<_, _> =
        found.candidates.iter().map(|side| sides(side.id.clone(), side.value.clone(), side.change)).collect();
    if mine == theirs { Ok(()) } else { Err("other candidates") }
}

fn hash(history: &History, id: ChangeId) -> ChangeHash {
    let change = history.changes.iter().find(|recorded| recorded.change.id == id);
    ChangeHash(change.expect("the model knows the changes of its history").hash)
}

/// As the product names registers.
fn register_bytes(expected: &Expected) -> Vec<u8> {
    let mut bytes = match expected.register.object {
        Object::Root => vec![0; 9],
        Object::MadeBy(id) => operation_bytes(id),
    };
    match &expected.register.key {
        Key::Property(property) => {
            bytes.push(0);
            bytes.extend(property.as_bytes());
        }
        Key::Element(element) => {
            bytes.push(1);
            bytes.extend(operation_bytes(*element));
        }
    }
    bytes
}

fn operation_bytes(id: OperationId) -> Vec<u8> {
    let mut bytes = id.counter.to_be_bytes().to_vec();
    bytes.push(16);
    bytes.extend([id.actor; 16]);
    bytes
}

fn operation_text(id: OperationId) -> String {
    format!("{}@{}", id.counter, format!("{:02x}", id.actor).repeat(16))
}

/// As the product shows values.
fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(number) | Value::Timestamp(number) | Value::Counter(number) => Json::from(*number),
        Value::Uint(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::String(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(bytes.as_slice()),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
        Value::List(list) => list.iter().map(json).collect(),
    }
}
