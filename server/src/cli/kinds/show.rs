//! `tiebreak kinds show`.

use crate::cli::output;
use crate::config::Config;
use crate::kinds;
use anyhow::anyhow;
use clap::Args;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// The kind's name, as in `profile`
    name: String,
    /// Print the JSON on one line, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

impl Show {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let kinds = kinds::load(self.config.kinds.as_deref())?;
        let Self { name, json, .. } = self;
        let missing = || anyhow!("there is no kind {name}; `tiebreak kinds list` shows those that there are");
        let schema = kinds.get(name).ok_or_else(missing)?.schema();
        if *json {
            output::json(schema)?
        } else {
            output::line(&format!("{schema:#}"))?
        }
        Ok(ExitCode::SUCCESS)
    }
}
