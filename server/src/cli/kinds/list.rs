//! `tiebreak kinds list`.

use crate::cli::output;
use crate::config::Config;
use crate::kinds;
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

impl List {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let kinds = kinds::load(self.config.kinds.as_deref())?;
        let items: Vec<Value> = kinds
            .iter()
            .map(|kind| json!({ "name": kind.name(), "version": kind.version(), "title": kind.title() }))
            .collect();
        let list = json!({ "items": items });
        if self.json {
            output::json(&list)?;
        } else {
            output::table(
                &["KIND", "VERSION", "TITLE"],
                &output::rows(&list, &["name", "version", "title"]),
            )?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
