//! The gatekeeper: reads every incoming change itself, byte by byte, before the CRDT library sees it.
//!
//! Format: the Automerge binary document format (<https://automerge.org/automerge-binary-format-spec/>),
//! chunk types "change" and "compressed change". Time and memory are linear in the size of the chunk
//! and in the limits, whatever the numbers in the chunk claim.

mod budget;
pub(crate) mod chunk;
pub(crate) mod columns;
pub(crate) mod kind;
mod marks;
mod operation;
mod preamble;
pub(crate) mod reader;
mod references;
mod rows;
pub(crate) mod run_length;

pub use budget::Budget;
pub use operation::{Action, ElementOrder, Key, Make, Object, Operation, OperationId, Value};

use bytes::Bytes;
use chunk::{Header, Opened};
use columns::Columns;
use preamble::{COUNTER_END, Preamble};
use reader::Reader;
use references::References;
use rows::Rows;
use run_length::RunLength;
use tiebreak_protocol::{ChangeHash, Limits, Refusal};

/// An actor id: 1 to 64 bytes, as chosen by the device.
pub type ActorBytes = Box<[u8]>;

/// Longest actor id. Clients draw 16 bytes; the library appends a few for isolated transactions.
pub(crate) const ACTOR_BYTES_MAX: usize = 64;

/// Most chunks that are split off one message: one of 16 MiB, filled with the smallest changes that
/// devices make (one dependency, a 16-byte actor).
const CHUNKS_MAX: usize = 1 << 18;

/// A change of the largest size may overwrite three concurrent values with each of its operations.
const PREDECESSORS_PER_OPERATION: u64 = 3;

/// Bytes of a document of the largest size that each operation accounts for, however few it takes in its
/// change: about what the library and our notes need to hold it.
pub(crate) const OPERATION_WEIGHT: u64 = 32;

/// A change whose own bytes are in order: well-formed, canonical, within its budget.
/// Whether it fits a document is decided by that document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedChange {
    hash: ChangeHash,
    /// The chunk as it arrived (it may be a compressed chunk).
    bytes: Bytes,
    /// The same change as a chunk that is not compressed.
    plain: Bytes,
    /// Where in `plain` the specifications of the columns begin.
    columns_at: usize,
    deps: Vec<ChangeHash>,
    actor: ActorBytes,
    other_actors: Vec<ActorBytes>,
    seq: u64,
    start_op: u64,
    operations: u64,
    element_orders: Vec<ElementOrder>,
    /// Seconds since the Unix epoch as claimed by the author: a label, never an order.
    time: i64,
    message: Option<Box<str>>,
}

impl CheckedChange {
    pub const fn hash(&self) -> ChangeHash {
        self.hash
    }

    /// The chunk as it arrived, compressed or not.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The chunk in its plain form: what to give to the CRDT library.
    pub const fn plain_bytes(&self) -> &Bytes {
        &self.plain
    }

    /// Sorted, without repetition.
    pub fn deps(&self) -> &[ChangeHash] {
        &self.deps
    }

    pub fn actor(&self) -> &[u8] {
        &self.actor
    }

    /// The other actors whose operations this change refers to: sorted, without repetition, none of
    /// them the author.
    pub fn other_actors(&self) -> &[ActorBytes] {
        &self.other_actors
    }

    /// The actor that an [`OperationId`] of this change means.
    pub fn actor_at(&self, index: usize) -> Option<&[u8]> {
        match index.checked_sub(1) {
            None => Some(&self.actor),
            Some(other) => self.other_actors.get(other).map(AsRef::as_ref),
        }
    }

    /// At least 1, below 2^31.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The counter of the first operation: at least 1; it and all others stay below 2^31.
    pub const fn start_op(&self) -> u64 {
        self.start_op
    }

    /// How many operations there are; none in a change that only joins its dependencies.
    pub const fn operations(&self) -> u64 {
        self.operations
    }

    /// What it counts for in a document and while it waits: its plain size, or more if it says much in
    /// few bytes. What it was compressed to has no part in it.
    pub fn weight(&self) -> u64 {
        (self.plain.len() as u64).max(self.operations.saturating_mul(OPERATION_WEIGHT))
    }

    /// The greatest counter: `start_op - 1` when there are no operations.
    pub const fn max_op(&self) -> u64 {
        self.start_op + self.operations - 1
    }

    /// Seconds since the Unix epoch as claimed by the author: a label, never an order.
    pub const fn time(&self) -> i64 {
        self.time
    }

    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The operations that make objects, by ascending counter. A container that is made in the same
    /// change (actor 0, counter not below `start_op`) stands earlier in the list.
    ///
    /// Read again from the bytes: kept, they would take hundreds of times the space of the change.
    pub fn makes(&self) -> impl Iterator<Item = Make> {
        let makes = self.operations_iter().filter(|operation| operation.action.makes());
        makes.map(|operation| Make { counter: operation.counter, container: operation.object })
    }

    /// What the change's marks rest on: pairs of elements of the history that must stand in this order.
    pub fn element_orders(&self) -> &[ElementOrder] {
        &self.element_orders
    }

    /// All operations, read again from the bytes.
    pub fn operations_iter(&self) -> impl Iterator<Item = Operation<'_>> {
        let columns =
            self.plain.get(self.columns_at..).map(|columns| Columns::read(&mut Reader::new(columns)));
        let mut rows = columns
            .and_then(Result::ok)
            .map(|columns| Rows::new(&columns, self.start_op, self.operations, u64::MAX));
        // The same walk has succeeded when the change was checked.
        std::iter::from_fn(move || rows.as_mut()?.next().ok().flatten())
    }
}

/// Checks one chunk from a peer on its own, in time and memory linear in its size and in the limits.
///
/// # Errors
/// The first thing that is wrong with the change.
pub fn check_change(chunk: Bytes, limits: &Limits) -> Result<CheckedChange, Refusal> {
    check_change_within(chunk, limits, &mut Budget::for_message(limits))
}

/// Checks one of several chunks that came together and share a budget.
///
/// # Errors
/// The first thing that is wrong with the change; [`Refusal::MessageTooLarge`] when it may be good, but
/// the changes before it have left too little of the budget.
pub fn check_change_within(
    chunk: Bytes,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<CheckedChange, Refusal> {
    budget.begin_change()?;
    let Opened { hash, plain, body_at } = chunk::open(&chunk, limits.change_bytes_max, budget)?;
    let preamble = Preamble::read(plain.get(body_at..).unwrap_or_default())?;
    budget.spend_on_actors(preamble.other_actors.len())?;
    let (operations, element_orders) = check_operations(&preamble, limits, budget)?;
    let Preamble { deps, actor, seq, start_op, time, message, other_actors, length, .. } = preamble;
    let columns_at = body_at + length;
    Ok(CheckedChange {
        hash,
        bytes: chunk,
        plain,
        columns_at,
        deps,
        actor,
        other_actors,
        seq,
        start_op,
        operations,
        element_orders,
        time,
        message,
    })
}

/// Reads a change again that a document holds: it was judged when it came in, perhaps by wider limits
/// than today's.
pub(crate) fn reread_change(chunk: Bytes) -> Result<CheckedChange, Refusal> {
    let any_size = Limits {
        change_bytes_max: usize::MAX,
        change_operations_max: COUNTER_END,
        depth_max: usize::MAX,
        ..Limits::default()
    };
    check_change_within(chunk, &any_size, &mut Budget::unlimited())
}

/// Splits concatenated chunks by their headers without reading their contents.
///
/// # Errors
/// When a header is damaged or claims more than there is, or when there are more chunks than a message
/// of changes can hold.
pub fn split_chunks(bytes: Bytes) -> Result<Vec<Bytes>, Refusal> {
    let mut chunks = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if chunks.len() == CHUNKS_MAX {
            return Err(Refusal::MessageTooLarge);
        }
        let (_, after) = Header::read(&rest)?;
        let length = rest.len() - after.len();
        chunks.push(rest.split_to(length));
    }
    Ok(chunks)
}

fn check_operations(
    preamble: &Preamble<'_>,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<(u64, Vec<ElementOrder>), Refusal> {
    let columns = &preamble.columns;
    let operations_max = limits.change_operations_max;
    let operations = RunLength::<u64>::new(columns.action).count_rows(operations_max)?;
    if preamble.start_op + operations > COUNTER_END {
        return Err(Refusal::OperationCounterOutOfRange);
    }
    budget.spend_on_operations(operations)?;
    let predecessors_max = operations_max.saturating_mul(PREDECESSORS_PER_OPERATION);
    let mut rows = Rows::new(columns, preamble.start_op, operations, predecessors_max);
    let mut references = References::new(preamble, limits.depth_max);
    while let Some(operation) = rows.next()? {
        references.check(&operation)?;
    }
    Ok((operations, references.finish()?))
}
