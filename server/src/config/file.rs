//! A TOML file with settings under their long names, as the flags they stand for.

use super::{Config, ConfigError};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The settings of one file.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    value_by_id: BTreeMap<String, String>,
}

impl ConfigFile {
    /// Reads a file, which must be a flat table of known settings.
    ///
    /// # Errors
    /// When it cannot be read or holds anything else.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let not_toml = |source| ConfigError::NotToml { path: path.to_owned(), source: Box::new(source) };
        let table: toml::Table = toml::from_str(&text).map_err(not_toml)?;
        let (known, lists) = (ids(|_argument| true), ids(takes_several));
        let mut value_by_id = BTreeMap::new();
        for (key, value) in table {
            let id = key.replace('-', "_");
            // A file cannot name the file to read.
            if id == "config" || !known.contains(&id) {
                return Err(ConfigError::UnknownKey { path: path.to_owned(), key });
            }
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(value) => value.to_string(),
                toml::Value::Array(items) if lists.contains(&id) => {
                    let texts = items.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>();
                    texts
                        .ok_or_else(|| ConfigError::NotAValue { path: path.to_owned(), key: key.clone() })?
                        .join(",")
                }
                toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                    return Err(ConfigError::NotAValue { path: path.to_owned(), key });
                }
            };
            value_by_id.insert(id, text);
        }
        Ok(Self { path: path.to_owned(), value_by_id })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a setting comes from this file: it is in it, and neither flag nor variable gave it.
    pub fn sets(&self, id: &str, given: &ArgMatches) -> bool {
        self.value_by_id.contains_key(id)
            && !matches!(given.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    }

    /// The settings that come from this file, as flags.
    pub fn flags(&self, given: &ArgMatches) -> Vec<String> {
        let flag = |(id, value): (&String, &String)| format!("--{}={value}", id.replace('_', "-"));
        self.value_by_id.iter().filter(|(id, _)| self.sets(id, given)).map(flag).collect()
    }

    /// A value that the command line's parser did not take.
    pub fn refused(&self, error: &clap::Error) -> ConfigError {
        let text = error.to_string();
        let reason = text.lines().next().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason).to_owned();
        ConfigError::InvalidValue { path: self.path.clone(), reason }
    }
}

/// The ids of settings, which are their long names with underscores.
fn ids(wanted: fn(&Arg) -> bool) -> Vec<String> {
    let command = Config::augment_args(Command::new("tiebreak"));
    let arguments = command.get_arguments().filter(|argument| wanted(argument));
    arguments.map(|argument| argument.get_id().to_string()).collect()
}

fn takes_several(argument: &Arg) -> bool {
    argument.get_value_delimiter().is_some()
}
