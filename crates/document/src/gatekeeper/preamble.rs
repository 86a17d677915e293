//! What a change says about itself before its operations: who, when, after what.

use super::columns::Columns;
use super::reader::Reader;
use super::{ACTOR_BYTES_MAX, ActorBytes};
use tiebreak_protocol::{ChangeHash, Refusal};

const HASH_LENGTH: u64 = 32;

/// Operation counters and sequence numbers stay below this: the library keeps them in 32 bits and
/// computes successors without looking.
pub(super) const COUNTER_END: u64 = 1 << 31;

/// Claimed times stay below this, either way, which leaves room for nanoseconds: the library keeps the
/// difference of neighbouring ones in 64 bits.
const TIME_END: i64 = 1 << 62;

/// Marks the footer in which the library names a change's author.
const AUTHOR_FOOTER: u64 = 1;

#[derive(Debug)]
pub(super) struct Preamble<'a> {
    pub(super) deps: Vec<ChangeHash>,
    pub(super) actor: ActorBytes,
    pub(super) seq: u64,
    pub(super) start_op: u64,
    pub(super) time: i64,
    pub(super) message: Option<Box<str>>,
    pub(super) other_actors: Vec<ActorBytes>,
    /// How many bytes of the body stand before the columns' specifications.
    pub(super) length: usize,
    pub(super) columns: Columns<'a>,
}

impl<'a> Preamble<'a> {
    /// Reads the whole body of a change, except for what is in the columns.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(body);
        let deps = read_deps(&mut reader)?;
        let actor = read_actor(&mut reader)?;
        let seq = reader.unsigned()?;
        let start_op = reader.unsigned()?;
        let time = reader.signed()?;
        let message = reader.text()?;
        let other_actors = read_other_actors(&mut reader, &actor)?;
        let length = body.len() - reader.rest().len();
        let columns = Columns::read(&mut reader)?;
        if seq == 0 || seq >= COUNTER_END || !(-TIME_END..TIME_END).contains(&time) {
            return Err(Refusal::MalformedChange);
        }
        if start_op == 0 || start_op >= COUNTER_END {
            return Err(Refusal::OperationCounterOutOfRange);
        }
        check_footer(reader.rest(), seq)?;
        let message = (!message.is_empty()).then(|| message.into());
        Ok(Self { deps, actor, seq, start_op, time, message, other_actors, length, columns })
    }
}

fn read_deps(reader: &mut Reader<'_>) -> Result<Vec<ChangeHash>, Refusal> {
    let count = reader.unsigned()?;
    let length = count.checked_mul(HASH_LENGTH).ok_or(Refusal::MalformedChange)?;
    let (hashes, _) = reader.take(length)?.as_chunks();
    let deps: Vec<_> = hashes.iter().map(|hash| ChangeHash(*hash)).collect();
    if !deps.is_sorted() {
        return Err(Refusal::NotCanonical);
    }
    let repeats = deps.array_windows().any(|[earlier, later]| earlier == later);
    if repeats { Err(Refusal::MalformedChange) } else { Ok(deps) }
}

fn read_actor(reader: &mut Reader<'_>) -> Result<ActorBytes, Refusal> {
    let actor = reader.length_prefixed()?;
    if (1..=ACTOR_BYTES_MAX).contains(&actor.len()) {
        Ok(actor.into())
    } else {
        Err(Refusal::MalformedChange)
    }
}

fn read_other_actors(reader: &mut Reader<'_>, own: &ActorBytes) -> Result<Vec<ActorBytes>, Refusal> {
    let count = reader.unsigned()?;
    let mut actors = Vec::new();
    for _ in 0..count {
        let actor = read_actor(reader)?;
        if actor == *own || actors.last().is_some_and(|last| *last >= actor) {
            return Err(Refusal::NotCanonical);
        }
        actors.push(actor);
    }
    Ok(actors)
}

/// Bytes after the columns are kept by the library, whatever they are; one kind it reads: an author's
/// name, which it takes for granted to stand in an actor's first change only.
fn check_footer(footer: &[u8], seq: u64) -> Result<(), Refusal> {
    let mut reader = Reader::new(footer);
    let understood = match footer.first() {
        None => true,
        Some(_) => match reader.unsigned() {
            Ok(AUTHOR_FOOTER) => seq == 1 && reader.length_prefixed().is_ok() && reader.is_empty(),
            Ok(_) => true,
            // Another spelling of the same number would be read by the library.
            Err(_) => false,
        },
    };
    if understood { Ok(()) } else { Err(Refusal::MalformedChange) }
}
