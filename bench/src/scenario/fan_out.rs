//! One document that many watch: how many deliveries a server makes, and how late.

use super::{Scale, Stage};
use crate::load::{Load, Pace};
use crate::report::Figures;

const WRITERS: u32 = 4;
const READERS: u32 = 16;
const EDITS_UNDER_WAY: u32 = 64;
const EDITS_PER_SECOND: f64 = 50.0;

/// As fast as the readers get it.
pub(super) async fn run_closed(stage: &Stage<'_>, scale: &Scale) -> anyhow::Result<Figures> {
    run(stage, scale, Pace::Window(EDITS_UNDER_WAY)).await
}

/// As people would: a number of edits per second, late or not.
pub(super) async fn run_at_fixed_rate(stage: &Stage<'_>, scale: &Scale) -> anyhow::Result<Figures> {
    run(stage, scale, Pace::PerSecond(EDITS_PER_SECOND)).await
}

async fn run(stage: &Stage<'_>, scale: &Scale, pace: Pace) -> anyhow::Result<Figures> {
    let server = stage.start().await?;
    let load = Load {
        documents: 1,
        writers: WRITERS,
        readers: READERS,
        pace,
        time: scale.time,
        bearers: Vec::new(),
    };
    let figures = crate::load::run(&load, &server).await?;
    server.kill().await?;
    Ok(figures)
}
