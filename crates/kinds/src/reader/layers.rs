//! A schema together with those it refers to: what stands beside `$ref` goes before what it leads to.

use super::{Reader, join, keywords};
use crate::error::Problem;
use serde_json::{Map, Value};

/// A schema and the schemas it refers to, the nearest first.
pub(super) struct Layers<'a>(pub(super) Vec<Layer<'a>>);

pub(super) struct Layer<'a> {
    pub(super) schema: &'a Map<String, Value>,
    /// Where it stands in the file.
    pub(super) path: String,
}

impl<'a> Layers<'a> {
    /// The nearest value of a keyword, and where it stands.
    pub(super) fn get(&self, keyword: &str) -> Option<(&'a Value, String)> {
        self.0.iter().find_map(|layer| Some((layer.schema.get(keyword)?, join(&layer.path, keyword))))
    }

    /// Everything that `keyword` holds by name, in all layers.
    pub(super) fn named(&self, keyword: &str) -> Vec<(&'a str, &'a Value, String)> {
        let mut all: Vec<(&str, &Value, String)> = Vec::new();
        for layer in &self.0 {
            let entries = layer.schema.get(keyword).and_then(Value::as_object).into_iter().flatten();
            for (name, value) in entries {
                if !all.iter().any(|(known, ..)| known == name) {
                    all.push((name, value, join(&join(&layer.path, keyword), name)));
                }
            }
        }
        all
    }
}

impl<'a> Reader<'a> {
    /// The schema and what it refers to. The references stay noted until [`Reader::leave`] is told how many there
    /// were before, so that one which leads back into itself is seen.
    pub(super) fn enter(&mut self, schema: &'a Value, path: &str) -> Layers<'a> {
        let mut layers = Vec::new();
        let mut next = Some((schema, path.to_owned()));
        while let Some((schema, path)) = next.take() {
            self.schemas += 1;
            // A schema may be `true`, which says nothing; what is no schema at all is found by the library.
            let Value::Object(schema) = schema else { break };
            next = schema.get("$ref").and_then(|found| self.follow(found, &path));
            layers.push(Layer { schema, path });
        }
        Layers(layers)
    }

    pub(super) fn leave(&mut self, refs_before: usize) {
        self.refs.truncate(refs_before);
    }

    fn follow(&mut self, found: &'a Value, path: &str) -> Option<(&'a Value, String)> {
        let path = join(path, "$ref");
        let target = found.as_str().and_then(|text| text.strip_prefix('#'));
        let target = target.filter(|pointer| pointer.starts_with("/$defs/") && !pointer.contains('%'));
        let Some((pointer, schema)) = target.and_then(|it| Some((it, self.schema.pointer(it)?))) else {
            self.note(path, Problem::RefNotLocal { found: found.to_string() });
            return None;
        };
        if self.refs.contains(&pointer) {
            self.note(path, Problem::RefRecursive { found: format!("#{pointer}") });
            return None;
        }
        self.refs.push(pointer);
        Some((schema, pointer.to_owned()))
    }

    /// What holds for every schema of a kind, wherever it stands.
    pub(super) fn check_everywhere(&mut self, layers: &Layers<'a>) {
        for Layer { schema, path } in &layers.0 {
            for keyword in ["additionalProperties", "unevaluatedProperties"] {
                if schema.get(keyword) == Some(&Value::Bool(false)) {
                    self.note(join(path, keyword), Problem::ClosedObject { keyword: keyword.to_owned() });
                }
            }
            let nested_id = (!path.is_empty()).then_some(&"$id");
            for keyword in keywords::UNSUPPORTED.iter().chain(nested_id) {
                if schema.contains_key(*keyword) {
                    self.note(join(path, keyword), Problem::Unsupported { keyword: (*keyword).to_owned() });
                }
            }
        }
    }
}
