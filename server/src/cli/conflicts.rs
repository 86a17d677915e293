//! `tiebreak conflicts`: one file a subcommand.

mod list;
mod settle;
mod show;
mod stats;

use super::client::{self, Source};
use super::output;
use clap::Subcommand;
use serde_json::Value;
use std::process::ExitCode;

/// Characters of a value in a table.
const VALUE_CHARS_MAX: usize = 40;

#[derive(Debug, Subcommand)]
pub(super) enum Conflicts {
    /// List what devices disagree about, the last opened first
    List(Box<list::List>),
    /// Show one conflict with all its candidates
    Show(Box<show::Show>),
    /// See which fields people disagree about, and how long it takes to settle
    Stats(Box<stats::Stats>),
    /// Settle a conflict for everybody
    Settle(Box<settle::Settle>),
}

pub(super) fn run(conflicts: Conflicts) -> anyhow::Result<ExitCode> {
    let source = conflicts.source().clone();
    client::run(&source, async |client| {
        match conflicts {
            Conflicts::List(list) => list.run(client).await,
            Conflicts::Show(show) => show.run(client).await,
            Conflicts::Stats(stats) => stats.run(client).await,
            Conflicts::Settle(settle) => settle.run(client).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })
}

impl Conflicts {
    fn source(&self) -> &Source {
        match self {
            Self::List(list) => &list.source,
            Self::Show(show) => &show.source,
            Self::Stats(stats) => &stats.source,
            Self::Settle(settle) => &settle.source,
        }
    }
}

/// A value as JSON, cut where it is long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text;
    }
    let beginning: String = text.chars().take(VALUE_CHARS_MAX).collect();
    format!("{beginning}\u{2026}")
}

/// What a candidate wants.
fn shown(side: &Value) -> String {
    if side.get("removed") == Some(&Value::Bool(true)) {
        "(removed)".to_owned()
    } else if side.get("secret") == Some(&Value::Bool(true)) {
        "(secret)".to_owned()
    } else {
        short(side.get("value").unwrap_or(&Value::Null))
    }
}

fn candidates(conflict: &Value) -> impl Iterator<Item = &Value> {
    conflict.get("candidates").and_then(Value::as_array).into_iter().flatten()
}

/// One conflict as people read it.
fn sheet(conflict: &Value) -> anyhow::Result<()> {
    let cell = |name: &str| output::cell(conflict, name);
    output::line(&format!(
        "{} is {} ({}, version {})",
        cell("id"),
        cell("state"),
        cell("type"),
        cell("version")
    ))?;
    output::line(&format!("{} in {} {}", cell("label"), cell("kind"), cell("document")))?;
    output::line(&format!("before: {}", short(conflict.get("base").unwrap_or(&Value::Null))))?;
    let who =
        |side: &Value| side.get("principal").map_or_else(|| "-".to_owned(), |by| output::cell(by, "name"));
    let rows: Vec<_> = candidates(conflict)
        .map(|side| {
            let cell = |name: &str| output::cell(side, name);
            vec![cell("id"), shown(side), who(side), cell("device_time"), cell("server_time")]
        })
        .collect();
    output::table(&["CANDIDATE", "VALUE", "BY", "AS THE DEVICE SAID", "CAME"], &rows)?;
    if let Some(settled) = conflict.get("settled") {
        let by = settled.get("by").map_or_else(|| "-".to_owned(), |by| output::cell(by, "name"));
        let (how, at) = (output::cell(settled, "how"), output::cell(settled, "at"));
        let now = match how.as_str() {
            "agreement" => "what both sides wrote".to_owned(),
            "wider" => "another conflict".to_owned(),
            _one_side => shown(settled),
        };
        output::line(&format!("now: {now} ({how}, by {by}, {at})"))?;
    }
    Ok(())
}
