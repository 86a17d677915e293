//! The client's side of the connection: token, handshake, heartbeat, and when to try again.

mod backoff;
mod state;

pub use state::{ConnectionState, End, TokenReason};

use crate::checked::Checked;
use crate::replica::{Said, Word};
use crate::room::{Notice, PeerInfo, Received};
use crate::{Moment, SessionId};
use backoff::Backoff;
use bytes::Bytes;
use state::Verdict;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{
    DocumentId, EXTENSION, ExtensionFrame, Frame, Join, Limits, Peer, PeerId, PeerMetadata, SyncFrame,
};

/// Who the client is to its server.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// One for each opening of a client's store.
    pub peer: PeerId,
}

/// How long a link waits for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOptions {
    /// The longest delay before the first try after a loss; it doubles with each that fails.
    pub backoff_min: Duration,
    /// The longest delay there is.
    pub backoff_max: Duration,
    /// For the app to bring a token.
    pub token_time: Duration,
    /// For name lookup, TCP, TLS and the upgrade together.
    pub open_time: Duration,
    /// For the server's answer to the join.
    pub handshake_time: Duration,
    /// After so much silence the server is pinged; after as much again the connection counts as lost.
    pub heartbeat: Duration,
    /// The same after the network has changed, when a connection is likely to be dead.
    pub probe_time: Duration,
    /// A connection that held for less does not make the next delay short again, nor the next token fresh.
    pub stable_time: Duration,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            token_time: Duration::from_secs(30),
            open_time: Duration::from_secs(15),
            handshake_time: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
            probe_time: Duration::from_secs(5),
            stable_time: Duration::from_secs(10),
        }
    }
}

/// What the app presents to the server. Never shown in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The app's answer to [`Effect::FetchToken`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAnswer {
    Granted(Token),
    /// This app connects without.
    NotNeeded,
    /// Nobody is signed in.
    SignedOut,
    /// It could not be had just now.
    Failed {
        reason: String,
    },
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The app wants a connection; while one is waited for, at once.
    Connect,
    /// The app wants none.
    Disconnect,
    /// The app was told that the network is another, or came to the front: what was given up on may work now, and
    /// what seems to be there may be dead.
    NetworkChanged,
    Token(TokenAnswer),
    /// The WebSocket that [`Effect::Open`] asked for is there.
    Opened,
    /// A binary WebSocket message.
    Binary(Bytes),
    /// Anything else that shows life: pings, pongs.
    Heard,
    /// The WebSocket has ended, or was never made.
    Ended(End),
    /// Word from a replica to the server.
    Tell {
        document: DocumentId,
        notice: Notice,
    },
    /// Nothing more is to be heard of this document.
    Close(DocumentId),
    /// The time given by [`Link::deadline`] has come.
    DeadlinePassed,
}

/// What the driver must do, in order.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Ask the app for a token and answer with [`Input::Token`].
    FetchToken(TokenReason),
    /// Open a WebSocket, in place of any there was; answer with [`Input::Opened`] or [`Input::Ended`].
    Open(Option<Token>),
    Send(Bytes),
    /// Send a WebSocket ping.
    Ping,
    /// Let go of the WebSocket, or of the try to open one; nothing more of it counts.
    Drop,
    /// The handshake is through: replicas may speak to this peer.
    Connected(Arc<PeerInfo>),
    /// Nothing more reaches that peer.
    Disconnected,
    ToReplica {
        document: DocumentId,
        word: Word,
    },
    /// [`Link::state`] is another.
    StateChanged,
    /// A try or a connection ended in a way that passes, for the app's eyes.
    Troubled {
        reason: String,
    },
}

/// The one connection of a client: made, kept, lost and made again.
#[derive(Debug)]
pub struct Link {
    identity: ClientIdentity,
    options: LinkOptions,
    limits: Arc<Limits>,
    backoff: Backoff,
    phase: Phase,
    /// Connections so far: each is a session of its own.
    sessions: u64,
    trust: Trust,
}

/// What is known of the token that the app would bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Nothing against it.
    Usable,
    /// The server refused the last one: only a new one will do, and it is asked for until there is one.
    MustBeNew,
    /// It was fetched because the one before it was refused, and has not proved itself.
    New,
}

#[derive(Debug)]
enum Phase {
    Off,
    FetchingToken { deadline: Duration },
    Opening { deadline: Duration },
    Handshaking { deadline: Duration },
    Live(Live),
    Waiting { retry_at: Duration, retry_in: Duration },
    Unauthorized { reason: String },
    Rejected { code: u16, reason: String },
}

#[derive(Debug)]
struct Live {
    info: Arc<PeerInfo>,
    since: Duration,
    beat: Beat,
}

/// What comes next if the server stays silent.
#[derive(Debug, Clone, Copy)]
enum Beat {
    PingAt(Duration),
    GiveUpAt(Duration),
}

impl Link {
    /// A link that is off. `seed` decides the delays before tries and nothing else.
    pub fn new(identity: ClientIdentity, options: LinkOptions, limits: Arc<Limits>, seed: u64) -> Self {
        let backoff = Backoff::new(options.backoff_min, options.backoff_max, seed);
        Self { identity, options, limits, backoff, phase: Phase::Off, sessions: 0, trust: Trust::Usable }
    }

    /// Where the connection stands.
    pub fn state(&self) -> ConnectionState {
        let attempt = self.backoff.attempt();
        match &self.phase {
            Phase::Off => ConnectionState::Offline,
            Phase::FetchingToken { .. } | Phase::Opening { .. } | Phase::Handshaking { .. } => {
                ConnectionState::Connecting { attempt }
            }
            Phase::Live(_) => ConnectionState::Connected,
            Phase::Waiting { retry_in, .. } => ConnectionState::Waiting { retry_in: *retry_in, attempt },
            Phase::Unauthorized { reason } => ConnectionState::Unauthorized { reason: reason.clone() },
            Phase::Rejected { code, reason } => {
                ConnectionState::Rejected { code: *code, reason: reason.clone() }
            }
        }
    }

    /// When to send [`Input::DeadlinePassed`], on the clock of [`Moment::elapsed`].
    pub fn deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::FetchingToken { deadline }
            | Phase::Opening { deadline }
            | Phase::Handshaking { deadline }
            | Phase::Waiting { retry_at: deadline, .. } => Some(*deadline),
            Phase::Live(live) => Some(live.beat.at()),
            Phase::Off | Phase::Unauthorized { .. } | Phase::Rejected { .. } => None,
        }
    }

    /// Applies one input and answers what the driver must do.
    pub fn handle(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let (mut effects, before) = (Vec::new(), self.state());
        let now = now.elapsed;
        match input {
            Input::Connect => self.connect(now, &mut effects),
            Input::Disconnect => self.leave(Phase::Off, &mut effects),
            Input::NetworkChanged => self.probe(now, &mut effects),
            Input::Token(answer) => self.take_token(now, answer, &mut effects),
            Input::Opened => self.join(now, &mut effects),
            Input::Binary(bytes) => self.receive(now, &bytes, &mut effects),
            Input::Heard => self.hear(now),
            Input::Ended(end) => self.ended(now, end, &mut effects),
            Input::Tell { document, notice } => self.tell(document, notice, &mut effects),
            Input::Close(document) => self.close(document, &mut effects),
            Input::DeadlinePassed => self.check_deadline(now, &mut effects),
        }
        if self.state() != before {
            effects.push(Effect::StateChanged);
        }
        effects
    }

    fn connect(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Waiting { .. } => self.fetch_token(now, TokenReason::Retry, effects),
            Phase::Off | Phase::Unauthorized { .. } | Phase::Rejected { .. } => {
                self.backoff.reset();
                self.trust = Trust::Usable;
                self.fetch_token(now, TokenReason::Initial, effects);
            }
            Phase::FetchingToken { .. }
            | Phase::Opening { .. }
            | Phase::Handshaking { .. }
            | Phase::Live(_) => {}
        }
    }

    /// Ends whatever is under way.
    fn leave(&mut self, next: Phase, effects: &mut Vec<Effect>) {
        match std::mem::replace(&mut self.phase, next) {
            Phase::Live(_) => effects.extend([Effect::Drop, Effect::Disconnected]),
            Phase::FetchingToken { .. } | Phase::Opening { .. } | Phase::Handshaking { .. } => {
                effects.push(Effect::Drop);
            }
            Phase::Off | Phase::Waiting { .. } | Phase::Unauthorized { .. } | Phase::Rejected { .. } => {}
        }
    }

    fn probe(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        match &mut self.phase {
            Phase::Live(live) => {
                let give_up_at = now + self.options.probe_time.min(self.options.heartbeat);
                // A connection that is silent already gets no more time, however often the network changes.
                live.beat = Beat::GiveUpAt(match live.beat {
                    Beat::PingAt(_) => give_up_at,
                    Beat::GiveUpAt(at) => at.min(give_up_at),
                });
                effects.push(Effect::Ping);
            }
            // A try that began on the old network may hang there until its time is up.
            Phase::Opening { .. } | Phase::Handshaking { .. } => {
                effects.push(Effect::Drop);
                self.fetch_token(now, TokenReason::Retry, effects);
            }
            Phase::Waiting { .. } => self.fetch_token(now, TokenReason::Retry, effects),
            Phase::Off
            | Phase::FetchingToken { .. }
            | Phase::Unauthorized { .. }
            | Phase::Rejected { .. } => {}
        }
    }

    fn fetch_token(&mut self, now: Duration, reason: TokenReason, effects: &mut Vec<Effect>) {
        self.phase = Phase::FetchingToken { deadline: now + self.options.token_time };
        let reason = if self.trust == Trust::MustBeNew { TokenReason::Expired } else { reason };
        if reason != TokenReason::Expired {
            // The app may bring one from its cache.
            self.trust = Trust::Usable;
        }
        effects.push(Effect::FetchToken(reason));
    }

    fn take_token(&mut self, now: Duration, answer: TokenAnswer, effects: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::FetchingToken { .. }) {
            return;
        }
        let token = match answer {
            TokenAnswer::Granted(token) => Some(token),
            TokenAnswer::NotNeeded => None,
            TokenAnswer::SignedOut => {
                self.phase = Phase::Unauthorized { reason: "nobody is signed in".to_owned() };
                return;
            }
            TokenAnswer::Failed { reason } => {
                return self.wait(now, format!("no token could be had: {reason}"), effects);
            }
        };
        if self.trust == Trust::MustBeNew {
            self.trust = Trust::New;
        }
        self.phase = Phase::Opening { deadline: now + self.options.open_time };
        effects.push(Effect::Open(token));
    }

    fn join(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Opening { .. }) {
            return;
        }
        self.phase = Phase::Handshaking { deadline: now + self.options.handshake_time };
        // A server that remembered what we have would be wrong about a store that was rolled back or copied. We
        // remember by ourselves what is shared, and say so in every greeting.
        let metadata =
            PeerMetadata { storage_id: None, is_ephemeral: true, extensions: vec![EXTENSION.to_owned()] };
        effects.push(Effect::Send(Frame::Join(Join::new(self.identity.peer.clone(), metadata)).encode()));
    }

    fn hear(&mut self, now: Duration) {
        if let Phase::Live(live) = &mut self.phase {
            live.beat = Beat::PingAt(now + self.options.heartbeat);
        }
    }

    fn receive(&mut self, now: Duration, bytes: &Bytes, effects: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Handshaking { .. } | Phase::Live(_)) {
            // The last word of a connection that is gone.
            return;
        }
        self.hear(now);
        let Ok(frame) = Frame::decode(bytes) else {
            return self.lose(now, "the server sent something that is not of this protocol", effects);
        };
        match (&self.phase, frame) {
            (Phase::Handshaking { .. }, Frame::Peer(peer)) => self.begin(now, peer, effects),
            (_, Frame::Error { message, .. }) => effects.push(Effect::Troubled { reason: message }),
            (Phase::Live(_), Frame::Sync(sync) | Frame::Request(sync)) => self.sync(now, &sync, effects),
            (Phase::Live(live), Frame::DocUnavailable { document, .. }) => {
                let word = Word { from: live.info.session, said: Said::Unavailable };
                effects.push(Effect::ToReplica { document, word });
            }
            (Phase::Live(live), Frame::Extension { frame, .. }) => {
                pass_on(live.info.session, frame, effects);
            }
            (
                _,
                Frame::Join(_)
                | Frame::Peer(_)
                | Frame::Request(_)
                | Frame::Sync(_)
                | Frame::DocUnavailable { .. }
                | Frame::Ephemeral(_)
                | Frame::RemoteSubscriptionChange(_)
                | Frame::RemoteHeadsChanged(_)
                | Frame::Leave { .. }
                | Frame::Extension { .. }
                | Frame::Unknown { .. },
            ) => {}
        }
    }

    fn begin(&mut self, now: Duration, peer: Peer, effects: &mut Vec<Effect>) {
        self.sessions += 1;
        let extended = peer.metadata.extensions.iter().any(|name| name == EXTENSION);
        // What is shared with this server is remembered by the replicas, under the name of its address.
        let info = PeerInfo { session: SessionId(self.sessions), peer: peer.sender, storage: None, extended };
        let info = Arc::new(info);
        let beat = Beat::PingAt(now + self.options.heartbeat);
        self.phase = Phase::Live(Live { info: Arc::clone(&info), since: now, beat });
        effects.push(Effect::Connected(info));
    }

    fn sync(&mut self, now: Duration, sync: &SyncFrame, effects: &mut Vec<Effect>) {
        let Phase::Live(live) = &self.phase else { return };
        let info = Arc::clone(&live.info);
        let from = info.session;
        let Ok(mut message) = SyncMessage::decode(&sync.data) else {
            return self.lose(now, "the server sent a sync message that is not well-formed", effects);
        };
        let document = sync.document;
        let Checked { changes, refused, .. } =
            Checked::new(std::mem::take(&mut message.changes), &self.limits);
        for refusal in refused {
            let word = Word { from, said: Said::Unfit(refusal) };
            effects.push(Effect::ToReplica { document, word });
        }
        let received = Box::new(Received { from: info, message, changes });
        effects.push(Effect::ToReplica { document, word: Word { from, said: Said::Sync(received) } });
    }

    fn tell(&mut self, document: DocumentId, notice: Notice, effects: &mut Vec<Effect>) {
        let Phase::Live(live) = &self.phase else { return };
        let (sender, target) = (self.identity.peer.clone(), live.info.peer.clone());
        let frame = match notice {
            Notice::Sync(data) | Notice::Part { data, .. } => {
                Frame::Sync(SyncFrame { document, sender, target, data })
            }
            Notice::Request(data) => Frame::Request(SyncFrame { document, sender, target, data }),
            // These are what a server tells a client.
            Notice::Unavailable
            | Notice::Ephemeral(_)
            | Notice::RemoteHeads(_)
            | Notice::Durable(_)
            | Notice::Refused { .. }
            | Notice::Close(_) => return,
        };
        effects.push(Effect::Send(frame.encode()));
    }

    fn close(&mut self, document: DocumentId, effects: &mut Vec<Effect>) {
        let Phase::Live(live) = &self.phase else { return };
        if live.info.extended {
            let (sender, target) = (self.identity.peer.clone(), live.info.peer.clone());
            let frame = ExtensionFrame::Close { document };
            effects.push(Effect::Send(Frame::Extension { sender, target, frame }.encode()));
        }
    }

    /// The connection is there, but of no use.
    fn lose(&mut self, now: Duration, reason: &str, effects: &mut Vec<Effect>) {
        effects.push(Effect::Drop);
        self.ended(now, End::Broken { reason: reason.to_owned() }, effects);
    }

    fn ended(&mut self, now: Duration, end: End, effects: &mut Vec<Effect>) {
        match &self.phase {
            Phase::Live(live) => {
                if now >= live.since + self.options.stable_time {
                    self.backoff.reset();
                    self.trust = Trust::Usable;
                }
                effects.push(Effect::Disconnected);
            }
            Phase::Opening { .. } | Phase::Handshaking { .. } => {}
            // There is no WebSocket: this one was let go of before it ended.
            Phase::Off
            | Phase::FetchingToken { .. }
            | Phase::Waiting { .. }
            | Phase::Unauthorized { .. }
            | Phase::Rejected { .. } => return,
        }
        match end.verdict() {
            Verdict::Expired { reason } if self.trust == Trust::New => {
                self.phase = Phase::Unauthorized { reason };
            }
            Verdict::Expired { .. } => {
                self.trust = Trust::MustBeNew;
                self.fetch_token(now, TokenReason::Expired, effects);
            }
            Verdict::Stop { code, reason } => self.phase = Phase::Rejected { code, reason },
            Verdict::Retry { reason } => self.wait(now, reason, effects),
        }
    }

    fn wait(&mut self, now: Duration, reason: String, effects: &mut Vec<Effect>) {
        let retry_in = self.backoff.next();
        self.phase = Phase::Waiting { retry_at: now + retry_in, retry_in };
        effects.push(Effect::Troubled { reason });
    }

    fn check_deadline(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.phase {
            Phase::FetchingToken { .. } => {
                effects.push(Effect::Drop);
                self.wait(now, "the app brought no token in time".to_owned(), effects);
            }
            Phase::Opening { .. } => self.lose(now, "the server could not be reached in time", effects),
            Phase::Handshaking { .. } => {
                self.lose(now, "the server did not answer the join in time", effects)
            }
            Phase::Waiting { .. } => self.fetch_token(now, TokenReason::Retry, effects),
            Phase::Live(live) => match live.beat {
                Beat::PingAt(_) => {
                    live.beat = Beat::GiveUpAt(now + self.options.heartbeat);
                    effects.push(Effect::Ping);
                }
                Beat::GiveUpAt(_) => self.lose(now, "the server has gone silent", effects),
            },
            Phase::Off | Phase::Unauthorized { .. } | Phase::Rejected { .. } => {}
        }
    }
}

impl Beat {
    const fn at(self) -> Duration {
        match self {
            Self::PingAt(at) | Self::GiveUpAt(at) => at,
        }
    }
}

fn pass_on(from: SessionId, frame: ExtensionFrame, effects: &mut Vec<Effect>) {
    let (document, said) = match frame {
        ExtensionFrame::Durable { document, heads } => (document, Said::Durable(heads)),
        ExtensionFrame::More { document, heads } => (document, Said::More(heads)),
        ExtensionFrame::Refused { document, change, code, detail } => {
            (document, Said::Refused { change, code, detail })
        }
        ExtensionFrame::Ping { .. } | ExtensionFrame::Pong { .. } | ExtensionFrame::Close { .. } => return,
    };
    effects.push(Effect::ToReplica { document, word: Word { from, said } });
}

#[cfg(test)]
mod tests;
