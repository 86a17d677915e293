//! What names a conflict and its parts on every replica alike.

use super::RegisterName;
use super::registers::{Register, Registers, ShortKey};
use crate::short_id::ShortId;
use sha2::{Digest, Sha256};
use tiebreak_protocol::{ConflictId, DocumentId};

const PROPERTY: u8 = 0;
const ELEMENT: u8 = 1;
const RULE: u8 = 2;

/// The root as an operation: the counter 0, and an actor of no bytes.
const ROOT: [u8; 9] = [0; 9];

/// The id of a conflict: what all sides had seen of a place last, and the place.
pub(super) fn of(
    document: DocumentId,
    register: &RegisterName,
    registers: &Registers,
    base: &[ShortId],
) -> ConflictId {
    let mut base: Vec<_> = base.iter().map(|write| operation_bytes(registers, *write)).collect();
    base.sort_unstable();
    let length = (register.0.len() as u64).to_be_bytes();
    let mut hash = Sha256::new();
    for part in [document.as_bytes().as_slice(), &length, &register.0] {
        hash.update(part);
    }
    for write in base.into_iter().filter(|_| !planted!(IgnoreBase)) {
        hash.update(write);
    }
    let [id, _] = split(hash.finalize().into());
    ConflictId::from_bytes(id)
}

/// The name of a place.
pub(super) fn register_bytes(registers: &Registers, register: &Register) -> Vec<u8> {
    let mut bytes = operation_bytes(registers, register.place.object);
    match register.place.key {
        ShortKey::Property(property) => {
            bytes.push(PROPERTY);
            bytes.extend(registers.properties.name(property).unwrap_or_default().as_bytes());
        }
        ShortKey::Element(element) => {
            bytes.push(ELEMENT);
            bytes.extend(operation_bytes(registers, element));
        }
    }
    bytes
}

/// The name of a rule about the place that a JSON pointer names. No place has it.
pub(super) fn rule_bytes(path: &str, rule: &str) -> Vec<u8> {
    [&ROOT, [RULE].as_slice(), path.as_bytes(), &[0], rule.as_bytes()].concat()
}

/// The place that the rule with this name is about; `None`: it names a place.
pub(super) fn path_of_rule(name: &[u8]) -> Option<&str> {
    let rest = name.strip_prefix(&ROOT)?.strip_prefix(&[RULE])?;
    let end = rest.iter().rposition(|byte| *byte == 0)?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// As the library writes it: `counter@actor`.
pub(super) fn version(registers: &Registers, id: ShortId) -> String {
    let actor = registers.causality.actor(id.actor);
    let hex: String = actor.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}@{hex}", id.counter)
}

/// The root has the counter 0 and no actor.
fn operation_bytes(registers: &Registers, id: ShortId) -> Vec<u8> {
    let actor = if id.counter == 0 { &[][..] } else { registers.causality.actor(id.actor) };
    let mut bytes = u64::from(id.counter).to_be_bytes().to_vec();
    // Actors have 64 bytes at most.
    bytes.push(u8::try_from(actor.len()).unwrap_or(u8::MAX));
    bytes.extend(actor);
    bytes
}

fn split(hash: [u8; 32]) -> [[u8; 16]; 2] {
    let (halves, _) = hash.as_chunks::<16>();
    [halves.first().copied().unwrap_or_default(), halves.get(1).copied().unwrap_or_default()]
}
