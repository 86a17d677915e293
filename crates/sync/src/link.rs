//! The client's side of the connection: token, handshake, heartbeat, and when to try again.

mod backoff;
mod conversation;
mod incoming;
mod state;
mod vocabulary;

pub use incoming::Incoming;
pub use state::{ConnectionState, End, TokenReason};
pub use vocabulary::{ClientIdentity, Effect, Input, LinkOptions, Token, TokenAnswer};

use crate::Moment;
use crate::room::PeerInfo;
use backoff::Backoff;
use state::Verdict;
use std::sync::Arc;
use std::time::Duration;
use tiebreak_protocol::{EXTENSION, Frame, Join, PeerMetadata};

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
    renewal: Renewal,
}

/// Whether the app is being asked for a token in the middle of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    NotAsked,
    Asked,
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
            return self.send_token(answer, effects);
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
        let metadata = PeerMetadata {
            is_ephemeral: true,
            extensions: vec![EXTENSION.to_owned()],
            ..PeerMetadata::default()
        };
        effects.push(Effect::Send(Frame::Join(Join::new(self.identity.peer.clone(), metadata)).encode()));
    }

    fn hear(&mut self, now: Duration) {
        if let Phase::Live(live) = &mut self.phase {
            live.beat = Beat::PingAt(now + self.options.heartbeat);
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

#[cfg(test)]
mod tests;
