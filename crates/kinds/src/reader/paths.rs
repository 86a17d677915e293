//! The paths that a kind declares.

use super::layers::{Layer, Layers};
use super::modes::{Outer, types_of};
use super::{Reader, join, keywords};
use crate::error::Problem;
use crate::limits::{MAX_DEPTH, MAX_SCHEMAS};
use crate::node::{Node, Secrecy, Standing, merge_inside};
use crate::words::{Remove, Type, Write};
use serde_json::Value;
use std::collections::BTreeMap;

impl<'a> Reader<'a> {
    /// The path of the whole document.
    pub(super) fn root(&mut self) -> Node {
        let outer = Outer { merge: None, secrecy: Secrecy::Open, write: Write::Editor, depth: 0 };
        let root = self.path(self.schema, "", outer);
        if root.types != [Type::Object] {
            self.note("", Problem::RootNotObject);
        }
        root
    }

    fn path(&mut self, schema: &'a Value, path: &str, outer: Outer) -> Node {
        let refs_before = self.refs.len();
        let layers = self.enter(schema, path);
        if outer.depth > MAX_DEPTH {
            self.note(path, Problem::TooDeep);
        } else if self.schemas > MAX_SCHEMAS {
            self.note("", Problem::TooManySchemas);
        }
        self.check_everywhere(&layers);
        self.check_keywords(&layers, keywords::OF_PATH);
        let mut node = self.values(&layers, outer);
        if outer.depth <= MAX_DEPTH && self.schemas <= MAX_SCHEMAS {
            let merge = merge_inside(node.merge).map(|inside| (node.merge, inside));
            let inside = Outer { merge, secrecy: node.secrecy, write: node.write, depth: outer.depth + 1 };
            self.below(&layers, &mut node, inside);
            self.conditions(&layers);
        }
        self.leave(refs_before);
        node
    }

    /// What the schema says about the values of one path.
    fn values(&mut self, layers: &Layers<'a>, outer: Outer) -> Node {
        let types = types_of(layers);
        let merge = self.merge(layers, &types, outer);
        self.check_effects(layers, merge);
        let conditions = [keywords::LIMITS, keywords::HOLD_SCHEMA, keywords::HOLD_LIST, keywords::HOLD_NAMED];
        Node {
            standing: Standing::Declared,
            merge,
            remove: self.word(layers, "x-tiebreak-remove").unwrap_or(Remove::Flag),
            write: self.write(layers, outer),
            secrecy: self.secrecy(layers, outer),
            resolver: self.resolver(layers, &types),
            title: layers.get("title").and_then(|(title, _)| title.as_str()).map(str::to_owned),
            types,
            properties: BTreeMap::new(),
            additional: None,
            items: None,
            conditions: conditions
                .into_iter()
                .flatten()
                .filter_map(|keyword| Some(((*keyword).to_owned(), layers.get(keyword)?.0.clone())))
                .collect(),
        }
    }

    /// The paths below one path.
    fn below(&mut self, layers: &Layers<'a>, node: &mut Node, outer: Outer) {
        for (name, schema, path) in layers.named("properties") {
            if name.starts_with('@') {
                self.note(&path, Problem::ReservedName { name: name.to_owned() });
            }
            node.properties.insert(name.to_owned(), self.path(schema, &path, outer));
        }
        if let Some((schema @ Value::Object(_), path)) = layers.get("additionalProperties") {
            node.additional = Some(Box::new(self.path(schema, &path, outer)));
        }
        if let Some((schema @ Value::Object(_), path)) = layers.get("items") {
            node.items = Some(Box::new(self.path(schema, &path, outer)));
        }
    }

    /// Schemas that limit values and declare no path.
    fn conditions(&mut self, layers: &Layers<'a>) {
        for Layer { schema, path } in &layers.0 {
            for keyword in keywords::HOLD_SCHEMA {
                if let Some(schema) = schema.get(*keyword) {
                    self.condition(schema, &join(path, keyword));
                }
            }
            for keyword in keywords::HOLD_LIST {
                let schemas = schema.get(*keyword).and_then(Value::as_array).into_iter().flatten();
                for (index, schema) in schemas.enumerate() {
                    self.condition(schema, &join(&join(path, keyword), &index.to_string()));
                }
            }
            for keyword in keywords::HOLD_NAMED {
                let schemas = schema.get(*keyword).and_then(Value::as_object).into_iter().flatten();
                for (name, schema) in schemas {
                    self.condition(schema, &join(&join(path, keyword), name));
                }
            }
        }
    }

    fn condition(&mut self, schema: &'a Value, path: &str) {
        if self.schemas > MAX_SCHEMAS {
            return self.note("", Problem::TooManySchemas);
        }
        let refs_before = self.refs.len();
        let layers = self.enter(schema, path);
        self.check_everywhere(&layers);
        self.check_keywords(&layers, &[]);
        for (_, schema, path) in layers.named("properties") {
            self.condition(schema, &path);
        }
        for (schema, path) in ["additionalProperties", "items"].into_iter().filter_map(|it| layers.get(it)) {
            self.condition(schema, &path);
        }
        self.conditions(&layers);
        self.leave(refs_before);
    }

    fn check_keywords(&mut self, layers: &Layers<'a>, allowed: &[&str]) {
        for Layer { schema, path } in &layers.0 {
            for keyword in schema.keys().filter(|keyword| keyword.starts_with(keywords::PREFIX)) {
                let is = |known: &[&str]| known.contains(&keyword.as_str());
                let allowed = if path.is_empty() { keywords::OF_KIND } else { allowed };
                if is(allowed) {
                    continue;
                }
                let keyword = keyword.clone();
                let problem = if is(keywords::OF_KIND) || is(keywords::OF_PATH) {
                    Problem::MisplacedKeyword { keyword: keyword.clone() }
                } else {
                    Problem::UnknownKeyword { keyword: keyword.clone() }
                };
                self.note(join(path, &keyword), problem);
            }
        }
    }
}
