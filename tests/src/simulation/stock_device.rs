//! A stock device: documents on a disk that never fails, and the library's own side of the sync protocol.

use crate::dice::Dice;
use automerge::sync::{Message, State, SyncDoc};
use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, ObjType, ROOT, ReadDoc};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use tiebreak_protocol::{ChangeHash, DocumentId, Frame, Heads, Join, PeerId, PeerMetadata, SyncFrame};

#[derive(Debug)]
pub(super) struct StockDevice {
    pub(super) index: usize,
    peer: PeerId,
    documents: BTreeMap<DocumentId, Automerge>,
    states: BTreeMap<DocumentId, State>,
    made: BTreeMap<DocumentId, BTreeSet<ChangeHash>>,
    /// The server's name once the handshake is through.
    server: Option<PeerId>,
    wanted: Vec<DocumentId>,
}

impl StockDevice {
    pub(super) fn new(index: usize) -> Self {
        let peer = format!("device-{index}").parse().expect("a good name");
        Self {
            index,
            peer,
            documents: BTreeMap::new(),
            states: BTreeMap::new(),
            made: BTreeMap::new(),
            server: None,
            wanted: Vec::new(),
        }
    }

    fn document(&mut self, id: DocumentId) -> &mut Automerge {
        let actor = ActorId::from(vec![self.index as u8 + 1, 7, 7]);
        self.documents.entry(id).or_insert_with(|| Automerge::new().with_actor(actor))
    }

    /// A small change of a random sort.
    pub(super) fn edit(&mut self, id: DocumentId, dice: &mut Dice) {
        let document = self.document(id);
        let mut transaction = document.transaction();
        match dice.below(4) {
            0 => {
                let text = match transaction.get(ROOT, "text").expect("readable") {
                    Some((_, object)) => object,
                    None => transaction.put_object(ROOT, "text", ObjType::Text).expect("writable"),
                };
                let at = dice.below(transaction.length(&text) as u64 + 1) as usize;
                transaction.splice_text(&text, at, 0, "ab").expect("writable");
            }
            1 => transaction.put(ROOT, "shared", dice.roll() as i64).expect("writable"),
            2 => transaction.put(ROOT, format!("key {}", dice.below(5)), "value").expect("writable"),
            _ => {
                transaction.delete(ROOT, format!("key {}", dice.below(5))).ok();
                transaction.put(ROOT, "after", dice.below(3) as i64).expect("writable");
            }
        }
        // Writing the value that is already there makes no change.
        if let (Some(hash), _) = transaction.commit() {
            self.made.entry(id).or_default().insert(ChangeHash(hash.0));
        }
    }

    /// A new connection: the handshake, and a new memory of the server except what disks keep.
    pub(super) fn connect(&mut self, documents: &[DocumentId]) -> Vec<Bytes> {
        self.server = None;
        self.wanted = documents.to_vec();
        for state in self.states.values_mut() {
            *state = State::decode(&state.encode()).expect("a state survives its encoding");
        }
        // Every other device forgets what it shared with the server, as an ephemeral peer does.
        if !self.index.is_multiple_of(2) {
            self.states.clear();
        }
        let storage_id = self
            .index
            .is_multiple_of(3)
            .then(|| format!("storage-{}", self.index).parse().expect("a good name"));
        let metadata =
            PeerMetadata { is_ephemeral: storage_id.is_none(), storage_id, ..PeerMetadata::default() };
        vec![Frame::Join(Join::new(self.peer.clone(), metadata)).encode()]
    }

    pub(super) fn disconnect(&mut self) {
        self.server = None;
    }

    /// The next sync message about a document, if the library has one to send.
    pub(super) fn speak(&mut self, id: DocumentId) -> Option<Bytes> {
        let target = self.server.clone()?;
        self.document(id);
        let document = self.documents.get(&id)?;
        let message = document.generate_sync_message(self.states.entry(id).or_default())?;
        let is_new = document.get_heads().is_empty();
        let sync =
            SyncFrame { document: id, sender: self.peer.clone(), target, data: message.encode().into() };
        Some(if is_new { Frame::Request(sync) } else { Frame::Sync(sync) }.encode())
    }

    /// Takes one message and answers with what it makes the device say.
    pub(super) fn receive(&mut self, bytes: &Bytes) -> Vec<Bytes> {
        match Frame::decode(bytes).expect("the server writes well-formed frames") {
            Frame::Peer(peer) => {
                self.server = Some(peer.sender);
                let wanted = std::mem::take(&mut self.wanted);
                wanted.into_iter().filter_map(|id| self.speak(id)).collect()
            }
            Frame::Sync(sync) => {
                let message = Message::decode(&sync.data).expect("the server writes sync messages");
                self.document(sync.document);
                let state = self.states.entry(sync.document).or_default();
                let document = self.documents.get_mut(&sync.document).expect("made above");
                document.receive_sync_message(state, message).expect("the server passes on good changes");
                self.speak(sync.document).into_iter().collect()
            }
            Frame::DocUnavailable { .. } | Frame::Error { .. } | Frame::RemoteHeadsChanged(_) => Vec::new(),
            Frame::Join(_)
            | Frame::Request(_)
            | Frame::Ephemeral(_)
            | Frame::RemoteSubscriptionChange(_)
            | Frame::Leave { .. }
            | Frame::Extension { .. }
            | Frame::Unknown { .. } => panic!("a device never expects this"),
        }
    }

    pub(super) fn own_changes(&self, id: DocumentId) -> BTreeSet<ChangeHash> {
        self.made.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn heads(&self, id: DocumentId) -> Heads {
        let heads = self.documents.get(&id).map(Automerge::get_heads).unwrap_or_default();
        heads.into_iter().map(|hash| ChangeHash(hash.0)).collect()
    }

    pub(super) fn hashes(&self, id: DocumentId) -> BTreeSet<ChangeHash> {
        let Some(document) = self.documents.get(&id) else { return BTreeSet::new() };
        document.get_changes_meta(&[]).iter().map(|meta| ChangeHash(meta.hash.0)).collect()
    }
}
