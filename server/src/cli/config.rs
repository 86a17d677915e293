//! `tiebreak config`.

use super::output;
use crate::config::{Config, Origin, Setting};
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ShowConfig {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

pub(super) fn run(show: &ShowConfig, settings: &[Setting]) -> anyhow::Result<ExitCode> {
    if show.json {
        let settings: Vec<Value> = settings.iter().map(to_json).collect();
        output::json(&json!({ "settings": settings }))?;
    } else {
        let rows: Vec<_> = settings.iter().map(to_row).collect();
        output::table(&["SETTING", "VALUE", "FROM"], &rows)?;
    }
    // What cannot be served is still shown, so that its cause can be found.
    if let Err(error) = show.config.check() {
        super::fail(&error);
    }
    Ok(ExitCode::SUCCESS)
}

fn to_row(setting: &Setting) -> Vec<String> {
    let origin = match &setting.origin {
        Origin::Default => "default".to_owned(),
        Origin::File(path) => format!("file {}", path.display()),
        Origin::Environment(variable) => format!("environment {variable}"),
        Origin::Flag(flag) => format!("flag {flag}"),
    };
    vec![setting.name.clone(), setting.value.clone().unwrap_or_else(|| "-".to_owned()), origin]
}

fn to_json(setting: &Setting) -> Value {
    let (source, from) = match &setting.origin {
        Origin::Default => ("default", None),
        Origin::File(path) => ("file", Some(path.display().to_string())),
        Origin::Environment(variable) => ("environment", Some(variable.clone())),
        Origin::Flag(flag) => ("flag", Some(flag.clone())),
    };
    json!({ "name": setting.name, "value": setting.value, "source": source, "from": from })
}
