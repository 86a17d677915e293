//! Many documents with two clients each, every one of them nearly quiet.

use super::{Scale, Stage};
use crate::load::{Load, Pace};
use crate::report::Figures;

const CLIENTS_PER_DOCUMENT: u32 = 2;
const EDITS_PER_SECOND: f64 = 2.0;

pub(super) async fn run(stage: &Stage<'_>, scale: &Scale) -> anyhow::Result<Figures> {
    let server = stage.start().await?;
    let load = Load {
        documents: scale.documents,
        writers: CLIENTS_PER_DOCUMENT,
        readers: 0,
        pace: Pace::PerSecond(EDITS_PER_SECOND),
        time: scale.time,
        bearers: Vec::new(),
    };
    let figures = crate::load::run(&load, &server).await?;
    server.kill().await?;
    Ok(figures)
}
