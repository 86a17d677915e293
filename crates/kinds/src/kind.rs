//! One kind, ready to be asked.

use crate::constraints::Constraints;
use crate::error::KindError;
use crate::expression::Expression;
use crate::limits::MAX_BROKEN_RULES;
use crate::node::Node;
use crate::reader;
use crate::rule::{BrokenRule, Rule};
use serde_json::Value;
use tiebreak_protocol::Role;

/// What documents of one kind hold, how their paths merge, and which rules they keep.
#[derive(Debug)]
pub struct Kind {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) title: Option<String>,
    pub(crate) root: Node,
    pub(crate) rules: Vec<Rule>,
    pub(crate) tell: Vec<Role>,
    pub(crate) guard: Option<Expression>,
    pub(crate) constraints: Constraints,
    pub(crate) schema: Value,
}

impl Kind {
    /// Reads one kind file; `file` is its name in errors.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<KindError>> {
        reader::read(file, text)
    }

    /// What documents write at `@kind`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which version of the kind this is: higher after each breaking change.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What people call it: the kind's title, or its name.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }

    /// The path of the whole document.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The rules in CEL, as the file orders them.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The roles that are told of conflicts, besides those who wrote the candidates.
    pub fn tell(&self) -> &[Role] {
        &self.tell
    }

    /// The file as it was read.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Whether the kind's guard lets `auth` do something to `doc`. A guard that cannot be answered denies;
    /// a kind without a guard allows, for it only narrows what rights already allow.
    pub fn allows(&self, auth: &Value, doc: &Value) -> bool {
        match &self.guard {
            None => true,
            Some(guard) => guard.holds(&[("auth", auth), ("doc", doc)]) == Some(true),
        }
    }

    /// The rules and soft limits that this document breaks, ordered by path and name, up to
    /// [`MAX_BROKEN_RULES`].
    pub fn broken_rules(&self, doc: &Value) -> Vec<BrokenRule> {
        let mut broken: Vec<_> =
            self.rules.iter().filter(|rule| rule.is_broken_by(doc)).map(Rule::to_broken).collect();
        broken.extend(self.constraints.broken_by(doc));
        broken.sort();
        broken.dedup();
        broken.truncate(MAX_BROKEN_RULES);
        broken
    }
}
