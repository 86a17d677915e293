//! Link behaviour, by exact effects.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one effect among all")]

mod connecting;
mod heartbeat;
mod hostile;
mod random;
mod tokens;

use super::*;
use crate::SessionId;
use crate::replica::Word;
use crate::room::{Notice, Received};
use bytes::Bytes;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{DocumentId, ExtensionFrame, Limits, Peer, PeerId, SyncFrame};

const SECRET: &str = "secret";

const fn at(ms: u64) -> Moment {
    Moment { elapsed: Duration::from_millis(ms), unix_ms: 0 }
}

fn document(n: u8) -> DocumentId {
    DocumentId::from_bytes([n; 16])
}

fn client() -> PeerId {
    "device".parse().unwrap()
}

fn server() -> PeerId {
    "server".parse().unwrap()
}

fn granted() -> TokenAnswer {
    TokenAnswer::Granted(Token::new(SECRET.to_owned()))
}

fn closed(code: u16) -> Input {
    Input::Ended(End::Closed { code, reason: "because".to_owned() })
}

fn broken() -> Input {
    Input::Ended(End::Broken { reason: "because".to_owned() })
}

fn troubled(reason: &str) -> Effect {
    Effect::Troubled { reason: reason.to_owned() }
}

fn binary(bytes: Bytes) -> Input {
    Input::Message(Incoming::read(&bytes, &Limits::default()))
}

/// The server's answer to the join, in our dialect.
fn welcome() -> Input {
    welcome_with(&[EXTENSION])
}

fn welcome_with(extensions: &[&str]) -> Input {
    let extensions = extensions.iter().map(|name| (*name).to_owned()).collect();
    let metadata = PeerMetadata { extensions, ..PeerMetadata::default() };
    binary(Frame::Peer(Peer { sender: server(), target: client(), metadata }).encode())
}

fn extension(frame: ExtensionFrame) -> Input {
    binary(Frame::Extension { sender: server(), target: client(), frame }.encode())
}

fn sync(document: DocumentId, data: Bytes) -> Input {
    binary(Frame::Sync(SyncFrame { document, sender: server(), target: client(), data }).encode())
}

fn info(session: u64) -> Arc<PeerInfo> {
    Arc::new(PeerInfo {
        session: SessionId(session),
        peer: server(),
        storage: None,
        extended: true,
        account: None,
    })
}

/// A link and its clock, in milliseconds.
struct TestLink {
    link: Link,
    ms: u64,
}

impl TestLink {
    fn off() -> Self {
        Self::seeded(7)
    }

    fn seeded(seed: u64) -> Self {
        let identity = ClientIdentity { peer: client() };
        Self { link: Link::new(identity, LinkOptions::default(), seed), ms: 0 }
    }

    fn fetching() -> Self {
        let mut link = Self::off();
        link.input(Input::Connect);
        link
    }

    fn opening() -> Self {
        let mut link = Self::fetching();
        link.input(Input::Token(granted()));
        link
    }

    fn handshaking() -> Self {
        let mut link = Self::opening();
        link.input(Input::Opened);
        link
    }

    fn live() -> Self {
        let mut link = Self::handshaking();
        link.input(welcome());
        assert_eq!(link.link.state(), ConnectionState::Connected);
        link
    }

    fn waiting() -> Self {
        let mut link = Self::opening();
        link.input(broken());
        link
    }

    /// One link in each phase, by name.
    fn in_every_phase() -> [(&'static str, Self); 8] {
        let mut unauthorized = Self::fetching();
        unauthorized.input(Input::Token(TokenAnswer::SignedOut));
        let mut rejected = Self::live();
        rejected.input(closed(4400));
        [
            ("off", Self::off()),
            ("fetching a token", Self::fetching()),
            ("opening", Self::opening()),
            ("handshaking", Self::handshaking()),
            ("live", Self::live()),
            ("waiting", Self::waiting()),
            ("unauthorized", unauthorized),
            ("rejected", rejected),
        ]
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        self.link.handle(at(self.ms), input)
    }

    /// From waiting, or off, to a connection.
    fn come_back(&mut self) {
        self.input(Input::Connect);
        self.input(Input::Token(granted()));
        self.input(Input::Opened);
        self.input(welcome());
        assert_eq!(self.link.state(), ConnectionState::Connected);
    }

    fn pass(&mut self, ms: u64) -> Vec<Effect> {
        self.ms += ms;
        self.input(Input::DeadlinePassed)
    }

    /// How long until the deadline, in milliseconds.
    fn due_in(&self) -> Option<u64> {
        let deadline = self.link.deadline()?;
        Some(u64::try_from(deadline.as_millis()).unwrap() - self.ms)
    }

    /// Lets the delay before the next try pass.
    fn wait_out(&mut self) -> Vec<Effect> {
        let due_in = self.due_in().unwrap();
        self.pass(due_in + 1)
    }
}
