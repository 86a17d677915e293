//! A server that follows a script instead of the rules: each visit is answered as the test says.

use bytes::Bytes;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{DocumentId, EXTENSION, Frame, Peer, PeerId, PeerMetadata, SyncFrame};
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// How often a conversation looks whether the test is over.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Somebody who knocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// Counted from 0.
    pub number: usize,
    /// The header of that name.
    pub authorization: Option<String>,
}

/// What becomes of a visit.
pub enum Answer {
    /// The upgrade is answered with this HTTP status.
    Status(u16),
    /// The WebSocket is opened, and closed with this code once the visitor has joined.
    Close(u16),
    /// The WebSocket is opened and this decides what is said.
    Talk(Box<dyn FnOnce(&mut Conversation) + Send>),
}

impl Answer {
    /// Lets the visitor join, then does as `script` says, then listens until the visitor goes.
    pub fn talk(script: impl FnOnce(&mut Conversation) + Send + 'static) -> Self {
        Self::Talk(Box::new(|conversation: &mut Conversation| {
            conversation.welcome();
            script(conversation);
            while conversation.hear().is_some() {}
        }))
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "Status({status})"),
            Self::Close(code) => write!(f, "Close({code})"),
            Self::Talk(_) => f.write_str("Talk"),
        }
    }
}

/// Listens until it is dropped; a thread for each visit.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    visits: Arc<Mutex<Vec<Visit>>>,
    is_over: Arc<AtomicBool>,
}

impl ScriptedServer {
    /// Answers each visit as the script says.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(script: impl Fn(&Visit) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (visits, is_over) = (Arc::<Mutex<Vec<Visit>>>::default(), Arc::<AtomicBool>::default());
        let script = Arc::new(script);
        let (noted, over) = (Arc::clone(&visits), Arc::clone(&is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (noted, over, script) = (Arc::clone(&noted), Arc::clone(&over), Arc::clone(&script));
                std::thread::spawn(move || receive(stream, &noted, over, |visit| script(visit)));
            }
        });
        Self { address, visits, is_over }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everybody who has knocked so far, in order.
    pub fn visits(&self) -> Vec<Visit> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener; if it has gone, so much the better.
        TcpStream::connect(self.address).ok();
    }
}

#[expect(clippy::result_large_err, reason = "the shape of the library's callback")]
fn receive(
    stream: TcpStream,
    visits: &Mutex<Vec<Visit>>,
    is_over: Arc<AtomicBool>,
    script: impl Fn(&Visit) -> Answer,
) {
    let mut answer = None;
    let accepted = tungstenite::accept_hdr(stream, |request: &Request, response: Response| {
        let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let visit = {
            let mut visits = visits.lock().unwrap_or_else(PoisonError::into_inner);
            let visit = Visit { number: visits.len(), authorization: authorization.map(str::to_owned) };
            visits.push(visit.clone());
            visit
        };
        match script(&visit) {
            Answer::Status(status) => {
                let mut refusal = ErrorResponse::new(None);
                *refusal.status_mut() = status.try_into().expect("a status");
                Err(refusal)
            }
            other @ (Answer::Close(_) | Answer::Talk(_)) => {
                answer = Some(other);
                Ok(response)
            }
        }
    });
    let Ok(socket) = accepted else { return };
    let Some(answer) = answer else { return };
    let nobody: PeerId = "nobody".parse().expect("a name");
    let mut conversation = Conversation { socket, visitor: nobody, is_over };
    match answer {
        Answer::Status(_) => {}
        Answer::Close(code) => conversation.close(code),
        Answer::Talk(talk) => talk(&mut conversation),
    }
}

/// One open WebSocket, seen from the server.
#[derive(Debug)]
pub struct Conversation {
    socket: WebSocket<TcpStream>,
    visitor: PeerId,
    is_over: Arc<AtomicBool>,
}

impl Conversation {
    fn name() -> PeerId {
        "the-server".parse().expect("a name")
    }

    /// Hears the join and answers it as a server that speaks the extension.
    pub fn welcome(&mut self) {
        while let Some(frame) = self.hear() {
            let Frame::Join(join) = frame else { continue };
            self.visitor = join.sender;
            let metadata = PeerMetadata {
                is_ephemeral: false,
                storage_id: Some("storage".parse().expect("a name")),
                extensions: vec![EXTENSION.to_owned()],
                ..PeerMetadata::default()
            };
            self.say(&Frame::Peer(Peer { sender: Self::name(), target: self.visitor.clone(), metadata }));
            return;
        }
    }

    /// The next frame; `None` when the visitor has gone or the test is over.
    pub fn hear(&mut self) -> Option<Frame> {
        self.socket.get_ref().set_read_timeout(Some(LOOK_INTERVAL)).ok()?;
        while !self.is_over.load(Ordering::Relaxed) {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => return Frame::decode(&bytes).ok(),
                Ok(_control) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_gone) => return None,
            }
        }
        None
    }

    /// The next sync message of the visitor, with the document that it is about.
    pub fn hear_sync(&mut self) -> Option<(DocumentId, SyncMessage)> {
        loop {
            if let Frame::Sync(sync) | Frame::Request(sync) = self.hear()? {
                return Some((sync.document, SyncMessage::decode(&sync.data).ok()?));
            }
        }
    }

    /// Says a frame; answers whether the visitor still listens.
    pub fn say(&mut self, frame: &Frame) -> bool {
        self.say_raw(frame.encode())
    }

    /// Says a sync message about a document.
    pub fn say_sync(&mut self, document: DocumentId, message: &SyncMessage) -> bool {
        self.say_data(document, message.encode())
    }

    /// The same with bytes that need not be a sync message.
    pub fn say_data(&mut self, document: DocumentId, data: Bytes) -> bool {
        let (sender, target) = (Self::name(), self.visitor.clone());
        self.say(&Frame::Sync(SyncFrame { document, sender, target, data }))
    }

    /// Says any bytes as one binary message.
    pub fn say_raw(&mut self, bytes: Bytes) -> bool {
        self.say_message(Message::Binary(bytes))
    }

    /// Says any message.
    pub fn say_message(&mut self, message: Message) -> bool {
        self.socket.get_ref().set_write_timeout(Some(Duration::from_secs(5))).is_ok()
            && self.socket.send(message).is_ok()
    }

    /// Closes with a code, and hears what the visitor still has to say.
    pub fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "as the script says".into() };
        if self.socket.close(Some(frame)).is_ok() {
            while self.hear().is_some() {}
        }
    }
}
