//! From the text of a kind file to a [`Kind`], or to everything that is wrong with it.

mod keywords;
mod layers;
mod modes;
mod paths;
mod rules;

use crate::constraints::Constraints;
use crate::error::{KindError, Problem};
use crate::kind::Kind;
use crate::limits::{MAX_ERRORS, MAX_FILE_BYTES, MAX_JSON_DEPTH};
use serde_json::{Map, Value};
use tiebreak_protocol::Role;
use tiebreak_protocol::strict_json::{self, ReadError};

pub(crate) use keywords::{DIALECT, keyword_list};

/// Reads one kind file.
pub(crate) fn read(file: &str, text: &str) -> Result<Kind, Vec<KindError>> {
    let fail = |problem| vec![KindError { file: file.to_owned(), path: String::new(), problem }];
    let schema = parse(text).map_err(fail)?;
    let Value::Object(top) = &schema else { return Err(fail(Problem::RootNotObject)) };
    let mut reader = Reader { file, schema: &schema, errors: Vec::new(), schemas: 0, refs: Vec::new() };
    let (name, version) = (reader.name(top), reader.version(top));
    reader.dialect(top);
    let root = reader.root();
    // The library follows every reference; it is asked once all of them are known to end.
    let constraints = if reader.errors.is_empty() { reader.constraints() } else { None };
    let rules = reader.rules(top, &root);
    let guard = reader.guard(top);
    let tell = reader.tell(top);
    let (Some(name), Some(version), Some(constraints), []) = (name, version, constraints, &*reader.errors)
    else {
        return Err(reader.errors);
    };
    let title = root.title.clone();
    Ok(Kind { name, version, title, root, rules, tell, guard, constraints, schema })
}

fn parse(text: &str) -> Result<Value, Problem> {
    if text.len() > MAX_FILE_BYTES {
        return Err(Problem::FileTooLarge { bytes: text.len() });
    }
    // The outermost brackets are at depth 0.
    strict_json::read(text.as_bytes(), MAX_JSON_DEPTH - 1).map_err(|error| {
        let error = match error {
            ReadError::TooDeep => return Problem::TooDeep,
            ReadError::Malformed(error) => error,
        };
        let error_text = error.to_string();
        match error.classify() {
            serde_json::error::Category::Data => Problem::DuplicateKey { error: error_text },
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => Problem::NotJson { error: error_text },
        }
    })
}

/// A kind file being read, and what is wrong with it so far.
struct Reader<'a> {
    file: &'a str,
    schema: &'a Value,
    errors: Vec<KindError>,
    /// Schemas seen.
    schemas: usize,
    /// The references that lead to where the reader is.
    refs: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    /// Notes an error, once: a schema that several paths refer to is wrong once.
    fn note(&mut self, path: impl Into<String>, problem: Problem) {
        let error = KindError { file: self.file.to_owned(), path: path.into(), problem };
        if self.errors.len() < MAX_ERRORS && !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    fn dialect(&mut self, top: &Map<String, Value>) {
        match top.get("$schema") {
            None => {}
            Some(Value::String(dialect)) if dialect == DIALECT => {}
            Some(found) => self.note("/$schema", Problem::OtherDialect { found: found.to_string() }),
        }
    }

    fn name(&mut self, top: &Map<String, Value>) -> Option<String> {
        let Some(name) = top.get("x-tiebreak-kind") else {
            self.note("", Problem::MissingKeyword { keyword: "x-tiebreak-kind" });
            return None;
        };
        match name.as_str() {
            Some(name) if keywords::is_name(name) => Some(name.to_owned()),
            Some(name) => {
                self.note("/x-tiebreak-kind", Problem::WrongName { name: name.to_owned() });
                None
            }
            None => {
                self.wrong_value("/x-tiebreak-kind", name, "the kind's name as a string");
                None
            }
        }
    }

    fn version(&mut self, top: &Map<String, Value>) -> Option<u32> {
        let Some(found) = top.get("x-tiebreak-version") else {
            self.note("", Problem::MissingKeyword { keyword: "x-tiebreak-version" });
            return None;
        };
        let version = found.as_u64().and_then(|version| u32::try_from(version).ok()).filter(|&it| it > 0);
        if version.is_none() {
            self.wrong_value("/x-tiebreak-version", found, "a whole number from 1 up");
        }
        version
    }

    fn tell(&mut self, top: &Map<String, Value>) -> Vec<Role> {
        let Some(found) = top.get("x-tiebreak-tell") else { return Vec::new() };
        let role = |role: &Value| role.as_str()?.parse::<Role>().ok();
        let roles: Option<Vec<_>> = found.as_array().and_then(|roles| roles.iter().map(role).collect());
        if roles.is_none() {
            self.wrong_value("/x-tiebreak-tell", found, "a list of roles: owner, editor, viewer");
        }
        roles.unwrap_or_default()
    }

    fn constraints(&mut self) -> Option<Constraints> {
        match Constraints::compile(self.schema) {
            Ok(constraints) => Some(constraints),
            Err(errors) => {
                for (path, error) in errors {
                    self.note(path, Problem::NotSchema { error });
                }
                None
            }
        }
    }

    /// The keyword is the last name of the path.
    fn wrong_value(&mut self, path: &str, found: &Value, expected: &'static str) {
        let keyword = path.rsplit('/').next().unwrap_or_default().to_owned();
        self.note(path, Problem::WrongValue { keyword, found: found.to_string(), expected });
    }
}

/// The pointer to `key` inside of what `path` points to.
fn join(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
