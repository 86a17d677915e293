//! What can be measured, one file each.

mod cold_load;
mod fan_out;
mod idle;
mod kill;
mod launch_day;
mod many_documents;

use crate::client::greet;
use crate::report::Figures;
use crate::server_process::{DataDirectory, OWN, ServerKind, ServerProcess, Surroundings, Target};
use clap::ValueEnum;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// 1 document, 4 writers, 16 readers, each writer with 64 edits under way.
    Fanout,
    /// The same at 50 edits a second and writer; latency counts from when an edit was due.
    Rate,
    /// 200 documents with 2 clients each, 2 edits a second and client.
    Manydocs,
    /// A 100,000-change document for a new client after a restart.
    Coldload,
    /// 10,000 connections, each on a document of its own.
    Idle,
    /// 1,000 edits, kill -9 the moment a second client has seen the last.
    Kill,
    /// 2,000 people register, then sign in, all at once, while 500 devices sync.
    LaunchDay,
}

/// How much of everything.
#[derive(Clone)]
pub(crate) struct Scale {
    pub(crate) time: Duration,
    pub(crate) documents: u64,
    pub(crate) connections: usize,
    /// Before the memory of held connections is read.
    pub(crate) hold_time: Duration,
    pub(crate) changes: usize,
    pub(crate) edits: u32,
    /// Who register and sign in at once.
    pub(crate) people: usize,
}

impl Scenario {
    pub(crate) const ALL: [Self; 7] =
        [Self::Fanout, Self::Rate, Self::Manydocs, Self::Coldload, Self::Idle, Self::Kill, Self::LaunchDay];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fanout => "fanout",
            Self::Rate => "rate",
            Self::Manydocs => "manydocs",
            Self::Coldload => "coldload",
            Self::Idle => "idle",
            Self::Kill => "kill",
            Self::LaunchDay => "launch-day",
        }
    }

    /// Whether the answer depends on how busy the machine is, so that a median says more.
    pub(crate) fn is_noisy(self) -> bool {
        matches!(self, Self::Fanout | Self::Rate | Self::Manydocs)
    }

    /// A broadcast has nothing to load and nothing to lose, and only this project's server has accounts.
    pub(crate) fn suits(self, target: &Target) -> bool {
        match self {
            Self::Fanout | Self::Rate | Self::Manydocs | Self::Idle => true,
            Self::Coldload | Self::Kill => target.kind == ServerKind::Syncing,
            Self::LaunchDay => target.name == OWN,
        }
    }

    /// Runs once against a server of its own with an empty data directory.
    pub(crate) async fn run(
        self,
        target: &Target,
        around: &Surroundings,
        scale: &Scale,
    ) -> anyhow::Result<Figures> {
        let data = DataDirectory::new(around)?;
        let stage = Stage { target, around, data };
        match self {
            Self::Fanout => fan_out::run_closed(&stage, scale).await,
            Self::Rate => fan_out::run_at_fixed_rate(&stage, scale).await,
            Self::Manydocs => many_documents::run(&stage, scale).await,
            Self::Coldload => cold_load::run(&stage, scale).await,
            Self::Idle => idle::run(&stage, scale).await,
            Self::Kill => kill::run(&stage, scale).await,
            Self::LaunchDay => launch_day::run(&stage, scale).await,
        }
    }
}

/// A server that can be started and restarted on one data directory.
pub(crate) struct Stage<'a> {
    target: &'a Target,
    around: &'a Surroundings,
    data: DataDirectory,
}

impl Stage<'_> {
    /// Starts the server and waits until it speaks: some listen before they do.
    async fn start(&self) -> anyhow::Result<ServerProcess> {
        let server = ServerProcess::start(self.target, self.around, self.data.path()).await?;
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        loop {
            match timeout(Duration::from_secs(2), greet(&server.endpoint)).await {
                Ok(Ok(())) => return Ok(server),
                Ok(Err(error)) if Instant::now() > deadline => {
                    return Err(error.context("no answer to a join"));
                }
                Err(_) if Instant::now() > deadline => anyhow::bail!("no answer to a join"),
                Ok(Err(_)) | Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }
}
