//! What is in force, and where it came from.

use super::{Config, ConfigFile, StoreChoice};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};
use std::path::PathBuf;

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The long name, as in flags and files.
    pub name: String,
    /// `None` for one that is not set. Secrets are left out.
    pub value: Option<String>,
    pub origin: Origin,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(PathBuf),
    /// The name of the variable.
    Environment(String),
    /// The flag, with its dashes.
    Flag(String),
}

impl Setting {
    /// All settings: `given` is what flags and variables said, `in_force` has the file's settings as well.
    pub fn all(given: &ArgMatches, file: Option<&ConfigFile>, in_force: &ArgMatches) -> Vec<Self> {
        let command = Config::augment_args(Command::new("tiebreak"));
        let setting = |argument: &clap::Arg| {
            let id = argument.get_id().as_str();
            let name = id.replace('_', "-");
            let origin = match (given.value_source(id), file) {
                (Some(ValueSource::CommandLine), _) => Origin::Flag(format!("--{name}")),
                (Some(ValueSource::EnvVariable), _) => {
                    let variable = argument.get_env().unwrap_or_default();
                    Origin::Environment(variable.to_string_lossy().into_owned())
                }
                (_, Some(file)) if file.sets(id, given) => Origin::File(file.path().to_owned()),
                (_, Some(_) | None) => Origin::Default,
            };
            let values = in_force.get_raw(id);
            let value = values
                .map(|values| values.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(","));
            Self { name, value: value.map(|value| without_secrets(id, &value)), origin }
        };
        command.get_arguments().map(setting).collect()
    }
}

fn without_secrets(id: &str, value: &str) -> String {
    match (id, value.parse::<StoreChoice>()) {
        ("store", Ok(store)) => store.to_string(),
        (_, Ok(_) | Err(_)) => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_left_out_wherever_a_url_has_them() {
        for url in [
            "postgres://user:secret@host/tiebreak",
            "postgresql://host/tiebreak?user=u&password=secret",
            "postgres://user:se@cret@host/tiebreak",
        ] {
            assert_eq!(without_secrets("store", url), "postgres://host/tiebreak");
        }
        assert_eq!(without_secrets("store", "sqlite"), "sqlite");
    }
}
