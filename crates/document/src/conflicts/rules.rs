//! Rules and soft limits of a kind that a document breaks: by one side, or by the merge of two that kept them.
//!
//! Unlike two values in one place, this is seen by looking at what the document holds, so it is not looked at after
//! each edit of a document that holds very much.

use super::registers::{Place, Register, RegisterNumber, Registers, ShortKey};
use super::standing::Standing;
use super::{Candidate, Conflict, Flags, RegisterName, Review, Reviewed, identity};
use crate::engine::our_hash;
use crate::json::to_json;
use crate::{Document, OpenError, PathStep};
use automerge::{Automerge, ObjId, ReadDoc};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_kinds::limits::MAX_BROKEN_RULES;
use tiebreak_kinds::{BrokenRule, Type};
use tiebreak_protocol::{ActorId, ConflictType, DocumentId};

/// A document that holds more values than this is looked at again after one operation for each so many values.
const VALUES_PER_OPERATION: u64 = 1_000;

/// Sides of a rule that is about the whole document: the first of its heads.
const SIDES_OF_WHOLE_MAX: usize = 16;

/// The last look at the rules of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RulesLook {
    /// How many operations there were.
    operations: u64,
    /// How many values the document held.
    values: u64,
}

impl RulesLook {
    fn is_due(self, operations: u64) -> bool {
        operations.saturating_sub(self.operations) > self.values / VALUES_PER_OPERATION
    }
}

impl Document {
    /// Looks whether the document keeps the rules and soft limits of its kind. `open` are those that it is known to
    /// break. Tells nothing if it was looked at only just now, for what it holds.
    ///
    /// # Errors
    /// When the document does not open or is not readable.
    pub fn review_rules(
        &mut self,
        document_id: DocumentId,
        flags: &Flags,
        open: &[RegisterName],
    ) -> Result<Vec<Reviewed>, OpenError> {
        let engine = self.opened()?;
        let operations = engine.operation_count;
        if !engine.rules_look.is_none_or(|look| look.is_due(operations)) {
            return Ok(Vec::new());
        }
        let found = engine.read(|engine| Broken::of(&engine.automerge, flags))?;
        engine.rules_look = Some(RulesLook { operations, values: found.values });
        if found.rules.is_empty() && open.is_empty() {
            return Ok(Vec::new());
        }
        engine.registers(&BTreeSet::new())?;
        engine.read(|engine| {
            let Some(review) = Review::of(engine, document_id, flags) else { return Vec::new() };
            let name = |rule: &BrokenRule| identity::rule_bytes(&rule.path, &rule.name);
            let broken: BTreeMap<_, _> = found.rules.iter().map(|rule| (name(rule), rule)).collect();
            let kept = open.iter().filter(|name| found.are_all && !broken.contains_key(&name.0));
            let kept: Vec<_> = kept.map(|name| review.kept_again(name)).collect();
            let broken = broken.into_iter().map(|(name, rule)| review.broken(RegisterName(name), rule));
            kept.into_iter().chain(broken).collect()
        })
    }

    /// Has the next review look at the rules again, whatever came meanwhile.
    pub fn forget_rules_review(&mut self) {
        if let Ok(engine) = self.opened() {
            engine.rules_look = None;
        }
    }

    /// The conflicts of rules that the document breaks.
    pub(super) fn broken(
        &mut self,
        document_id: DocumentId,
        flags: &Flags,
    ) -> Result<Vec<Conflict>, OpenError> {
        let engine = self.opened()?;
        let broken = engine.read(|engine| Broken::of(&engine.automerge, flags))?.rules;
        if broken.is_empty() {
            return Ok(Vec::new());
        }
        engine.registers(&BTreeSet::new())?;
        engine.read(|engine| {
            let Some(review) = Review::of(engine, document_id, flags) else { return Vec::new() };
            broken.iter().map(|rule| review.conflict_of_rule(rule)).collect()
        })
    }
}

/// What a document breaks.
pub(super) struct Broken {
    pub(super) rules: Vec<BrokenRule>,
    /// Whether there are no more.
    are_all: bool,
    /// How many values the document holds.
    values: u64,
}

impl Broken {
    pub(super) fn of(automerge: &Automerge, flags: &Flags) -> Self {
        let Flags::Kind(kind) = flags else { return Self { rules: Vec::new(), are_all: true, values: 0 } };
        let json = to_json(&automerge.hydrate(None));
        let mut rules = kind.broken_rules(&json);
        let are_all = rules.len() < MAX_BROKEN_RULES;
        // Types are the gatekeeper's.
        rules.retain(|rule| rule.name != Type::KEYWORD);
        Self { rules, are_all, values: values(&json) }
    }
}

fn values(json: &Json) -> u64 {
    1 + match json {
        Json::Array(elements) => elements.iter().map(values).sum(),
        Json::Object(entries) => entries.values().map(values).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}

impl RegisterName {
    /// Whether it names a rule about a place, rather than the place.
    pub fn is_rule(&self) -> bool {
        identity::path_of_rule(&self.0).is_some()
    }
}

impl<'a> Review<'a> {
    fn broken(&self, register: RegisterName, rule: &BrokenRule) -> Reviewed {
        Reviewed {
            register,
            conflict: Some(self.conflict_of_rule(rule)),
            alone: None,
            resolved: None,
            repair: None,
        }
    }

    /// A rule that was broken: whoever acted last in its place, if that was one.
    fn kept_again(&self, register: &RegisterName) -> Reviewed {
        let (_, found) = self.place_of_rule(identity::path_of_rule(&register.0).unwrap_or_default());
        let alone = found.and_then(|(number, register)| {
            let sides = self.sides_of_rule(number);
            let [side] = sides.as_slice() else { return None };
            self.candidate(side, &self.values.of(register, side))
        });
        let resolved = alone.as_ref().and_then(|alone| self.resolved_by(alone.change));
        Reviewed { register: register.clone(), conflict: None, alone, resolved, repair: None }
    }

    /// The sides are those who acted last in the place that the rule is about.
    pub(super) fn conflict_of_rule(&self, rule: &BrokenRule) -> Conflict {
        let registers = self.values.registers;
        let name = RegisterName(identity::rule_bytes(&rule.path, &rule.name));
        let (path, found) = self.place_of_rule(&rule.path);
        let (base, candidates) = match found {
            None => (None, self.heads()),
            Some((number, register)) => {
                let sides = self.sides_of_rule(number);
                let heads = registers.base(register, &sides).heads;
                let base = if sides.len() < 2 { None } else { self.values.at(register.place, &heads) };
                let shown =
                    sides.iter().filter_map(|side| self.candidate(side, &self.values.of(register, side)));
                (base.as_ref().map(to_json), shown.collect())
            }
        };
        Conflict {
            id: identity::of(self.document_id, &name, registers, &[]),
            register: name,
            path,
            conflict_type: ConflictType::Rule,
            rule: Some(rule.message.clone()),
            base,
            candidates,
        }
    }

    pub(super) fn sides_of_rule(&self, number: RegisterNumber) -> Vec<Standing> {
        let sides = self.values.registers.standing(number);
        self.in_order(sides.into_iter().flat_map(Standing::parts).collect())
    }

    /// The place that a rule is about, as far as keys lead to it: an element of a list is asked about with its list.
    /// No register where the rule is about the whole document.
    pub(super) fn place_of_rule(
        &self,
        path: &str,
    ) -> (Vec<PathStep>, Option<(RegisterNumber, &'a Register)>) {
        let Review { values, .. } = self;
        let (registers, automerge): (&'a Registers, _) = (values.registers, &values.engine.automerge);
        let (mut steps, mut found, mut object) = (Vec::new(), None, ObjId::Root);
        for key in path.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")) {
            let below = || {
                let place = Place {
                    object: registers.short(&object)?,
                    key: ShortKey::Property(registers.properties.number(&key)?),
                };
                let number = registers.number_of(place)?;
                let (_, value) = automerge.get(&object, key.as_str()).ok()??;
                Some(((number, registers.register(number)?), value))
            };
            let Some((place, value)) = below() else { break };
            (found, object) = (Some(place), value);
            steps.push(PathStep::Key(key));
        }
        (steps, found)
    }

    fn heads(&self) -> Vec<Candidate> {
        let automerge = &self.values.engine.automerge;
        let mut heads = automerge.get_heads();
        heads.sort_unstable();
        heads.truncate(SIDES_OF_WHOLE_MAX);
        let side = |head: automerge::ChangeHash| {
            let meta = automerge.get_change_meta_by_hash(&head)?;
            let change = our_hash(head);
            let actor = ActorId::from_bytes(meta.actor.to_bytes());
            Some(Candidate {
                id: format!("{}@{}", meta.start_op, meta.actor),
                value: Some(Json::Null),
                change,
                actor,
                time_s: meta.timestamp,
                changes: vec![change],
            })
        };
        heads.into_iter().filter_map(side).collect()
    }
}
