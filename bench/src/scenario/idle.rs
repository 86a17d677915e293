//! What a connection costs that does nothing, and whether the memory comes back when it leaves.

use super::{Scale, Stage};
use crate::client::{
    Arrivals, CONNECT_TIME_MAX, LightPeer, Role, Socket, SocketOptions, connect, next_binary, send_all,
};
use crate::document::BenchDocument;
use crate::machine::{cpu_seconds, descriptors_max, resident_kib};
use crate::report::Figures;
use crate::server_process::Endpoint;
use anyhow::Context;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// Handshakes under way at a time: the crowd arrives gently.
const ARRIVING_MAX: usize = 32;
const ARRIVAL_TIME_MAX: Duration = Duration::from_secs(120);
/// Idle rooms may keep their documents for a while.
const RETURN_TIME_MAX: Duration = Duration::from_secs(45);
/// The memory counts as given back when at most this part of what the crowd took is left.
const RETURNED_PART: f64 = 0.2;
const CONNECTIONS_PER_ADDRESS: usize = 5_000;
const READ_BUFFER_BYTES: usize = 4096;
/// Descriptors that are not connections.
const DESCRIPTORS_SPARE: usize = 100;

pub(super) async fn run(stage: &Stage<'_>, scale: &Scale) -> anyhow::Result<Figures> {
    let wanted = scale.connections.min(descriptors_max() - DESCRIPTORS_SPARE);
    let server = stage.start().await?;
    let before_kib = resident_kib(server.pid);
    let (leave, leaving) = watch::channel(false);
    let started = Instant::now();
    let mut crowd = Crowd::connect(&server.endpoint, wanted, &leaving).await?;
    let connect_s = started.elapsed().as_secs_f64();
    let connected = crowd.held.len();

    sleep(scale.hold_time).await;
    let (held_kib, cpu_before) = (resident_kib(server.pid), cpu_seconds(server.pid));
    sleep(Duration::from_secs(1)).await;
    let idle_cpu = cpu_seconds(server.pid) - cpu_before;
    leave.send(true)?;
    let dropped = crowd.count_dropped().await;
    let (after_kib, returned_s) = wait_for_memory(server.pid, before_kib, held_kib).await;
    server.kill().await?;

    let mut figures = Figures::default();
    figures.set("connections", connected as f64);
    figures.set("failed", (scale.connections - connected) as f64);
    figures.set("dropped", dropped as f64);
    figures.set("connections_per_s", connected as f64 / connect_s);
    figures.set("before_mib", before_kib / 1024.0);
    figures.set("held_mib", held_kib / 1024.0);
    figures.set("after_mib", after_kib / 1024.0);
    figures.set("returned_s", returned_s);
    figures.set("kib_per_connection", (held_kib - before_kib) / connected.max(1) as f64);
    figures.set("idle_cpu", idle_cpu);
    figures.note = crowd.error;
    Ok(figures)
}

/// Waits until the memory is back, in vain perhaps; the least that was seen counts.
async fn wait_for_memory(pid: u32, before_kib: f64, held_kib: f64) -> (f64, f64) {
    let returned_kib = before_kib + (held_kib - before_kib) * RETURNED_PART;
    let started = Instant::now();
    let mut least_kib = held_kib;
    while least_kib > returned_kib && started.elapsed() < RETURN_TIME_MAX {
        sleep(Duration::from_millis(500)).await;
        least_kib = least_kib.min(resident_kib(pid));
    }
    (least_kib, started.elapsed().as_secs_f64())
}

struct Crowd {
    held: Vec<JoinHandle<bool>>,
    /// Why one of those that failed did.
    error: Option<String>,
}

impl Crowd {
    async fn connect(
        endpoint: &Endpoint,
        wanted: usize,
        leaving: &watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let (started, seed) = (Instant::now(), crate::document::random());
        let mut crowd = Self { held: Vec::new(), error: None };
        let mut arriving = JoinSet::new();
        let mut next = 0;
        loop {
            while next < wanted && arriving.len() < ARRIVING_MAX && started.elapsed() < ARRIVAL_TIME_MAX {
                arriving.spawn_local(arrive(endpoint.clone(), seed, next));
                next += 1;
            }
            match arriving.join_next().await {
                None => return Ok(crowd),
                Some(arrived) => match arrived? {
                    Ok((socket, peer)) => {
                        crowd.held.push(tokio::task::spawn_local(hold(socket, peer, leaving.clone())));
                    }
                    Err(error) => crowd.error = Some(format!("{error:#}")),
                },
            }
        }
    }

    async fn count_dropped(&mut self) -> usize {
        let mut dropped = 0;
        for held in self.held.drain(..) {
            let was_kept = matches!(timeout(Duration::from_secs(5), held).await, Ok(Ok(true)));
            dropped += usize::from(!was_kept);
        }
        dropped
    }
}

/// Connects, makes a document and edits it once, as a device does that then lies in a pocket.
async fn arrive(endpoint: Endpoint, seed: u64, index: usize) -> anyhow::Result<(Socket, LightPeer)> {
    let arrival = async {
        let host = u8::try_from(1 + index / CONNECTIONS_PER_ADDRESS)?;
        let options = SocketOptions {
            source: Ipv4Addr::new(127, 0, 0, host),
            read_buffer_bytes: READ_BUFFER_BYTES,
            ..SocketOptions::default()
        };
        let mut socket = connect(&endpoint, &options).await?;
        let document = BenchDocument::new(seed, index as u64);
        let mut peer = LightPeer::new(&document, Role::Creator, endpoint.kind)?;
        let mut out = vec![peer.join()];
        while !peer.is_synced() {
            send_all(&mut socket, &mut out).await?;
            let message = next_binary(&mut socket).await?;
            peer.receive(&message, &mut out, &mut Arrivals::new())?;
        }
        out.push(peer.edit(0)?);
        send_all(&mut socket, &mut out).await?;
        Ok((socket, peer))
    };
    timeout(CONNECT_TIME_MAX, arrival).await.context("the handshake takes too long")?
}

/// Answers what comes until all leave; whether the connection lasted so long.
async fn hold(mut socket: Socket, mut peer: LightPeer, mut leaving: watch::Receiver<bool>) -> bool {
    let mut out = Vec::new();
    loop {
        tokio::select! {
            message = next_binary(&mut socket) => {
                let Ok(message) = message else { return false };
                let is_well = peer.receive(&message, &mut out, &mut Arrivals::new()).is_ok();
                if !is_well || send_all(&mut socket, &mut out).await.is_err() {
                    return false;
                }
            }
            changed = leaving.changed() => {
                // A client that goes need not hear of how its leave-taking went.
                drop(socket.close(None).await);
                return changed.is_ok();
            }
        }
    }
}
