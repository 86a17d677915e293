//! A long history for a new client after a restart, next to what the library and the wire cost by themselves.

use super::{Scale, Stage};
use crate::client::{
    Device, Fetched, LightFrame, Socket, SocketOptions, SyncScan, connect, fetch, loaded_document,
    new_peer_id, next_binary, send_all,
};
use crate::document::BenchDocument;
use crate::machine::resident_kib;
use crate::report::Figures;
use crate::server_process::{Endpoint, ServerProcess};
use anyhow::Context;
use automerge::sync::{Have, Message, MessageVersion};
use automerge::transaction::Transactable;
use automerge::{AutoCommit, Automerge, ChangeHash, ObjId, ObjType, ROOT, ReadDoc};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use tiebreak_protocol::{Frame, Join, PeerId, PeerMetadata, SyncFrame};
use tokio::time::{sleep, timeout};

const CHANGES_PER_MESSAGE: usize = 100;
const SEED_TIME_MAX: Duration = Duration::from_secs(150);
const FETCH_TIME_MAX: Duration = Duration::from_secs(60);
const RESTARTS: usize = 3;
/// A long document has not been typed in two seconds: it is at rest when the server is restarted.
const REST_TIME: Duration = Duration::from_secs(4);
const TEXT: &str = "text";

pub(super) async fn run(stage: &Stage<'_>, scale: &Scale) -> anyhow::Result<Figures> {
    let document = BenchDocument::new(crate::document::random(), 0);
    let server = stage.start().await?;
    let started = Instant::now();
    let mut history = History::new(&document)?;
    let seeding = seed(&server.endpoint, &document, &mut history, scale.changes);
    timeout(SEED_TIME_MAX, seeding).await.context("seeding takes too long")??;
    let seed_s = started.elapsed().as_secs_f64();
    let saved = history.automerge.save();
    sleep(REST_TIME).await;
    server.stop().await?;

    let (mut runs, mut figures) = (Vec::new(), Figures::default());
    for _ in 0..RESTARTS {
        let server = stage.start().await?;
        runs.push(Box::pin(measure(&server, &document, &saved, scale.changes)).await?);
        server.stop().await?;
    }
    figures.set("seed_s", seed_s);
    for (name, number) in crate::report::medians(&runs.iter().collect::<Vec<_>>()).iter() {
        figures.set(name, number);
    }
    Ok(figures)
}

async fn measure(
    server: &ServerProcess,
    document: &BenchDocument,
    saved: &[u8],
    changes: usize,
) -> anyhow::Result<Figures> {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let cold = fetch_all(server, document, changes).await?;
    let warm = fetch_all(server, document, changes).await?;
    let (_document, load_time) = loaded_document(saved)?;
    let transfer_time = bare_transfer_time(cold.received_bytes)?;
    let mut figures = Figures::default();
    let (first, again) = Box::pin(visits(server, document, saved)).await?;
    figures.set("first_visit_ms", ms(first));
    figures.set("next_visit_ms", ms(again));
    figures.set("cold_ms", ms(cold.elapsed));
    figures.set("warm_ms", ms(warm.elapsed));
    figures.set("client_apply_ms", ms(cold.apply_time));
    figures.set("received_kib", cold.received_bytes as f64 / 1024.0);
    figures.set("library_load_ms", ms(load_time));
    figures.set("transfer_ms", ms(transfer_time));
    figures.set("cold_by_own", ms(cold.elapsed) / ms(load_time + transfer_time));
    figures.set("server_rss_mib", resident_kib(server.pid) / 1024.0);
    Ok(figures)
}

/// How long a device that has the document takes to meet the server for the first time, and to come back
/// when both have been edited since.
async fn visits(
    server: &ServerProcess,
    document: &BenchDocument,
    saved: &[u8],
) -> anyhow::Result<(Duration, Duration)> {
    let (content, _load_time) = loaded_document(saved)?;
    let mut device = Device::new(content.fork())?;
    let mut other = Device::new(content)?;
    let first = device.visit(&server.endpoint, document.id).await?;
    other.edit(1)?;
    other.visit(&server.endpoint, document.id).await?;
    device.edit(2)?;
    let again = device.visit(&server.endpoint, document.id).await?;
    Ok((first, again))
}

async fn fetch_all(
    server: &ServerProcess,
    document: &BenchDocument,
    changes: usize,
) -> anyhow::Result<Fetched> {
    let options = SocketOptions::default();
    let has_all = |automerge: &Automerge| characters(automerge) >= changes;
    let fetched = fetch(&server.endpoint, &options, document.id, FETCH_TIME_MAX, has_all).await?;
    let got = characters(&fetched.document);
    anyhow::ensure!(got >= changes, "the client got {got} of {changes} characters");
    Ok(fetched)
}

fn characters(automerge: &Automerge) -> usize {
    match automerge.get(ROOT, TEXT) {
        Ok(Some((_value, text))) => automerge.length(text),
        Ok(None) | Err(_) => 0,
    }
}

/// What the bytes cost on a bare socket of this machine.
fn bare_transfer_time(bytes: usize) -> anyhow::Result<Duration> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let sender = std::thread::spawn(move || -> std::io::Result<()> {
        listener.accept()?.0.write_all(&vec![0; bytes])
    });
    let started = Instant::now();
    let received = TcpStream::connect(address)?.read_to_end(&mut Vec::with_capacity(bytes))?;
    let elapsed = started.elapsed();
    sender.join().ok().context("the sender panicked")??;
    anyhow::ensure!(received == bytes, "the transfer was cut short");
    Ok(elapsed)
}

/// Types a text, one character a change: mostly one behind the other, now and then elsewhere.
struct History {
    automerge: AutoCommit,
    text: ObjId,
    position: usize,
    length: usize,
    random: u64,
    creation: Option<Vec<u8>>,
}

impl History {
    fn new(document: &BenchDocument) -> anyhow::Result<Self> {
        let mut automerge = AutoCommit::new().with_actor(document.actor(0));
        let text = automerge.put_object(ROOT, TEXT, ObjType::Text)?;
        automerge.commit();
        let creation = automerge.get_last_local_change().map(|change| change.raw_bytes().to_vec());
        Ok(Self { automerge, text, position: 0, length: 0, random: crate::document::random() | 1, creation })
    }

    /// The next `count` changes, the creation before them the first time.
    fn next_changes(&mut self, count: usize) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut changes: Vec<Vec<u8>> = self.creation.take().into_iter().collect();
        for _ in 0..count {
            let random = self.next_random();
            if random.is_multiple_of(5) {
                self.position = (random >> 16) as usize % (self.length + 1);
            }
            let letter = char::from(b'a' + ((random >> 40) % 26) as u8);
            self.automerge.splice_text(&self.text, self.position, 0, letter.encode_utf8(&mut [0; 4]))?;
            self.automerge.commit();
            let change = self.automerge.get_last_local_change().context("the edit made no change")?;
            changes.push(change.raw_bytes().to_vec());
            self.position += 1;
            self.length += 1;
        }
        Ok(changes)
    }

    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

/// Sends the whole history and waits until the server says that it has it.
async fn seed(
    endpoint: &Endpoint,
    document: &BenchDocument,
    history: &mut History,
    changes: usize,
) -> anyhow::Result<()> {
    let mut socket = connect(endpoint, &SocketOptions::default()).await?;
    let id = new_peer_id("seed")?;
    let metadata = PeerMetadata { is_ephemeral: true, ..PeerMetadata::default() };
    send_all(&mut socket, &mut vec![Frame::Join(Join::new(id.clone(), metadata)).encode()]).await?;
    let Frame::Peer(server) = Frame::decode(&next_binary(&mut socket).await?)? else {
        anyhow::bail!("the server does not answer the join");
    };
    let mut left = changes;
    let mut acknowledged = Vec::new();
    while left > 0 {
        let count = left.min(CHANGES_PER_MESSAGE);
        left -= count;
        let message = sync_message(history, count)?;
        let sync = frame(document, &id, &server.sender, message);
        // Read while writing: a server that is not read stops reading.
        send_and_read(&mut socket, sync, &mut acknowledged).await?;
    }
    let heads: Vec<[u8; 32]> = history.automerge.get_heads().iter().map(|hash| hash.0).collect();
    while acknowledged != heads {
        note_heads(&next_binary(&mut socket).await?, &mut acknowledged)?;
    }
    Ok(())
}

fn frame(document: &BenchDocument, sender: &PeerId, target: &PeerId, message: Message) -> Frame {
    let data = message.encode().into();
    Frame::Sync(SyncFrame { document: document.id, sender: sender.clone(), target: target.clone(), data })
}

fn sync_message(history: &mut History, count: usize) -> anyhow::Result<Message> {
    let changes = history.next_changes(count)?;
    let heads: Vec<ChangeHash> = history.automerge.get_heads();
    Ok(Message {
        have: vec![Have { last_sync: heads.clone(), ..Have::default() }],
        heads,
        need: Vec::new(),
        changes: changes.into(),
        flags: None,
        version: MessageVersion::V1,
    })
}

async fn send_and_read(
    socket: &mut Socket,
    frame: Frame,
    acknowledged: &mut Vec<[u8; 32]>,
) -> anyhow::Result<()> {
    send_all(socket, &mut vec![frame.encode()]).await?;
    while let Some(message) = crate::client::try_next_binary(socket)? {
        note_heads(&message, acknowledged)?;
    }
    Ok(())
}

fn note_heads(message: &[u8], acknowledged: &mut Vec<[u8; 32]>) -> anyhow::Result<()> {
    let frame = LightFrame::scan(message)?;
    anyhow::ensure!(frame.kind != "error", "the server says: {}", frame.message);
    if let ("sync", Some(data)) = (frame.kind, frame.data) {
        *acknowledged = SyncScan::scan(data)?.heads.to_vec();
    }
    Ok(())
}
