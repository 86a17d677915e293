//! The rules and the guard of a kind.

use super::{Reader, join, keywords};
use crate::error::Problem;
use crate::expression::Expression;
use crate::limits::MAX_RULES;
use crate::node::Node;
use crate::rule::{Consequence, Rule};
use serde_json::{Map, Value};

const FIELDS: &[&str] = &["name", "rule", "message", "on", "refuse"];

impl Reader<'_> {
    pub(super) fn rules(&mut self, top: &Map<String, Value>, root: &Node) -> Vec<Rule> {
        let path = "/x-tiebreak-rules";
        let found = match top.get("x-tiebreak-rules") {
            None => return Vec::new(),
            Some(Value::Array(rules)) => rules,
            Some(found) => {
                self.wrong_value(path, found, "a list of rules");
                return Vec::new();
            }
        };
        if found.len() > MAX_RULES {
            self.note(path, Problem::TooManyRules);
        }
        let mut rules: Vec<Rule> = Vec::new();
        for (index, found) in found.iter().enumerate().take(MAX_RULES) {
            let path = join(path, &index.to_string());
            let Some(rule) = self.rule(found, &path, root) else { continue };
            if rules.iter().any(|known| known.name == rule.name) {
                self.note(join(&path, "name"), Problem::RuleNameTwice { name: rule.name.clone() });
            }
            rules.push(rule);
        }
        rules
    }

    fn rule(&mut self, found: &Value, path: &str, root: &Node) -> Option<Rule> {
        let Value::Object(rule) = found else {
            self.note(path, wrong("a rule", found, "an object with name, rule and message"));
            return None;
        };
        for field in rule.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
            let expected = "name, rule, message, on and refuse only";
            self.note(join(path, field), wrong(field, &rule[field], expected));
        }
        // All of them are read before any is missed, so that one run names every error.
        let name = self.text(rule, path, "name");
        let source = self.text(rule, path, "rule");
        let message = self.text(rule, path, "message");
        let consequence = self.consequence(rule, path);
        let on = self.on(rule, path, root);
        let expression = source.and_then(|source| self.expression(&source, &join(path, "rule"), &["doc"]));
        let name = name.filter(|name| {
            let fits = keywords::is_name(name);
            if !fits {
                self.note(join(path, "name"), Problem::WrongName { name: name.clone() });
            }
            fits
        });
        Some(Rule {
            name: name?,
            message: message?,
            on: on?,
            consequence: consequence?,
            expression: expression?,
        })
    }

    pub(super) fn guard(&mut self, top: &Map<String, Value>) -> Option<Expression> {
        let path = "/x-tiebreak-allow";
        let found = top.get("x-tiebreak-allow")?;
        let Some(source) = found.as_str() else {
            self.wrong_value(path, found, "an expression in CEL, as a string");
            return None;
        };
        self.expression(source, path, &["auth", "doc"])
    }

    fn expression(&mut self, source: &str, path: &str, variables: &[&str]) -> Option<Expression> {
        match Expression::compile(source, variables) {
            Ok(expression) => Some(expression),
            Err(problem) => {
                self.note(path, problem);
                None
            }
        }
    }

    fn text(&mut self, rule: &Map<String, Value>, path: &str, field: &'static str) -> Option<String> {
        match rule.get(field) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            found => {
                let found = found.unwrap_or(&Value::Null);
                self.note(join(path, field), wrong(field, found, "a string that says something"));
                None
            }
        }
    }

    fn consequence(&mut self, rule: &Map<String, Value>, path: &str) -> Option<Consequence> {
        match rule.get("refuse") {
            None | Some(Value::Bool(false)) => Some(Consequence::Conflict),
            Some(Value::Bool(true)) => Some(Consequence::Refuse),
            Some(found) => {
                self.note(join(path, "refuse"), wrong("refuse", found, "true or false"));
                None
            }
        }
    }

    /// What the rule is about, as pointers into a document.
    fn on(&mut self, rule: &Map<String, Value>, path: &str, root: &Node) -> Option<Vec<String>> {
        let Some(found) = rule.get("on") else { return Some(Vec::new()) };
        let path = join(path, "on");
        let text = |text: &Value| text.as_str().map(str::to_owned);
        let names: Option<Vec<_>> = found.as_array().and_then(|names| names.iter().map(text).collect());
        let Some(names) = names else {
            self.note(path, wrong("on", found, "a list of paths"));
            return None;
        };
        let mut pointers = Vec::new();
        for name in names {
            let node = name.split('/').try_fold(root, |node, key| node.properties.get(key));
            if node.is_none() {
                self.note(path.clone(), Problem::UndeclaredPath { path: name.clone() });
            }
            pointers.push(name.split('/').fold(String::new(), |pointer, key| join(&pointer, key)));
        }
        Some(pointers)
    }
}

fn wrong(keyword: &str, found: &Value, expected: &'static str) -> Problem {
    Problem::WrongValue { keyword: keyword.to_owned(), found: found.to_string(), expected }
}
