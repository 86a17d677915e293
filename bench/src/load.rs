//! The engine of the load scenarios: light clients write to documents, all others of a document count what
//! arrives and how long it took, and at the end a real client must get every edit.

mod connection;
mod ledger;

use crate::client::{CONNECT_TIME_MAX, LightPeer, Role, SocketOptions, connect, fetch};
use crate::document::BenchDocument;
use crate::machine::{busy_seconds, cpu_seconds, resident_kib};
use crate::report::Figures;
use crate::server_process::{ServerKind, ServerProcess};
use anyhow::Context;
use automerge::Automerge;
use connection::{Connection, Phase};
use ledger::{Counts, Ledger, Totals};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const WARM_UP: Duration = Duration::from_secs(1);
/// After the last edit, for those that are under way.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(3);
const CONNECT_ALL_TIME_MAX: Duration = Duration::from_secs(60);
const VERIFY_TIME_MAX: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// Each writer keeps so many edits under way; an edit is done when all have it.
    Window(u32),
    /// Edits per second of each writer, due whether earlier ones have arrived or not.
    PerSecond(f64),
}

/// What the clients do.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) documents: u64,
    /// For each document. Writers watch each other only where there are no readers.
    pub(crate) writers: u32,
    pub(crate) readers: u32,
    pub(crate) pace: Pace,
    pub(crate) time: Duration,
    /// One for each document, with which its clients say who they are; empty where nobody asks.
    pub(crate) bearers: Vec<String>,
}

impl Load {
    fn options(&self, document: usize) -> SocketOptions {
        SocketOptions { bearer: self.bearers.get(document).cloned(), ..SocketOptions::default() }
    }

    fn writers_watch(&self) -> bool {
        self.readers == 0
    }

    /// How many clients must see each edit.
    fn watchers(&self) -> u32 {
        if self.writers_watch() { self.writers - 1 } else { self.readers }
    }
}

/// Runs the load against a server and measures both.
pub(crate) async fn run(load: &Load, server: &ServerProcess) -> anyhow::Result<Figures> {
    let running = Running::start(load, server).await?;
    sleep(WARM_UP).await;
    let ((), figures) = running.measure(sleep(load.time)).await;
    running.finish(figures).await
}

/// A load under way.
pub(crate) struct Running<'a> {
    load: &'a Load,
    server: &'a ServerProcess,
    totals: Rc<Totals>,
    phase: watch::Sender<Phase>,
    crowd: Crowd,
    connect_ms: f64,
}

impl<'a> Running<'a> {
    /// Connects everybody and lets the writers begin.
    pub(crate) async fn start(load: &'a Load, server: &'a ServerProcess) -> anyhow::Result<Self> {
        let totals = Rc::new(Totals::default());
        let (phase, phases) = watch::channel(Phase::Waiting);
        let started = Instant::now();
        let crowd = Crowd::connect(load, server, &totals, &phases);
        let crowd = timeout(CONNECT_ALL_TIME_MAX, crowd).await.context("connecting all took too long")??;
        let connect_ms = started.elapsed().as_secs_f64() * 1000.0;
        phase.send(Phase::Writing)?;
        Ok(Self { load, server, totals, phase, crowd, connect_ms })
    }

    /// Measures for as long as `meanwhile` takes.
    pub(crate) async fn measure<T>(&self, meanwhile: impl Future<Output = T>) -> (T, Figures) {
        let before = Reading::take(self.server.pid, &self.totals);
        self.totals.start_measuring();
        let result = meanwhile.await;
        self.totals.stop_measuring();
        let mut figures = Reading::take(self.server.pid, &self.totals).figures_since(&before);
        self.totals.add_latencies_to(&mut figures);
        (result, figures)
    }

    /// Waits for the last edits, has a real client look for all of them, and leaves. What is found out is added to
    /// what was measured.
    pub(crate) async fn finish(self, mut figures: Figures) -> anyhow::Result<Figures> {
        self.phase.send(Phase::Draining)?;
        drain(&self.totals).await;
        figures.set("connect_ms", self.connect_ms);
        figures.set("server_rss_mib", resident_kib(self.server.pid) / 1024.0);
        let counts = self.totals.counts();
        let wanted = counts.sent * u64::from(self.load.watchers());
        figures.set("undelivered", wanted.saturating_sub(counts.delivered) as f64);
        if self.server.endpoint.kind == ServerKind::Syncing {
            self.crowd.verify(self.load, self.server, &mut figures).await;
        }
        self.phase.send(Phase::Over)?;
        self.crowd.leave(&mut figures).await;
        Ok(figures)
    }
}

async fn drain(totals: &Totals) {
    let deadline = Instant::now() + DRAIN_TIME_MAX;
    while totals.counts().completed < totals.counts().sent && Instant::now() < deadline {
        sleep(Duration::from_millis(10)).await;
    }
}

/// All clients of a run.
struct Crowd {
    documents: Vec<(BenchDocument, Rc<Ledger>)>,
    connections: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Crowd {
    async fn connect(
        load: &Load,
        server: &ServerProcess,
        totals: &Rc<Totals>,
        phases: &watch::Receiver<Phase>,
    ) -> anyhow::Result<Self> {
        let seed = crate::document::random();
        let mut crowd = Self { documents: Vec::new(), connections: Vec::new() };
        for index in 0..load.documents {
            let document = BenchDocument::new(seed, index);
            let options = load.options(index as usize);
            let ledger = Rc::new(Ledger::new(load.writers, load.watchers(), load.pace));
            for client in 0..load.writers + load.readers {
                let role = match client {
                    0 => Role::Creator,
                    writer if writer < load.writers => Role::Writer(writer),
                    _reader => Role::Reader,
                };
                let peer = LightPeer::new(&document, role, server.endpoint.kind)?;
                let socket = connect(&server.endpoint, &options);
                let socket = timeout(CONNECT_TIME_MAX, socket).await.context("no connection in time")??;
                let mut connection = Connection {
                    socket,
                    peer,
                    writer: (client < load.writers).then_some(client),
                    is_watching: client >= load.writers || load.writers_watch(),
                    pace: load.pace,
                    ledger: Rc::clone(&ledger),
                    totals: Rc::clone(totals),
                    phases: phases.clone(),
                };
                connection
                    .shake_hands()
                    .await
                    .with_context(|| format!("client {client} of document {index}"))?;
                crowd.connections.push(tokio::task::spawn_local(connection.run()));
            }
            crowd.documents.push((document, ledger));
        }
        Ok(crowd)
    }

    /// A new, real client must get every edit of every document.
    async fn verify(&self, load: &Load, server: &ServerProcess, figures: &mut Figures) {
        let deadline = Instant::now() + VERIFY_TIME_MAX;
        let (mut wanted, mut got) = (0, 0);
        for (index, (document, ledger)) in self.documents.iter().enumerate() {
            let (sent, options) = (ledger.sent(), load.options(index));
            wanted += sent;
            let limit = deadline.saturating_duration_since(Instant::now());
            let has_all = |automerge: &Automerge| edits_in(automerge, document) >= sent;
            if let Ok(fetched) = fetch(&server.endpoint, &options, document.id, limit, has_all).await {
                got += edits_in(&fetched.document, document).min(sent);
            }
        }
        figures.set("verified_wanted", wanted as f64);
        figures.set("verified_got", got as f64);
    }

    async fn leave(self, figures: &mut Figures) {
        let mut broken = Vec::new();
        for connection in self.connections {
            match timeout(Duration::from_secs(2), connection).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => broken.push(format!("{error:#}")),
                Ok(Err(_)) | Err(_) => broken.push("the client hangs".to_owned()),
            }
        }
        figures.set("broken", broken.len() as f64);
        figures.note = broken.into_iter().next();
    }
}

/// How many edits by its writers a document holds.
pub(crate) fn edits_in(automerge: &Automerge, document: &BenchDocument) -> u64 {
    let changes = automerge.get_changes(&[]);
    changes.iter().filter(|change| document.writer_of(change.actor_id().to_bytes()).is_some()).count() as u64
}

/// The counters of server, load generator and machine at one moment.
struct Reading {
    at: Instant,
    server_cpu: f64,
    load_cpu: f64,
    busy: f64,
    counts: Counts,
}

impl Reading {
    fn take(server: u32, totals: &Totals) -> Self {
        Self {
            at: Instant::now(),
            server_cpu: cpu_seconds(server),
            load_cpu: cpu_seconds(std::process::id()),
            busy: busy_seconds(),
            counts: totals.counts(),
        }
    }

    fn figures_since(&self, before: &Self) -> Figures {
        let seconds = (self.at - before.at).as_secs_f64();
        let server_cpu = self.server_cpu - before.server_cpu;
        let load_cpu = self.load_cpu - before.load_cpu;
        let per_second =
            |count: fn(&Counts) -> u64| (count(&self.counts) - count(&before.counts)) as f64 / seconds;
        let deliveries = per_second(|counts| counts.delivered);
        let mut figures = Figures::default();
        figures.set("seconds", seconds);
        figures.set("edits_per_s", per_second(|counts| counts.completed));
        figures.set("deliveries_per_s", deliveries);
        figures.set("frames_per_s", per_second(|counts| counts.frames));
        figures.set("mb_per_s", per_second(|counts| counts.bytes) / 1e6);
        figures.set("server_cpu", server_cpu / seconds);
        figures.set("server_us_per_delivery", server_cpu * 1e6 / (deliveries * seconds).max(1.0));
        figures.set("load_cpu", load_cpu / seconds);
        // What everything else on the machine used meanwhile: the noise.
        figures.set("other_cpu", (self.busy - before.busy - server_cpu - load_cpu).max(0.0) / seconds);
        figures
    }
}
