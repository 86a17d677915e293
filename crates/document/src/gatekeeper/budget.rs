//! What the changes of one message may unfold to together.
//!
//! The bounds on a single change do not add up to one on a message: a change of fifty bytes may say a
//! hundred thousand operations or inflate to a megabyte, and a message holds thousands of those.

use super::OPERATION_WEIGHT;
use tiebreak_protocol::{Limits, Refusal};

/// What a change takes in memory beside its body, and so the least that one is charged: a message of
/// 16 MiB, filled with the smallest changes that devices make, comes to 64 MiB.
const CHANGE_BYTES_MIN: u64 = 256;

/// What the id of an actor takes in memory that a change refers to; in the change it may be two bytes.
const ACTOR_BYTES: u64 = 32;

/// What is left to the changes of one message. Spent by good and bad changes alike: the work was done.
#[derive(Debug, Clone)]
pub struct Budget {
    bytes: u64,
    operations: u64,
}

impl Budget {
    /// All that one message may unfold to.
    pub const fn for_message(limits: &Limits) -> Self {
        Self { bytes: limits.message_inflated_bytes_max as u64, operations: limits.message_operations_max }
    }

    /// All that the changes of a file may unfold to: a document's worth twice over, as with messages.
    pub(crate) const fn for_file(limits: &Limits) -> Self {
        let bytes = limits.document_bytes_max.saturating_mul(2);
        Self { bytes, operations: bytes / OPERATION_WEIGHT }
    }

    /// For what did not come from outside.
    pub(crate) const fn unlimited() -> Self {
        Self { bytes: u64::MAX, operations: u64::MAX }
    }

    /// How long the body of the change that was begun may be.
    pub(super) fn body_bytes_left(&self) -> usize {
        usize::try_from(self.bytes.saturating_add(CHANGE_BYTES_MIN)).unwrap_or(usize::MAX)
    }

    /// Pays for a change before anything of it is read.
    pub(super) fn begin_change(&mut self) -> Result<(), Refusal> {
        self.spend_bytes(CHANGE_BYTES_MIN)
    }

    /// Pays for the body of the change, of which the first bytes are paid already.
    pub(super) fn spend_on_body(&mut self, length: usize) -> Result<(), Refusal> {
        self.spend_bytes((length as u64).saturating_sub(CHANGE_BYTES_MIN))
    }

    pub(super) fn spend_on_actors(&mut self, actors: usize) -> Result<(), Refusal> {
        self.spend_bytes((actors as u64).saturating_mul(ACTOR_BYTES))
    }

    pub(super) fn spend_on_operations(&mut self, operations: u64) -> Result<(), Refusal> {
        spend(&mut self.operations, operations)
    }

    fn spend_bytes(&mut self, bytes: u64) -> Result<(), Refusal> {
        spend(&mut self.bytes, bytes)
    }
}

/// What does not suffice is gone all the same.
fn spend(left: &mut u64, amount: u64) -> Result<(), Refusal> {
    let suffices = amount <= *left;
    *left = left.saturating_sub(amount);
    if suffices { Ok(()) } else { Err(Refusal::MessageTooLarge) }
}
