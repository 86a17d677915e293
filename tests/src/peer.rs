//! A peer over a real socket: the library's own side of the sync protocol, one thread, blocking.

use crate::wait::PATIENCE;
use automerge::sync::{Message as SyncMessage, State, SyncDoc};
use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, ROOT, ReadDoc};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tiebreak_protocol::{
    ChangeHash, DocumentId, EXTENSION, Ephemeral, ExtensionFrame, Frame, Heads, Join, PeerId, PeerMetadata,
    Secret, SyncFrame,
};
use tungstenite::{Error, Message, WebSocket};

/// How a conversation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// By a close frame with this code.
    Closed(Option<u16>),
    /// Without one; in the socket's words.
    Broken(String),
}

/// One device with one connection.
#[derive(Debug)]
pub struct Peer {
    socket: WebSocket<TcpStream>,
    name: PeerId,
    server: PeerId,
    documents: BTreeMap<DocumentId, Automerge>,
    states: BTreeMap<DocumentId, State>,
    acknowledged: BTreeMap<DocumentId, Heads>,
    unavailable: Vec<DocumentId>,
    refused: Vec<(DocumentId, String)>,
    actor: Vec<u8>,
}

impl Peer {
    /// Connects and shakes hands.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn connect(address: SocketAddr, name: &str) -> Self {
        Self::try_connect(address, name).expect("the server accepts")
    }

    /// Connects and shakes hands, if the server lets it.
    ///
    /// # Errors
    /// How the conversation ended instead.
    pub fn try_connect(address: SocketAddr, name: &str) -> Result<Self, Ended> {
        Self::join(address, name, PeerMetadata { is_ephemeral: true, ..PeerMetadata::default() })
    }

    /// Connects as a device that keeps its documents under a storage id of this name.
    ///
    /// # Panics
    /// When the server does not accept.
    pub fn connect_with_storage(address: SocketAddr, name: &str) -> Self {
        let storage_id = Some(name.parse().expect("a good name"));
        let metadata = PeerMetadata { storage_id, is_ephemeral: false, ..PeerMetadata::default() };
        Self::join(address, name, metadata).expect("the server accepts")
    }

    /// Connects as a device of an account, and speaks the extension.
    ///
    /// # Errors
    /// How the conversation ended instead.
    pub fn connect_with_token(address: SocketAddr, name: &str, token: &str) -> Result<Self, Ended> {
        let metadata = PeerMetadata {
            is_ephemeral: true,
            extensions: vec![EXTENSION.to_owned()],
            token: Some(Secret::new(token.to_owned())),
            ..PeerMetadata::default()
        };
        Self::join(address, name, metadata)
    }

    fn join(address: SocketAddr, name: &str, metadata: PeerMetadata) -> Result<Self, Ended> {
        let mut socket = open(address)?;
        let name: PeerId = name.parse().expect("a good name");
        let join = Frame::Join(Join::new(name.clone(), metadata));
        socket.send(Message::Binary(join.encode())).map_err(|error| ended(&error))?;
        let mut peer = Self {
            socket,
            server: name.clone(),
            actor: name.as_str().bytes().collect(),
            name,
            documents: BTreeMap::new(),
            states: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            unavailable: Vec::new(),
            refused: Vec::new(),
        };
        match peer.read(PATIENCE)? {
            Some(Frame::Peer(answer)) => peer.server = answer.sender,
            other => panic!("expected the handshake, got {other:?}"),
        }
        Ok(peer)
    }

    /// Writes with this actor from now on, into documents that it has not yet.
    pub fn write_as(&mut self, actor: &str) {
        self.actor = actor.bytes().collect();
    }

    /// Starts from a copy of somebody's document.
    pub fn hold(&mut self, document: DocumentId, content: Automerge) {
        self.documents.insert(document, content.with_actor(ActorId::from(self.actor.as_slice())));
    }

    /// Makes one small change and sends it.
    ///
    /// # Errors
    /// How the conversation ended, if it did.
    pub fn write(&mut self, document: DocumentId, key: &str, value: i64) -> Result<ChangeHash, Ended> {
        let actor = ActorId::from(self.actor.as_slice());
        let content = self.documents.entry(document).or_insert_with(|| Automerge::new().with_actor(actor));
        let mut transaction = content.transaction();
        transaction.put(ROOT, key, value).expect("writable");
        let (hash, _) = transaction.commit();
        self.speak(document)?;
        Ok(ChangeHash(hash.expect("a new value makes a change").0))
    }

    /// The same with a text.
    ///
    /// # Errors
    /// How the conversation ended, if it did.
    pub fn write_text(&mut self, document: DocumentId, key: &str, value: &str) -> Result<(), Ended> {
        let actor = ActorId::from(self.actor.as_slice());
        let content = self.documents.entry(document).or_insert_with(|| Automerge::new().with_actor(actor));
        let mut transaction = content.transaction();
        transaction.put(ROOT, key, value).expect("writable");
        transaction.commit();
        self.speak(document)
    }

    /// Asks for a document.
    ///
    /// # Errors
    /// How the conversation ended, if it did.
    pub fn ask(&mut self, document: DocumentId) -> Result<(), Ended> {
        let actor = ActorId::from(self.actor.as_slice());
        self.documents.entry(document).or_insert_with(|| Automerge::new().with_actor(actor));
        self.speak(document)
    }

    fn speak(&mut self, document: DocumentId) -> Result<(), Ended> {
        let content = &self.documents[&document];
        let state = self.states.entry(document).or_default();
        let Some(message) = content.generate_sync_message(state) else { return Ok(()) };
        let is_new = content.get_heads().is_empty();
        let (sender, target) = (self.name.clone(), self.server.clone());
        let sync = SyncFrame { document, sender, target, data: message.encode().into() };
        self.send(&if is_new { Frame::Request(sync) } else { Frame::Sync(sync) })
    }

    /// Sends any frame.
    ///
    /// # Errors
    /// How the conversation ended, if it did.
    pub fn send(&mut self, frame: &Frame) -> Result<(), Ended> {
        self.send_raw(frame.encode())
    }

    /// Sends any bytes as one binary message.
    ///
    /// # Errors
    /// How the conversation ended, if it did.
    pub fn send_raw(&mut self, bytes: Bytes) -> Result<(), Ended> {
        self.socket.send(Message::Binary(bytes)).map_err(|error| ended(&error))
    }

    /// Waits for one frame, and takes in what it says. `None`: nothing came in time.
    ///
    /// # Errors
    /// How the conversation ended, if it did.
    pub fn receive(&mut self, patience: Duration) -> Result<Option<Frame>, Ended> {
        let frame = self.read(patience)?;
        match &frame {
            Some(Frame::Sync(sync)) => {
                let message = SyncMessage::decode(&sync.data).expect("the server writes sync messages");
                let heads = message.heads.iter().map(|head| ChangeHash(head.0)).collect();
                self.acknowledged.insert(sync.document, heads);
                let content = self.documents.entry(sync.document).or_default();
                let state = self.states.entry(sync.document).or_default();
                content.receive_sync_message(state, message).expect("the server passes on good changes");
                self.speak(sync.document)?;
            }
            Some(Frame::DocUnavailable { document, .. }) => self.unavailable.push(*document),
            Some(Frame::Extension { frame: ExtensionFrame::Refused { document, code, .. }, .. }) => {
                self.refused.push((*document, code.clone()));
            }
            Some(_) | None => {}
        }
        Ok(frame)
    }

    fn read(&mut self, patience: Duration) -> Result<Option<Frame>, Ended> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.get_ref().set_read_timeout(Some(left)).expect("a timeout can be set");
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => {
                    return Ok(Some(Frame::decode(&bytes).expect("the server writes well-formed frames")));
                }
                Ok(Message::Close(frame)) => return Err(Ended::Closed(frame.map(|frame| frame.code.into()))),
                Ok(_control) => {}
                Err(Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(ended(&error)),
            }
        }
    }

    /// Takes in what comes until the condition holds.
    ///
    /// # Errors
    /// How the conversation ended before that.
    ///
    /// # Panics
    /// When it does not hold in time.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<(), Ended> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "{} still waits for {what}", self.name);
            self.receive(Duration::from_millis(200))?;
        }
        Ok(())
    }

    /// Takes in what comes until the conversation ends, and tells how.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn until_end(&mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Err(ended) = self.receive(Duration::from_millis(200)) {
                return ended;
            }
        }
        panic!("the server keeps talking to {}", self.name);
    }

    /// Whether the server has said that it has this device's whole document.
    pub fn is_acknowledged(&self, document: DocumentId) -> bool {
        let own = self.documents.get(&document).map(Automerge::get_heads).unwrap_or_default();
        let own: Heads = own.iter().map(|head| ChangeHash(head.0)).collect();
        self.acknowledged.get(&document) == Some(&own)
    }

    /// Whether the server has said that it lacks the document.
    pub fn is_unavailable(&self, document: DocumentId) -> bool {
        self.unavailable.contains(&document)
    }

    /// Whether the server has refused something of a document with this code.
    pub fn is_refused(&self, document: DocumentId, code: &str) -> bool {
        self.refusals(document, code) > 0
    }

    /// How often the server has refused something of a document with this code.
    pub fn refusals(&self, document: DocumentId, code: &str) -> usize {
        self.refused.iter().filter(|(refused, with)| *refused == document && with == code).count()
    }

    pub fn content(&self, document: DocumentId) -> Option<&Automerge> {
        self.documents.get(&document)
    }

    /// An integer under a key of the root.
    pub fn value(&self, document: DocumentId, key: &str) -> Option<i64> {
        let (value, _) = self.documents.get(&document)?.get(ROOT, key).expect("readable")?;
        value.as_i64()
    }

    /// Whether the device holds this change.
    pub fn has(&self, document: DocumentId, change: ChangeHash) -> bool {
        let content = self.documents.get(&document);
        content.is_some_and(|content| content.get_change_by_hash(&automerge::ChangeHash(change.0)).is_some())
    }

    /// An ephemeral message for everybody else who has the document open.
    pub fn shouting(&self, document: DocumentId, count: u64) -> Frame {
        Frame::Ephemeral(Ephemeral {
            document,
            sender: self.name.clone(),
            target: self.server.clone(),
            count,
            session: "session".parse().expect("a good name"),
            data: Bytes::from_static(b"hello"),
        })
    }

    /// The frame of a sync message that carries these chunks and claims no heads.
    pub fn carrying(&self, document: DocumentId, chunks: Vec<Bytes>) -> Frame {
        let message = tiebreak_document::SyncMessage { changes: chunks, ..Default::default() };
        let (sender, target) = (self.name.clone(), self.server.clone());
        Frame::Sync(SyncFrame { document, sender, target, data: message.encode() })
    }
}

/// Opens a WebSocket without saying anything.
///
/// # Errors
/// When the server does not want one.
pub fn open(address: SocketAddr) -> Result<WebSocket<TcpStream>, Ended> {
    let stream = TcpStream::connect(address).map_err(|error| Ended::Broken(error.to_string()))?;
    stream.set_nodelay(true).map_err(|error| Ended::Broken(error.to_string()))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| Ended::Broken(error.to_string()))?;
    let (socket, _) = tungstenite::client(format!("ws://{address}/automerge"), stream)
        .map_err(|error| Ended::Broken(error.to_string()))?;
    Ok(socket)
}

fn ended(error: &Error) -> Ended {
    if matches!(error, Error::ConnectionClosed | Error::AlreadyClosed) {
        return Ended::Closed(None);
    }
    Ended::Broken(error.to_string())
}
