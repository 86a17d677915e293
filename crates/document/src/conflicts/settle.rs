//! A person's choice as a change: it writes the place anew, knowing all sides, and nothing that came later.
//!
//! The change is put together by itself rather than by a transaction of the library, which writes no operation for
//! the value that wins already (a late side would override the choice unseen), and cannot write in what was removed.

mod content;
mod writer;

use super::registers::{Register, RegisterNumber, ShortKey};
use super::rules::Broken;
use super::standing::Standing;
use super::value::Values;
use super::{Conflict, Flags, Review, identity};
use crate::engine::{library_hash, saved};
use crate::gatekeeper::check_change;
use crate::{Author, CheckedChange, Document, OpenError};
use automerge::legacy::{Change as Expanded, OpId};
use automerge::{ActorId, Change, ObjId, ObjType};
pub(super) use content::Content;
use content::Strings;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::num::NonZeroU64;
use tiebreak_protocol::{ChangeHash, ConflictId, DocumentId, Limits, Refusal};
use writer::Writer;

/// What the message of a change that settles a conflict names it by.
pub(super) const RESOLVE: &str = "resolve";
/// And the kind's rule, if nobody was asked.
pub(super) const RULE: &str = "rule";

/// What a change says that settles a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub conflict: ConflictId,
    /// The rule of the kind that chose; `None`: somebody did.
    pub rule: Option<String>,
}

impl Resolved {
    /// Out of a commit message.
    pub(super) fn read(message: &str) -> Option<Self> {
        if !message.starts_with('{') {
            return None;
        }
        let message: Json = serde_json::from_str(message).ok()?;
        let rule = message.get(RULE).and_then(Json::as_str).map(str::to_owned);
        Some(Self { conflict: message.get(RESOLVE)?.as_str()?.parse().ok()?, rule })
    }
}

impl CheckedChange {
    /// The conflict that it settles, by its own word.
    pub fn resolves(&self) -> Option<ConflictId> {
        self.message().and_then(Resolved::read).map(|resolved| resolved.conflict)
    }
}

/// What to make of a conflict.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// The candidate with this id.
    Candidate(String),
    /// Something else. Strings become texts where the candidates are.
    Value(Json),
    /// What one side wants to remove.
    Keep,
    /// Nothing.
    Remove,
}

/// Which conflict, and what to make of it.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub document: DocumentId,
    /// What is flagged in the document.
    pub flags: Flags,
    pub conflict: ConflictId,
    pub choice: Choice,
}

/// What a change that settles something is made of, beside its author and its content.
pub(super) struct Writing {
    pub(super) deps: BTreeSet<ChangeHash>,
    pub(super) start_op: u64,
    /// What its commit message says.
    pub(super) message: Json,
}

/// Why a conflict is not settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    #[error(
        "there is no such conflict in the document: it was settled or overtaken, or another one took its place"
    )]
    NotOpen,
    #[error("the conflict has no such candidate; its candidates are {}", .0.join(", "))]
    NoSuchCandidate(Vec<String>),
    #[error("several candidates are worth keeping; name one of {}", .0.join(", "))]
    KeepWhich(Vec<String>),
    #[error("the rule is about the document as a whole: edit the document until it is kept")]
    WholeDocument,
    #[error("the change would be refused: {0}")]
    Refused(Refusal),
}

impl Document {
    /// The change that settles a conflict, to be merged like any other. It follows the changes that made the candidates
    /// and no others: a side that arrives meanwhile is in conflict with it. Its message is
    /// `{"resolve": "<conflict>"}`. The author's actor must not have written in this document.
    ///
    /// # Errors
    /// When the document does not open or is not readable; within, why the conflict cannot be settled so.
    pub fn settlement(
        &mut self,
        settlement: &Settlement,
        author: &Author<'_>,
        limits: &Limits,
    ) -> Result<Result<CheckedChange, SettleError>, OpenError> {
        let engine = self.opened()?;
        engine.registers(&BTreeSet::new())?;
        engine.read(|engine| {
            let review =
                Review::of(engine, settlement.document, &settlement.flags).ok_or(SettleError::NotOpen)?;
            let conflict = review.find(settlement.conflict).ok_or(SettleError::NotOpen)?;
            let (register, sides) = review.where_it_is(&conflict).ok_or(SettleError::WholeDocument)?;
            let content = review.chosen((register, &sides), &conflict, &settlement.choice)?;
            let content = content.map(|content| content.counting(review.flags.node_at(&conflict.path)));
            let deps = conflict.candidates.iter().flat_map(|side| side.changes.iter().copied()).collect();
            let message = json!({ RESOLVE: conflict.id.to_string() });
            let writing = Writing { deps, start_op: engine.max_op + 1, message };
            let change = review.write(register, writing, content.as_ref(), author);
            check_change(saved(&change).bytes, limits).map_err(SettleError::Refused)
        })
    }
}

impl<'a> Review<'a> {
    fn find(&self, id: ConflictId) -> Option<Conflict> {
        let is_it = |conflict: &Conflict| conflict.id == id;
        let Values { engine, registers } = self.values;
        let mut disputed = registers.disputed(self.flags).into_iter();
        disputed.find_map(|number| self.look_at(number)?.conflict.filter(is_it)).or_else(|| {
            let broken = Broken::of(&engine.automerge, self.flags).rules;
            broken.iter().map(|rule| self.conflict_of_rule(rule)).find(is_it)
        })
    }

    /// The place of a conflict, and its sides; a rule can be about the whole document.
    fn where_it_is(&self, conflict: &Conflict) -> Option<(&'a Register, Vec<Standing>)> {
        if let Some(path) = identity::path_of_rule(&conflict.register.0) {
            let (_, place) = self.place_of_rule(path);
            return place.map(|(number, register)| (register, self.sides_of_rule(number)));
        }
        let registers = self.values.registers;
        let is_it = |number: &RegisterNumber| {
            let register = registers.register(*number);
            register
                .is_some_and(|register| identity::register_bytes(registers, register) == conflict.register.0)
        };
        let number = registers.disputed(self.flags).into_iter().find(is_it)?;
        Some((registers.register(number)?, self.sides(number)))
    }

    /// What is to stand in the place; `None`: nothing.
    fn chosen(
        &self,
        (register, sides): (&Register, &[Standing]),
        conflict: &Conflict,
        choice: &Choice,
    ) -> Result<Option<Content>, SettleError> {
        let ids = |kept: fn(&super::Candidate) -> bool| -> Vec<String> {
            conflict.candidates.iter().filter(|side| kept(side)).map(|side| side.id.clone()).collect()
        };
        match choice {
            Choice::Candidate(id) if conflict.candidates.iter().any(|side| side.id == *id) => {
                Ok(self.content((register, sides), id))
            }
            Choice::Candidate(_) => Err(SettleError::NoSuchCandidate(ids(|_| true))),
            Choice::Value(json) => Ok(Some(Content::of_json(json, self.strings(register)))),
            Choice::Keep => match ids(|side| side.value.is_some()).as_slice() {
                [one] => Ok(self.content((register, sides), one)),
                several => Err(SettleError::KeepWhich(several.to_vec())),
            },
            Choice::Remove => Ok(None),
        }
    }

    fn content(&self, (register, sides): (&Register, &[Standing]), candidate: &str) -> Option<Content> {
        let registers = self.values.registers;
        let id = |side: &Standing| identity::version(registers, side.id(&registers.causality));
        let is_it = |side: &&Standing| id(side) == candidate;
        let shown = self.values.of(register, sides.iter().find(is_it)?);
        shown.content().map(Content::of_document)
    }

    /// How strings stand here, or inside of what stands here.
    fn strings(&self, register: &Register) -> Strings {
        let registers = self.values.registers;
        let mut made = register.writes.iter().filter_map(|write| registers.holder(write.version));
        let standing = registers.number_of(register.place).map(|number| self.sides(number));
        let mut sides = standing.iter().flatten();
        if made.any(|holder| holder.object_type == ObjType::Text)
            || sides.any(|side| self.values.of(register, side).content().is_some_and(Content::holds_text))
        {
            Strings::AsTexts
        } else {
            Strings::AsValues
        }
    }

    /// The change that leaves `content` in a place, or nothing, knowing `deps` and no other.
    pub(super) fn write(
        &self,
        register: &Register,
        writing: Writing,
        content: Option<&Content>,
        author: &Author<'_>,
    ) -> Change {
        let Values { engine, registers } = &self.values;
        let Writing { deps, start_op, message } = writing;
        let heads: Vec<_> = deps.into_iter().map(library_hash).collect();
        let actor = ActorId::from(author.actor);
        let mut writer = Writer::new(actor.clone(), start_op);
        let place = writer.place(registers, register.place);
        writer.replace(place, self.known(register, &heads), content);
        let seq = engine.last_by_actor.get(author.actor).map_or(1, |last| last.seq + 1);
        Change::from(Expanded {
            operations: writer.into_operations(),
            actor_id: actor,
            hash: None,
            seq,
            start_op: NonZeroU64::new(start_op).unwrap_or(NonZeroU64::MIN),
            time: author.time_s,
            message: Some(message.to_string()),
            deps: heads,
            extra_bytes: Vec::new(),
            author: None,
        })
    }

    /// The operations whose values stood in the place when the candidates were all there was, in their order.
    fn known(&self, register: &Register, heads: &[automerge::ChangeHash]) -> Vec<OpId> {
        let values = self.values.all_at(register.place, heads);
        let is_here = |id: &ObjId| {
            let element = match register.place.key {
                ShortKey::Element(element) => Some(element),
                ShortKey::Property(_) => None,
            };
            let written = register.writes.iter().map(|write| write.version).chain(element);
            written.into_iter().any(|version| self.values.object_id(version) == *id)
        };
        let operation = |id: ObjId| match id {
            ObjId::Root => None,
            ObjId::Id(counter, actor, _) => Some(OpId::new(counter, &actor)),
        };
        let mut known: Vec<_> = values.into_iter().filter(is_here).filter_map(operation).collect();
        known.sort_unstable();
        known
    }
}
