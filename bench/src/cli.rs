//! The command line, and the run: each scenario against each target in turn.
#![expect(clippy::print_stdout, reason = "telling how far the run is, is this file's purpose")]

use crate::hash_limit;
use crate::machine;
use crate::report::Finding;
use crate::scenario::{Scale, Scenario};
use crate::server_process::{OWN, ServerKind, Surroundings, Target};
use crate::table;
use anyhow::Context;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measures automerge-repo WebSocket servers next to a bare WebSocket broadcast.
#[derive(clap::Parser)]
#[command(name = "tiebreak-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Runs scenarios against the broadcast, this project's server and any peers, and prints a table of each.
    Run(RunArguments),
    /// Serves the bare broadcast alone.
    Broadcast(BroadcastArguments),
    /// Hashes passwords, and nothing else, and prints how many a second of processor time.
    HashLimit(HashLimitArguments),
}

#[derive(clap::Args)]
pub(crate) struct BroadcastArguments {
    #[arg(long)]
    pub(crate) port: u16,
    /// Bytes of each connection's read buffer.
    #[arg(long, default_value_t = 128 << 10)]
    pub(crate) read_buffer: usize,
}

#[derive(clap::Args)]
pub(crate) struct HashLimitArguments {
    /// A stored hash, whose parameters are those to measure.
    #[arg(long)]
    pub(crate) stored: String,
    #[arg(long, default_value_t = 3)]
    pub(crate) seconds: u64,
}

#[derive(clap::Args)]
pub(crate) struct RunArguments {
    /// What to measure; everything when not given.
    #[arg(long, value_enum)]
    scenario: Vec<Scenario>,
    /// The server's command; {port} and {data} (also PORT and DATA_DIR in its environment) are filled in.
    /// Default: the `tiebreak` beside this binary.
    #[arg(long, value_name = "CMD")]
    server: Option<String>,
    /// Leaves this project's server out.
    #[arg(long, conflicts_with = "server")]
    no_server: bool,
    /// Another automerge-repo server to compare with, as NAME=CMD.
    #[arg(long, value_name = "NAME=CMD", value_parser = parse_peer)]
    peer: Vec<(String, String)>,
    /// A tenth of the time, for trying things out.
    #[arg(long)]
    quick: bool,
    /// Runs of each noisy scenario, interleaved; the tables show medians.
    #[arg(long, value_name = "N")]
    repeat: Option<usize>,
    /// Connections of the idle scenario.
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// Seconds that the idle scenario holds its connections; idle rooms may give memory back meanwhile.
    #[arg(long, value_name = "SECONDS", default_value_t = 4)]
    hold: u64,
    /// Changes of the cold-load scenario.
    #[arg(long, value_name = "N")]
    changes: Option<usize>,
    /// People of the launch-day scenario, who register and sign in at once; 23570 for all.
    #[arg(long, value_name = "N")]
    people: Option<usize>,
    /// Where results and logs go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

fn parse_peer(text: &str) -> Result<(String, String), String> {
    let (name, command) = text.split_once('=').ok_or("a peer is NAME=CMD")?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
        return Err("a peer's name is letters, digits, dots and dashes".to_owned());
    }
    Ok((name.to_owned(), command.to_owned()))
}

impl RunArguments {
    fn scale(&self) -> Scale {
        let full = Scale {
            time: Duration::from_secs(5),
            documents: 200,
            connections: 10_000,
            hold_time: Duration::from_secs(self.hold),
            changes: 100_000,
            edits: 1_000,
            people: 2_000,
        };
        let quick = Scale {
            time: Duration::from_secs(2),
            connections: 500,
            changes: 5_000,
            people: 200,
            ..full.clone()
        };
        let mut scale = if self.quick { quick } else { full };
        scale.connections = self.connections.unwrap_or(scale.connections);
        scale.changes = self.changes.unwrap_or(scale.changes);
        scale.people = self.people.unwrap_or(scale.people);
        scale
    }

    fn targets(&self) -> anyhow::Result<Vec<Target>> {
        let own = std::env::current_exe()?;
        let mut targets = vec![Target {
            name: table::BROADCAST.to_owned(),
            command: format!("'{}' broadcast --port {{port}}", own.display()),
            path: "/automerge",
            kind: ServerKind::Broadcasting,
        }];
        if !self.no_server {
            let command = match &self.server {
                Some(command) => command.clone(),
                None => {
                    let built = own.with_file_name("tiebreak");
                    anyhow::ensure!(
                        built.exists(),
                        "{} is missing: build it, or give --server",
                        built.display()
                    );
                    // The load is a crowd, not a device: the limits of one device do not apply.
                    format!(
                        "'{}' serve --listen 127.0.0.1:{{port}} --data '{{data}}' --changes-per-second 1000000 \
                         --changes-burst 1000000",
                        built.display()
                    )
                }
            };
            let name = OWN.to_owned();
            targets.push(Target { name, command, path: "/automerge", kind: ServerKind::Syncing });
        }
        for (name, command) in &self.peer {
            let (name, command) = (name.clone(), command.clone());
            targets.push(Target { name, command, path: "/", kind: ServerKind::Syncing });
        }
        Ok(targets)
    }
}

/// Runs what was asked for; fails when a finding of this project's server is not flawless.
pub(crate) async fn run(arguments: RunArguments) -> anyhow::Result<ExitCode> {
    let (scale, targets) = (arguments.scale(), arguments.targets()?);
    std::fs::create_dir_all(&arguments.out)?;
    let results_path = arguments.out.join("results.jsonl");
    let mut results = File::create(&results_path).context("cannot write the results")?;
    machine::raise_descriptor_limit();
    let is_pinned = machine::take_second_processor();
    let around = Surroundings { is_pinned, directory: arguments.out.clone() };
    if !is_pinned {
        println!("Server and load share the processors: compare ratios only.");
    }
    let scenarios =
        if arguments.scenario.is_empty() { Scenario::ALL.to_vec() } else { arguments.scenario.clone() };
    let mut findings = Vec::new();
    for scenario in scenarios {
        let repeat = arguments.repeat.unwrap_or(if scenario.is_noisy() && !arguments.quick { 3 } else { 1 });
        for _ in 0..repeat {
            for target in targets.iter().filter(|target| scenario.suits(target)) {
                let finding = find(scenario, target, &around, &scale).await;
                writeln!(results, "{}", finding.to_json())?;
                println!("{}", table::progress(&finding));
                findings.push(finding);
            }
        }
        table::print(scenario, &findings);
        println!();
    }
    println!("All figures: {}", results_path.display());
    let is_content = table::is_flawless(&findings, |name| name == OWN || name == table::BROADCAST);
    Ok(if is_content { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn print_hash_limit(arguments: &HashLimitArguments) -> anyhow::Result<ExitCode> {
    let time = Duration::from_secs(arguments.seconds);
    println!("{}", hash_limit::hashes_per_cpu_second(&arguments.stored, time)?);
    Ok(ExitCode::SUCCESS)
}

async fn find(scenario: Scenario, target: &Target, around: &Surroundings, scale: &Scale) -> Finding {
    let mut target = target.clone();
    if scenario == Scenario::Idle && target.kind == ServerKind::Broadcasting {
        target.command.push_str(" --read-buffer 4096");
    }
    if scenario == Scenario::LaunchDay {
        // Everybody comes from an address of their own, which the load generator tells as a proxy would.
        target.command.push_str(" --auth accounts --behind-proxy");
    }
    let outcome = scenario.run(&target, around, scale).await.map_err(|error| format!("{error:#}"));
    Finding { scenario: scenario.name(), target: target.name, outcome }
}
