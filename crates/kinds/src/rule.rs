//! Rules that a document keeps beyond the types of its values.

use crate::expression::Expression;
use serde_json::Value;

/// A rule in CEL (`x-tiebreak-rules`).
#[derive(Debug)]
pub struct Rule {
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) on: Vec<String>,
    pub(crate) consequence: Consequence,
    pub(crate) expression: Expression,
}

/// What becomes of a merge that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consequence {
    Conflict,
    Refuse,
}

impl Rule {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a person reads when the rule is broken.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The expression in CEL.
    pub fn source(&self) -> &str {
        self.expression.source()
    }

    /// What the rule is about, as JSON pointers; none: the whole document.
    pub fn on(&self) -> &[String] {
        &self.on
    }

    /// Whether a change that breaks the rule is refused, rather than a conflict.
    pub fn refuses(&self) -> bool {
        self.consequence == Consequence::Refuse
    }

    /// A rule is asked once everything it is about stands in the document. One that then has no answer is
    /// broken: a rule that silently never holds guards nothing.
    pub(crate) fn is_broken_by(&self, doc: &Value) -> bool {
        let stands = self.on.iter().all(|path| doc.pointer(path).is_some());
        stands && self.expression.holds(&[("doc", doc)]) != Some(true)
    }

    pub(crate) fn to_broken(&self) -> BrokenRule {
        BrokenRule {
            path: self.on.first().cloned().unwrap_or_default(),
            name: self.name.clone(),
            message: self.message.clone(),
            refuse: self.refuses(),
        }
    }
}

/// A rule or a soft limit that one document breaks. It never quotes the document's values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokenRule {
    /// The value that breaks it: a JSON pointer into the document, empty for the whole.
    pub path: String,
    /// The rule's name, or the keyword of JSON Schema.
    pub name: String,
    /// What a person reads.
    pub message: String,
    /// Whether the change is refused, rather than a conflict.
    pub refuse: bool,
}
