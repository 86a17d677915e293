//! `tiebreak kinds check`.

use crate::cli::output;
use crate::config::Config;
use crate::kinds::{self, KindsError};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tiebreak_kinds::{Comparison, Difference, Kind, compare};

#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// The kind's file as devices have it
    old: PathBuf,
    /// The kind's file as it is to be
    new: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

impl Check {
    /// Fails for a breaking difference that the version does not announce.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let compared = compare(&read(&self.old)?, &read(&self.new)?);
        if self.json {
            output::json(&to_json(&compared))?;
        } else {
            print(&compared)?;
        }
        Ok(if compared.needs_higher_version() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn read(path: &Path) -> Result<Kind, KindsError> {
    let (_name, text) = kinds::read(path)?;
    // With its whole path: both files may have the same name.
    Kind::read(&path.display().to_string(), &text).map_err(KindsError::Wrong)
}

fn to_json(compared: &Comparison) -> Value {
    let difference = |Difference { path, what }: &Difference| json!({ "path": path, "what": what });
    json!({
        "compatible": compared.is_compatible(),
        "needs_higher_version": compared.needs_higher_version(),
        "differences": compared.differences().iter().map(difference).collect::<Vec<_>>(),
    })
}

fn print(compared: &Comparison) -> anyhow::Result<()> {
    for difference in compared.differences() {
        output::line(&difference.to_string())?;
    }
    output::line(match (compared.is_compatible(), compared.needs_higher_version()) {
        (true, _) => "compatible: apps and documents of both versions get along",
        (false, false) => "breaking, and the higher x-tiebreak-version says so",
        (false, true) => {
            "breaking: give the new file a higher x-tiebreak-version, or take back what is named above"
        }
    })
}
