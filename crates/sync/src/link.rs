//! The client's side of the connection: token, handshake, heartbeat, and when to try again.

mod backoff;
mod incoming;
mod state;
mod vocabulary;

pub use incoming::Incoming;
pub use state::{ConnectionState, End, TokenReason};
pub use vocabulary::{ClientIdentity, Effect, Input, LinkOptions, Token, TokenAnswer};

use crate::checked::Checked;
use crate::replica::{Said, Word};
use crate::room::{Notice, PeerInfo, Received};
use crate::{Moment, SessionId};
use backoff::Backoff;
use incoming::Content;
use state::Verdict;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_document::SyncMessage;
use tiebreak_protocol::{
    DocumentId, EXTENSION, ExtensionFrame, Frame, Join, Peer, PeerMetadata, SyncFrame,
};

/// The one connection of a client: made, kept, lost and made again.
#[derive(Debug)]
pub struct Link {
    identity: ClientIdentity,
    options: LinkOptions,
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
    pub fn new(identity: ClientIdentity, options: LinkOptions, seed: u64) -> Self {
        let backoff = Backoff::new(options.backoff_min, options.backoff_max, seed);
        Self { identity, options, backoff, phase: Phase::Off, sessions: 0, trust: Trust::Usable }
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
            Input::Message(message) => self.receive(now, message, &mut effects),
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

    fn receive(&mut self, now: Duration, message: Incoming, effects: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Handshaking { .. } | Phase::Live(_)) {
            // The last word of a connection that is gone.
            return;
        }
        self.hear(now);
        match (&self.phase, message.0) {
            (_, Content::Malformed(reason)) => self.lose(now, reason, effects),
            (Phase::Live(live), Content::Sync { document, message, checked }) => {
                pass_on_changes(&live.info, document, (message, checked), effects);
            }
            (_, Content::Sync { .. }) => {}
            (_, Content::Frame(frame)) => self.receive_frame(now, frame, effects),
        }
    }

    fn receive_frame(&mut self, now: Duration, frame: Frame, effects: &mut Vec<Effect>) {
        match (&self.phase, frame) {
            (Phase::Handshaking { .. }, Frame::Peer(peer)) => self.begin(now, peer, effects),
            (_, Frame::Error { message, .. }) => effects.push(Effect::Troubled { reason: message }),
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

fn pass_on_changes(
    from: &Arc<PeerInfo>,
    document: DocumentId,
    (message, checked): (SyncMessage, Checked),
    effects: &mut Vec<Effect>,
) {
    let session = from.session;
    for refusal in checked.refused {
        let word = Word { from: session, said: Said::Unfit(refusal) };
        effects.push(Effect::ToReplica { document, word });
    }
    let received = Box::new(Received { from: Arc::clone(from), message, changes: checked.changes });
    effects.push(Effect::ToReplica { document, word: Word { from: session, said: Said::Sync(received) } });
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
