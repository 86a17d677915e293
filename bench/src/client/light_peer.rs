//! A client's half of the conversation about one document, without a document: it knows which changes exist
//! and answers as a real peer would, at a fraction of a real peer's cost. Does no I/O.

use super::light_frame::SyncFrameTemplate;
use super::sync_scan::{Hash, SyncScan, visit_changes};
use super::{LightFrame, new_peer_id};
use crate::document::BenchDocument;
use crate::server_process::ServerKind;
use anyhow::{Context, bail};
use automerge::transaction::Transactable;
use automerge::{AutoCommit, ROOT};
use bytes::Bytes;
use std::collections::{BTreeSet, HashSet};
use tiebreak_protocol::{Frame, Join, PeerId, PeerMetadata, SyncFrame};

/// Edits of one writer go round this many keys, so that the document stays small.
const KEYS_PER_WRITER: u32 = 64;
/// Sync message of version 1.
const SYNC_MESSAGE: u8 = 0x42;

/// Which edits have arrived: writer, and how many of its edits are known to exist.
pub(crate) type Arrivals = Vec<(u32, u32)>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Makes the document and edits it as writer 0.
    Creator,
    Writer(u32),
    Reader,
}

pub(crate) struct LightPeer {
    document: BenchDocument,
    document_name: String,
    server_kind: ServerKind,
    role: Role,
    id: PeerId,
    /// Set when the server has answered the join.
    sync_frames: Option<SyncFrameTemplate>,
    author: Option<Box<AutoCommit>>,
    known: HashSet<Hash>,
    heads: BTreeSet<Hash>,
    last_sent: Option<Vec<Hash>>,
    is_synced: bool,
}

impl LightPeer {
    pub(crate) fn new(document: &BenchDocument, role: Role, server_kind: ServerKind) -> anyhow::Result<Self> {
        let author = match role {
            Role::Creator => Some(document.actor(0)),
            Role::Writer(writer) => Some(document.actor(writer)),
            Role::Reader => None,
        };
        Ok(Self {
            document: document.clone(),
            document_name: document.id.to_string(),
            server_kind,
            role,
            id: new_peer_id("light")?,
            sync_frames: None,
            author: author.map(|actor| Box::new(AutoCommit::new().with_actor(actor))),
            known: HashSet::new(),
            heads: BTreeSet::new(),
            last_sent: None,
            is_synced: false,
        })
    }

    /// The client's first message.
    pub(crate) fn join(&self) -> Bytes {
        let metadata = PeerMetadata { is_ephemeral: true, ..PeerMetadata::default() };
        Frame::Join(Join::new(self.id.clone(), metadata)).encode()
    }

    /// Whether the peer has everything that the server has told it of.
    pub(crate) fn is_synced(&self) -> bool {
        self.is_synced
    }

    /// Takes one message; answers go to `out`, edits that became known to `arrivals`.
    pub(crate) fn receive(
        &mut self,
        message: &Bytes,
        out: &mut Vec<Bytes>,
        arrivals: &mut Arrivals,
    ) -> anyhow::Result<()> {
        let frame = LightFrame::scan(message)?;
        match frame.kind {
            "peer" => self.open(frame.sender.parse()?, out),
            "sync" | "request" if frame.document == self.document_name => {
                self.receive_sync(frame.data.context("a sync message without data")?, out, arrivals)
            }
            "doc-unavailable" if !self.is_synced => bail!("the document is unavailable"),
            "error" => bail!("the server says: {}", frame.message),
            _of_no_concern => Ok(()),
        }
    }

    /// One small edit, the `number`th of this writer, as a ready frame.
    pub(crate) fn edit(&mut self, number: u32) -> anyhow::Result<Bytes> {
        let author = self.author.as_mut().context("a reader does not edit")?;
        let key = format!("{}-{}", author.get_actor().to_bytes()[15], number % KEYS_PER_WRITER);
        author.put(ROOT, key, i64::from(number))?;
        author.commit();
        let change = author.get_last_local_change().context("the edit made no change")?;
        let dependencies: Vec<Hash> = change.deps().iter().map(|hash| hash.0).collect();
        self.learn(change.hash().0, &dependencies);
        self.sync_frame(&[change.raw_bytes()])
    }

    fn open(&mut self, server: PeerId, out: &mut Vec<Bytes>) -> anyhow::Result<()> {
        let mut sync = SyncFrame {
            document: self.document.id,
            sender: self.id.clone(),
            target: server,
            data: Bytes::new(),
        };
        self.sync_frames = Some(SyncFrameTemplate::new(&sync)?);
        if self.role == Role::Creator {
            let mut document = AutoCommit::new();
            document.put(ROOT, "created", 1)?;
            document.commit();
            let change = document.get_last_local_change().context("the creation made no change")?;
            self.learn(change.hash().0, &[]);
            out.push(self.sync_frame(&[change.raw_bytes()])?);
        } else {
            sync.data = self.sync_message(&[]).into();
            out.push(Frame::Request(sync).encode());
        }
        Ok(())
    }

    fn receive_sync(
        &mut self,
        message: &[u8],
        out: &mut Vec<Bytes>,
        arrivals: &mut Arrivals,
    ) -> anyhow::Result<()> {
        let scan = SyncScan::scan(message)?;
        for chunk in &scan.chunks {
            visit_changes(chunk, &mut |change| {
                if self.learn(change.hash, change.dependencies)
                    && let Some(writer) = self.document.writer_of(change.actor)
                {
                    arrivals.push((writer, u32::try_from(change.sequence).unwrap_or(u32::MAX)));
                }
            })?;
        }
        let is_broadcast = self.server_kind == ServerKind::Broadcasting;
        let is_missing = scan.heads.iter().any(|head| !self.known.contains(head));
        self.is_synced |= is_broadcast || (!is_missing && !self.heads.is_empty());
        let is_stale = self.last_sent.as_ref().is_none_or(|sent| !sent.iter().eq(&self.heads));
        // Real peers answer each message that brought something, so that the server knows what they have.
        if !scan.chunks.is_empty() || is_stale || (is_missing && !is_broadcast) {
            out.push(self.sync_frame(&[])?);
        }
        Ok(())
    }

    fn learn(&mut self, hash: Hash, dependencies: &[Hash]) -> bool {
        let is_new = self.known.insert(hash);
        if is_new {
            for dependency in dependencies {
                self.heads.remove(dependency);
            }
            self.heads.insert(hash);
        }
        is_new
    }

    fn sync_frame(&mut self, changes: &[&[u8]]) -> anyhow::Result<Bytes> {
        let message = self.sync_message(changes);
        let frames = self.sync_frames.as_ref().context("nothing can be sent before the handshake")?;
        Ok(frames.frame(&message))
    }

    /// A message that tells the heads and asks for everything since.
    fn sync_message(&mut self, changes: &[&[u8]]) -> Vec<u8> {
        let heads: Vec<Hash> = self.heads.iter().copied().collect();
        let mut message = vec![SYNC_MESSAGE];
        write_hashes(&mut message, &heads);
        message.extend_from_slice(&[0, 1]); // nothing needed; one `have`:
        write_hashes(&mut message, &heads);
        message.push(0); // with an empty Bloom filter
        write_number(&mut message, changes.len());
        for change in changes {
            write_number(&mut message, change.len());
            message.extend_from_slice(change);
        }
        self.last_sent = Some(heads);
        message
    }
}

fn write_hashes(out: &mut Vec<u8>, hashes: &[Hash]) {
    write_number(out, hashes.len());
    hashes.iter().for_each(|hash| out.extend_from_slice(hash));
}

/// An unsigned LEB128 number.
fn write_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_light_message_is_one_that_the_library_reads() {
        let document = BenchDocument::new(1, 1);
        let mut peer = LightPeer::new(&document, Role::Creator, ServerKind::Syncing).unwrap();
        peer.learn([3; 32], &[]);
        let chunk = [9; 300];
        let message = automerge::sync::Message::decode(&peer.sync_message(&[&chunk])).unwrap();
        assert_eq!(message.heads, [automerge::ChangeHash([3; 32])]);
        assert_eq!(message.have[0].last_sync, message.heads);
        assert_eq!(message.changes.iter().collect::<Vec<_>>(), [chunk]);
    }

    #[test]
    fn an_edit_replaces_its_dependencies_among_the_heads() {
        let mut peer = LightPeer::new(&BenchDocument::new(1, 1), Role::Reader, ServerKind::Syncing).unwrap();
        assert!(peer.learn([1; 32], &[]));
        assert!(peer.learn([2; 32], &[[1; 32]]));
        assert!(!peer.learn([1; 32], &[]));
        assert_eq!(peer.heads.into_iter().collect::<Vec<_>>(), [[2; 32]]);
    }
}
