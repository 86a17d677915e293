//! What a crash costs: every edit that a second client has seen must be there afterwards.

use super::{Scale, Stage};
use crate::client::{
    Arrivals, LightPeer, Role, Socket, SocketOptions, connect, fetch, next_binary, send_all,
};
use crate::document::BenchDocument;
use crate::load::edits_in;
use crate::report::Figures;
use crate::server_process::{Endpoint, ServerKind};
use anyhow::Context;
use std::cell::Cell;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval, timeout};

const TIME_BETWEEN_EDITS: Duration = Duration::from_micros(500);
const SEEN_TIME_MAX: Duration = Duration::from_secs(60);
const FETCH_TIME_MAX: Duration = Duration::from_secs(30);

pub(super) async fn run(stage: &Stage<'_>, scale: &Scale) -> anyhow::Result<Figures> {
    let server = stage.start().await?;
    let document = BenchDocument::new(crate::document::random(), 0);
    let mut writer = Client::connect(&server.endpoint, &document, Role::Creator).await?;
    let mut watcher = Client::connect(&server.endpoint, &document, Role::Reader).await?;
    let started = Instant::now();
    let (written, seen) = (Cell::new(0), Cell::new(0));
    let all_seen = async {
        tokio::select! {
            result = writer.write(scale.edits, &written) => result,
            result = watcher.watch(scale.edits, &seen) => result,
        }
    };
    timeout(SEEN_TIME_MAX, all_seen)
        .await
        .with_context(|| format!("the second client saw {} of {} edits", seen.get(), written.get()))??;
    server.kill().await?;
    let seen_ms = started.elapsed().as_secs_f64() * 1000.0;

    let server = stage.start().await?;
    let has_all = |automerge: &automerge::Automerge| edits_in(automerge, &document) >= u64::from(scale.edits);
    let fetched =
        fetch(&server.endpoint, &SocketOptions::default(), document.id, FETCH_TIME_MAX, has_all).await?;
    server.kill().await?;
    let got = edits_in(&fetched.document, &document) as f64;
    let mut figures = Figures::default();
    figures.set("edits", f64::from(scale.edits));
    figures.set("seen_ms", seen_ms);
    figures.set("lost", f64::from(scale.edits) - got);
    figures.set("read_ms", fetched.elapsed.as_secs_f64() * 1000.0);
    Ok(figures)
}

struct Client {
    socket: Socket,
    peer: LightPeer,
}

impl Client {
    async fn connect(endpoint: &Endpoint, document: &BenchDocument, role: Role) -> anyhow::Result<Self> {
        let socket = connect(endpoint, &SocketOptions::default()).await?;
        let mut client = Self { socket, peer: LightPeer::new(document, role, ServerKind::Syncing)? };
        let mut out = vec![client.peer.join()];
        send_all(&mut client.socket, &mut out).await?;
        let handshake = async {
            while !client.peer.is_synced() {
                client.take_one(&mut Arrivals::new()).await?;
            }
            anyhow::Ok(())
        };
        timeout(crate::client::CONNECT_TIME_MAX, handshake)
            .await
            .context("the handshake takes too long")??;
        Ok(client)
    }

    async fn take_one(&mut self, arrivals: &mut Arrivals) -> anyhow::Result<()> {
        let message = next_binary(&mut self.socket).await?;
        let mut out = Vec::new();
        self.peer.receive(&message, &mut out, arrivals)?;
        send_all(&mut self.socket, &mut out).await
    }

    /// Writes all edits, then goes on answering; ends only with the connection.
    async fn write(&mut self, edits: u32, written: &Cell<u32>) -> anyhow::Result<()> {
        let mut pace = interval(TIME_BETWEEN_EDITS);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                message = next_binary(&mut self.socket) => {
                    let mut out = Vec::new();
                    self.peer.receive(&message?, &mut out, &mut Arrivals::new())?;
                    send_all(&mut self.socket, &mut out).await?;
                }
                _ = pace.tick(), if written.get() < edits => {
                    let mut out = vec![self.peer.edit(written.get())?];
                    send_all(&mut self.socket, &mut out).await?;
                    written.set(written.get() + 1);
                }
            }
        }
    }

    /// Ends when the last edit is here, before it is answered.
    async fn watch(&mut self, edits: u32, seen: &Cell<u32>) -> anyhow::Result<()> {
        loop {
            let message = next_binary(&mut self.socket).await?;
            let (mut out, mut arrivals) = (Vec::new(), Arrivals::new());
            self.peer.receive(&message, &mut out, &mut arrivals)?;
            seen.set(arrivals.iter().map(|(_writer, number)| *number).fold(seen.get(), u32::max));
            if seen.get() >= edits {
                return Ok(());
            }
            send_all(&mut self.socket, &mut out).await?;
        }
    }
}
